from dataclasses import replace
from datetime import date

import pytest
from conftest import HashEmbedder, ScriptedReader, article

from corpus import Article
from index import Library
from qa import ArticleQA, Settings
from qa.grouping import items_of, kind_of, passage_of_reason

BIRDS = "The heron of Ashby pond weighs {} kilos."


def dated(name: str, text: str, day: str | None) -> Article:
    return replace(article(name, text), published=date.fromisoformat(day) if day else None)


def over(*articles: Article, threshold: float = 0.0) -> ArticleQA:
    """An assistant whose reader likes numbers, the later in a passage the better."""

    def logits(text: str) -> tuple[list[float], list[float], float]:
        words = text.replace(".", " ").split()
        scores = [8.0 + n / 10 if word.isdigit() else -5.0 for n, word in enumerate(words)]
        return scores, scores, 0.0

    library = Library.in_memory(HashEmbedder())
    library.add(articles)
    return ArticleQA(library, ScriptedReader(logits), settings=Settings(threshold=threshold))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("£22.6 million", "£"),
        ("4.2%", "%"),
        ("24", "amount "),
        ("30 dives", "amount dive"),
        ("three years", "amount year"),
        ("September 9", "day"),
        ("last Saturday", "day"),
        ("2019", "day"),
        ("Hanne Kostelac", "name"),
        ("because of high winds", None),
        ("white with orange tips", None),
    ],
)
def test_kinds(text, kind):
    assert kind_of(text) == kind


def test_disagreeing_answers_stand_side_by_side_newest_first():
    with over(
        dated("a", BIRDS.format(4), "2019-05-01"),
        dated("b", BIRDS.format(6), "2022-05-01"),
        dated("c", "The keeper of Ashby pond says that its heron weighs 6 kilos now.", "2021-05-01"),
    ) as bot:
        answer = bot.answer("How many kilos does the heron of Ashby pond weigh?")
    assert [(group.text, str(group.published)) for group in answer.groups] == [
        ("6", "2022-05-01"),
        ("4", "2019-05-01"),
    ]
    assert [[quote.span.passage.article_id for quote in group.quotes] for group in answer.groups] == [["b", "c"], ["a"]]
    for group in answer.groups:
        for quote in group.quotes:
            text = answer.articles[quote.span.passage.article_id].text
            assert text[quote.span.start : quote.span.end] == quote.span.text
    written = answer.to_dict()["groups"]
    assert [(group["answer"], group["published"], len(group["citations"])) for group in written] == [
        ("6", "2022-05-01", 2),
        ("4", "2019-05-01", 1),
    ]


def test_one_answer_of_several_articles_is_one_group():
    with over(dated("a", BIRDS.format(4), None), dated("b", "Ashby pond: " + BIRDS.format(4), "2022-05-01")) as bot:
        answer = bot.answer("How many kilos does the heron of Ashby pond weigh?")
    (group,) = answer.groups
    assert [quote.span.passage.article_id for quote in group.quotes] == ["b", "a"]


def test_another_thing_is_no_disagreement():
    with over(
        dated("a", BIRDS.format(4), "2019-05-01"), dated("b", "The stork of Selby pond weighs 6 kilos.", None)
    ) as bot:
        assert bot.answer("How many kilos does the heron of Ashby pond weigh?").groups == ()


def test_a_question_of_a_year_has_one_answer():
    with over(dated("a", BIRDS.format(4), "2019-05-01"), dated("b", BIRDS.format(6), "2022-05-01")) as bot:
        assert bot.answer("How many kilos did the heron of Ashby pond weigh in 2019?").groups == ()


def test_disagreeing_samples(bot):
    age = bot.answer("How old is Elise Varnholt?")
    assert [(group.text, group.published.year) for group in age.groups] == [("25", 2020), ("24", 2019)]
    assert age.text in {"24", "25"}
    cost = bot.answer("How much did the swing bridge cost?")
    assert [(group.text, group.published.year) for group in cost.groups] == [
        ("£24.1 million", 2024),
        ("£22.6 million", 2021),
    ]


def test_a_reason_comes_with_its_passage(bot):
    answer = bot.answer("Why is Leopold Strand stepping down?")
    assert answer.longer is not None
    text = answer.article.text
    assert text[answer.longer.start : answer.longer.end] == answer.longer.text
    assert answer.longer.start <= answer.span.start < answer.span.end <= answer.longer.end
    assert answer.to_dict()["longer"]["text"] == answer.longer.text
    assert passage_of_reason("How old is he?", answer.best) is None
    assert passage_of_reason("How many are there?", answer.best) is None
    assert passage_of_reason("How did it come about?", answer.best) is not None


@pytest.mark.parametrize(
    ("question", "text", "items"),
    [
        ("Which two drivers won?", "Ada Lunn and Bo Strand", ("Ada Lunn", "Bo Strand")),
        ("What does it measure?", "heart rate, breathing and fluid", ("heart rate", "breathing", "fluid")),
        ("Name the drivers.", "Ada, Bo, Cy", ("Ada", "Bo", "Cy")),
        ("When was it?", "May 4, 2021", ()),
        ("Who won?", "Ada Lunn", ()),
        ("Why did he leave?", "to rest and to read", ()),
        ("Which drivers won?", "Ada Lunn", ()),
    ],
)
def test_items(question, text, items):
    assert items_of(question, text) == items
    assert all(item in text for item in items)


def test_words_that_no_article_has_are_named(bot):
    answer = bot.answer("How much does the gryphon of Zanzibar weigh?")
    assert answer.best is None
    assert answer.unknown_words == ("gryphon", "Zanzibar")
    assert "“gryphon”" in answer.hint
    assert "\n" not in answer.hint
    assert answer.to_dict()["unknown_words"] == ["gryphon", "Zanzibar"]
    assert answer.hits


def test_a_given_answer_has_no_hint(bot):
    answer = bot.answer("Who replaces Sims?")
    assert (answer.hint, answer.unknown_words, answer.choices) == (None, (), ())

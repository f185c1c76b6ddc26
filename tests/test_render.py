from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.article_view import SHOWN_CHARACTERS, article_html
from app.markup import Html, button, join, tag
from app.panel import library_html
from app.render import answer_html, confidence_html, confidence_word, notice_html, question_html
from app.suggestions import start_html
from corpus import Article, Passage
from index import ArticleInfo, Hit
from qa import Answer, Quote, Span, Timings

PAYLOADS = [
    "<script>hit()</script>",
    '<img src=x onerror="hit()">',
    '"><svg onload=hit()>',
    "' onmouseover='hit()",
    "</blockquote></details><form action=http://evil.example><input type=password>",
    "![](http://evil.example/i.png)",
    "[link](javascript:hit())",
    "*stars* and _lines_ and `code`",
    "$$x^2$$ and \\(y\\)",
    "```mermaid\ngraph TD; A-->B\n```",
    "${hit()} {{hit}} {% hit %}",
    "&lt;b&gt; &amp; &#60;b&#62;",
    "<!-- --><![CDATA[x]]><style>*{display:none}</style>",
    "tab\there, line\r\nbreaks\n\n  and indents",
    "\u202eright to left\u2066",
]


class Seen(HTMLParser):
    """What a browser makes of some HTML: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.inside: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in {"input", "path"}:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data
        for element in set(self._open):
            self.inside[element] = self.inside.get(element, "") + data

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}


def answered(
    before: str = "Before it. ",
    sentence: tuple[str, str, str] = ("They took ", "200", " points away."),
    after: str = " After it.",
    *,
    title: str = "The title",
    source: str = "/home/someone/articles/one.txt",
    question: str = "How many points?",
    understood_as: str | None = None,
    confidence: float = 0.93,
    given: bool = True,
    reason: str | None = None,
    alternatives: int = 0,
    pages: tuple[int, ...] = (),
) -> Answer:
    """An answer whose only article is `before`, the sentence in three parts with the quote in the middle, `after`."""
    text = before + "".join(sentence) + after
    article = Article(id="one", title=title, text=text, source=source, published=date(2023, 10, 19), pages=pages)
    passage = Passage(article.id, 0, len(text), text)
    start = len(before) + len(sentence[0])
    span = Span(passage, start, start + len(sentence[1]), sentence[1], 5.0)
    quote = Quote(span, confidence, "".join(sentence), len(before))
    return Answer(
        question=question,
        understood_as=understood_as or question,
        best=quote if given else None,
        confidence=confidence,
        alternatives=tuple(replace(quote, confidence=0.3) for _ in range(alternatives)),
        hits=(Hit(passage=passage, article=article, score=1.0, dense=0.5, lexical=0.5),),
        articles={article.id: article},
        timings=Timings(10, 110, 120),
        reason=reason,
    )


def test_the_quote_is_bold_in_its_sentence_and_marked_in_its_passage():
    seen = Seen(answer_html(answered()))
    assert seen.inside["strong"] == "200"
    assert seen.inside["mark"] == "200"
    assert seen.inside["blockquote"] == "Before it. They took 200 points away. After it."
    assert "They took 200 points away." in seen.text
    assert "The title19 October 2023 · one.txt" in seen.text
    assert "/home" not in seen.text
    assert "Very sure · 93%" in seen.text


def test_offsets_decide_where_the_quote_is_even_when_it_stands_there_twice():
    answer = answered(before="200 first. ", sentence=("Of 200 points, ", "200", " went."))
    html = answer_html(answer)
    assert "Of 200 points, <strong>200</strong> went." in html
    assert "200 first. Of 200 points, <mark>200</mark> went." in html


@pytest.mark.parametrize("wrong", ["quote", "sentence", "passage"])
def test_an_answer_whose_offsets_do_not_fit_the_article_is_never_shown(wrong):
    answer = answered()
    quote = answer.best
    span = quote.span
    if wrong == "quote":
        quote = replace(quote, span=replace(span, text="300"))
    elif wrong == "sentence":
        quote = replace(quote, sentence_start=quote.sentence_start + 1)
    else:
        quote = replace(quote, span=replace(span, passage=replace(span.passage, start=1)))
    with pytest.raises(AssertionError):
        answer_html(replace(answer, best=quote))


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("place", ["before", "quote", "after", "title", "source", "question", "reason"])
@pytest.mark.parametrize("given", [True, False])
def test_text_stays_text_wherever_it_comes_from(payload, place, given):
    plain = Seen(answer_html(answered(understood_as="else", given=given, reason="Because.", alternatives=1)))
    parts = {
        "before": {"before": f"{payload} "},
        "quote": {"sentence": ("", payload, " it is.")},
        "after": {"after": f" {payload}"},
        "title": {"title": payload},
        "source": {"source": payload},
        "question": {"understood_as": payload},
        "reason": {"reason": payload},
    }[place]
    answer = answered(**({"understood_as": "else", "reason": "Because.", "given": given, "alternatives": 1} | parts))
    html = answer_html(answer)
    seen = Seen(html)
    assert [tag for tag, _ in seen.elements] == [tag for tag, _ in plain.elements]
    assert not any(name.startswith("on") for _, attributes in seen.elements for name in attributes)
    assert "\n" not in html
    assert "\t" not in html
    if place in {"before", "quote", "after"}:
        assert answer.articles["one"].text in seen.inside["blockquote"]
    elif place == "title":
        assert payload in seen.inside["cite"]


@given(st.text(), st.text(min_size=1), st.text())
def test_the_passage_is_shown_exactly_as_it_stands(before, quote, after):
    text = f"{before}{quote}{after}"
    seen = Seen(answer_html(answered(before=before, sentence=("", quote, ""), after=after)))
    assert seen.inside["blockquote"] == text
    assert seen.inside["mark"] == quote


@given(st.text())
def test_a_question_and_a_notice_are_shown_exactly(words):
    assert Seen(question_html(words)).text == words
    assert words[1:] in Seen(notice_html(words)).text


def test_a_very_long_question_is_cut():
    assert len(Seen(question_html("x" * 50_000)).text) == 301


def test_a_very_long_sentence_is_cut_around_the_quote_but_the_passage_is_whole():
    answer = answered(sentence=("a" * 5_000, "200", "b" * 5_000))
    seen = Seen(answer_html(answer))
    sentence = seen.inside["p"]
    assert f"… {'a' * 200}200{'b' * 200} …" in sentence
    assert "a" * 201 not in sentence
    assert seen.inside["blockquote"] == answer.hits[0].passage.text


def test_when_the_articles_do_not_say_the_reason_and_the_closest_passage_are_shown():
    answer = answered(given=False, confidence=0.08, reason="no passage answers this surely enough")
    html = answer_html(answer)
    seen = Seen(html)
    assert seen.text.startswith("The articles do not say.No passage answers this surely enough.")
    assert seen.inside["blockquote"] == answer.hits[0].passage.text
    assert "The title19 October 2023" in seen.inside["details"]
    assert "What would help" in seen.text
    assert not {"strong", "mark"} & seen.tags


def test_when_there_are_no_articles_no_passage_is_shown():
    seen = Seen(answer_html(replace(answered(given=False, reason="there are no articles to search"), hits=())))
    assert "There are no articles to search." in seen.text
    assert "details" not in seen.tags


@pytest.mark.parametrize(
    ("confidence", "word", "percent"),
    [
        (1.0, "very sure", 99),
        (0.9, "very sure", 90),
        (0.89, "sure", 89),
        (0.75, "sure", 75),
        (0.74, "fairly sure", 74),
        (0.5, "fairly sure", 50),
        (0.49, "unsure", 49),
        (0.0, "unsure", 1),
    ],
)
def test_confidence_in_words_and_percent(confidence, word, percent):
    html = confidence_html(confidence)
    seen = Seen(html)
    assert confidence_word(confidence) == word
    assert seen.text.startswith(f"{word.capitalize()} · {percent}%The probability")
    assert f"width:{percent}%" in html
    assert f"about {percent} are right" in seen.text


def test_the_question_as_understood_is_shown_only_when_it_differs():
    assert "Understood as" not in answer_html(answered())
    assert "Understood as: How old is Sims?" in Seen(answer_html(answered(understood_as="How old is Sims?"))).text


@pytest.mark.parametrize(
    ("source", "shown", "link"),
    [
        (
            "https://news.example/a?b=1&c=<d>",
            "news.example",
            "https://news.example/a?b=1&c=<d>#:~:text=it.%20They%20took-,200,-points%20away.%20After",
        ),
        ("javascript:hit()//news.example", "news.example", None),
        ("data:text/html,hit", "html,hit", None),
        ("http://[half", "[half", None),
        ("sample:one.txt", "bundled sample", None),
        ("C:\\articles\\one.txt", "one.txt", None),
    ],
)
def test_only_web_addresses_are_links(source, shown, link):
    seen = Seen(answer_html(answered(source=source)))
    assert f"19 October 2023 · {shown}" in seen.text
    links = [attributes for tag, attributes in seen.elements if tag == "a"]
    assert [attributes["href"] for attributes in links] == ([link] if link else [])
    assert all("noopener" in attributes["rel"] for attributes in links)


def test_the_page_of_a_quote_is_named():
    assert "· page 2 ·" in Seen(answer_html(answered(pages=(0, 5)))).text


def test_other_answers_are_listed_with_their_confidence():
    seen = Seen(answer_html(answered(alternatives=2)))
    assert "2 other possible answers" in seen.inside["summary"]
    assert seen.inside["ul"].count("Unsure · 30%") == 2


def info(title: str, published: date | None, passages: int) -> ArticleInfo:
    return ArticleInfo(
        id=title, title=title, source="a.txt", published=published, author=None, characters=100, passages=passages
    )


def test_the_library_lists_its_articles_the_newest_first():
    old = info("Old <b>", date(2020, 1, 2), 1)
    new = info("New", date(2024, 1, 2), 2)
    undated = info("Undated", None, 1_000)
    seen = Seen(library_html([old, undated, new]))
    assert "3 articles · 1,003 passages" in seen.text
    titles = [seen.inside["ul"].index(title) for title in ("New", "Old <b>", "Undated")]
    assert titles == sorted(titles)
    assert "2 January 2024 · 2 passages" in seen.inside["ul"]


def test_a_large_library_is_cut_and_says_so():
    seen = Seen(library_html([info("One", None, 1)] * 1_234))
    assert seen.inside["bdi"].count("One") == 200
    assert "and 1,034 more" in seen.text


def test_the_library_is_filtered_by_every_word_of_title_source_and_date():
    articles = [info("Sea ice", date(2025, 4, 15), 1), info("Ice hockey", date(2024, 1, 2), 1)]
    assert Seen(library_html(articles, "ICE sea")).inside["bdi"] == "Sea ice"
    assert "1 of 2 articles" in Seen(library_html(articles, "2024-01")).text
    assert 'data-filter="2024-01"' in library_html(articles, "2024-01")
    assert "No article fits this filter." in Seen(library_html(articles, "<b>")).text
    assert "Nothing here yet" in Seen(library_html([])).text


def test_a_button_says_what_it_does_in_its_value():
    (name, stated), *_ = Seen(button("x", "open", data={"article": '"><img>', "start": 1})).elements
    assert name == "button"
    assert json.loads(stated["value"]) == {"do": "open", "article": '"><img>', "start": 1}


def test_an_answer_of_a_turn_can_be_copied_opened_and_judged():
    seen = Seen(answer_html(answered(), turn="t1"))
    does = [json.loads(stated["value"]) for name, stated in seen.elements if name == "button" and "value" in stated]
    assert {"do": "open", "article": "one", "start": 21, "end": 24} in does
    assert {"do": "verdict", "turn": "t1", "verdict": "right"} in does
    copied = next(one["text"] for one in does if one["do"] == "copy")
    assert copied == "“200” (The title, 19 October 2023, one.txt)\n\nThey took 200 points away."
    assert "There is no answer" in Seen(answer_html(answered(), turn="t1", verdict="wrong")).text
    assert "Is this right?" not in Seen(answer_html(answered(), turn="t1", verdict="right")).text
    assert '"verdict": "nothing"' in str(Seen(answer_html(answered(given=False), turn="t1")).elements)


def hostile_strings() -> list[str]:
    """300 strings: every payload in every wrapping, and what each of the first characters of Unicode does alone."""
    wrappings = [
        "{}",
        "'{}",
        '"{}',
        "`{}",
        "<!--{}",
        "</script>{}",
        "<title>{}",
        "&#60;{}",
        "\u2028{}",
        "{}\0".replace("\0", "\x01"),
    ]
    wrappings += ["x=1 {}", "\\{}", "{}\n```", "]]>{}", "</textarea>{}", "</p>{}", "%3C{}", "\u202e{}"]
    made = [wrapping.replace("{}", payload) for wrapping in wrappings for payload in PAYLOADS]
    return [*made, *(chr(code) + payload for code in range(32, 64) for payload in PAYLOADS)][:300]


@pytest.mark.parametrize("words", hostile_strings())
def test_300_hostile_strings_stay_text_in_every_part_of_the_page(words):
    article = Article(id=words, title=words, text=f"Before. {words} After.", source=f"/home/a/{words}", author=words)
    start, end = 8, 8 + len(words)
    answer = answered(
        sentence=("So ", words, "!"), title=words, source=f"file {words}", question=words, understood_as=f"{words}?"
    )
    parts = {
        "answer": (answer_html(answer, turn="t"), answer_html(answered(question="q", understood_as="p"), turn="t")),
        "article": (
            article_html(article, start, end),
            article_html(Article("a", "t", "Before. xxx After.", "/home/a/b", author="c"), 8, 11),
        ),
        "library": (library_html([info(words, None, 1)]), library_html([info("x", None, 1)])),
        "start": (start_html([words], has_articles=True), start_html(["x"], has_articles=True)),
        "question": (question_html(words), question_html("x")),
        "notice": (notice_html(words), notice_html("x")),
    }
    for part, (html, plain) in parts.items():
        seen = Seen(html)
        assert seen.tags == Seen(plain).tags | ({"span", "mark"} if part == "article" else set()), part
        assert not [key for _, stated in seen.elements for key in stated if key.startswith("on")], part
        links = [
            stated.get("href") or stated.get("src")
            for _, stated in seen.elements
            if "href" in stated or "src" in stated
        ]
        assert links == [], part
        assert words[1:] in seen.text, part
    assert "".join(Seen(html).inside["div"] for html in [parts["article"][0]]) == article.text


def test_an_article_is_shown_character_for_character_with_its_mark():
    text = "One.\r\n\n\tTwo \U0001f600 lines\nin a quote.\n\n  Three & <b>.\n"
    article = Article("a", "A title", text, "https://news.example/a", published=date(2024, 1, 2), pages=(0, 10))
    start = text.index("lines")
    seen = Seen(article_html(article, start, start + 13))
    assert seen.inside["div"] == text
    assert seen.inside["mark"] == text[start : start + 13]
    assert [stated.get("id") for name, stated in seen.elements if name == "mark"] == ["aq-here", None]
    assert "page 2 of 2" in seen.text
    assert Seen(article_html(article, 5, 5)).inside.get("mark") is None
    assert Seen(article_html(article, -1, 10**9)).inside["div"] == text


@given(st.text(), st.integers(-3, 200), st.integers(-3, 200))
def test_any_article_is_shown_exactly(text, start, end):
    assert Seen(article_html(Article("a", "t", text, "s"), start, end)).inside.get("div", "") == text


def test_of_a_very_long_article_the_part_around_the_mark_is_shown_with_ways_to_the_rest():
    text = "0123456789" * 50_000
    seen = Seen(article_html(Article("a", "t", text, "s"), 250_000, 250_010))
    shown = next(stated for name, stated in seen.elements if stated.get("class", "").startswith("aq-text"))
    first = int(shown["data-first"])
    assert seen.inside["div"] == text[first : first + SHOWN_CHARACTERS]
    assert seen.inside["mark"] == "0123456789"
    assert "earlier text" in seen.text
    assert "later text" in seen.text


def test_markup_is_made_by_tag_alone():
    assert tag("p", "<b>", title='"') == '<p title="&quot;">&lt;b&gt;</p>'
    assert join(tag("b", "x"), "<i>") == "<b>x</b>&lt;i&gt;"
    assert tag("p", tag("b", "x") + "<i>") == "<p>&lt;b&gt;x&lt;/b&gt;&lt;i&gt;</p>"
    assert isinstance(tag("p"), Html)


def test_rendering_needs_no_gradio():
    modules = "app.render, app.panel, app.article_view, app.export, app.feedback"
    code = f"import sys, {modules}; assert not {{'gradio', 'fastapi', 'torch'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

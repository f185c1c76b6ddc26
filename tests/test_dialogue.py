"""Conversations with the bundled models over the bundled articles, and what is kept and shown of them."""

import json

import pytest

from app.conversation import Turn, of_records, to_records
from app.render import answer_html
from app.terminal import print_answer
from corpus import QuestionError, samples
from eval.conversation import ask_dependent, ask_independent, figures, load_conversations, markdown
from eval.dataset import BUNDLED_QUESTIONS, load_questions
from qa.batch import read_history
from qa.findings import Places
from qa.followup import understand
from qa.genders import gender

PAIR = [("Which two drivers is Blomqvist teaming up with at Action Express?", "Pipo Derani and Jack Aitken")]
PATCH = [("What does one Pulvane patch cost?", "£86")]


@pytest.mark.parametrize(
    ("question", "history", "understood", "answer"),
    [
        ("What does it measure?", PATCH, "What does one Pulvane patch measure?", "heart rate, breathing"),
        (
            "why?",
            [("Who does Morag Aitken replace at the Northmoor Philharmonic?", "Leopold Strand"),
             ("Is he stepping down?", "stepping down")],
            "Why is Leopold Strand stepping down?",
            "he is losing his hearing",
        ),
        (
            "what about Oduya?",
            [("How old was Elise Varnholt in September 2019?", "24")],
            "How old was Oduya in September 2019?",
            "33",
        ),
        ("When was that?", [("Where did Petrel-2 take off from?", "Kiruna in northern Sweden")],
         "When did Petrel-2 take off from Kiruna in northern Sweden?", "Saturday"),
    ],
)  # fmt: skip
def test_follow_ups(bot, question, history, understood, answer):
    found = bot.answer(question, history)
    assert found.understood_as == understood
    assert answer in (found.text or "")
    undone = bot.answer(question, history, as_written=True)
    assert undone.understood_as == question


def test_two_who_tie_are_asked_back(bot):
    answer = bot.answer("How old is he?", PAIR)
    assert answer.choices == ("How old is Pipo Derani?", "How old is Jack Aitken?")
    assert answer.best is None
    assert answer.to_dict()["choices"] == list(answer.choices)
    assert "Which one do you mean?" in str(answer_html(answer))
    assert "do not say" not in str(answer_html(answer))


def test_they_are_both(bot):
    answer = bot.answer("Who is their team manager?", PAIR)
    assert answer.understood_as == "Who is Pipo Derani and Jack Aitken's team manager?"


def test_who_else_is_somebody_else(bot):
    history = [("Who drove the #60 Acura?", "Tom Blomqvist")]
    answer = bot.answer("who else?", history)
    assert answer.understood_as == "Who else drove the #60 Acura?"
    assert answer.text != "Tom Blomqvist"


def test_the_articles_say_who_is_he_and_who_is_she():
    texts = {one.id: one.text for one in samples()}
    told = texts["2019-09-24-corvane-calls-up-varnholt"]
    assert gender("Elise Varnholt", told) == "she"
    assert gender("Mattis Oduya", told) == "he"
    assert gender("Hanne Kostelac", told) is None
    assert gender("Dilys Pym", texts["2024-06-17-saltmere-regatta-vase"]) == "she"


def test_pronouns_follow_the_articles(sample_library):
    history = [("Who does Morag Aitken replace at the Northmoor Philharmonic?", "Leopold Strand")]
    locate = Places(sample_library).locate
    assert understand("How old is she?", history, locate).forms == ("How old is Morag Aitken?",)
    assert understand("How old is he?", history, locate).forms == ("How old is Leopold Strand?",)


def test_questions_that_stand_alone_are_never_touched(sample_library):
    """Every bundled question, amid several conversations."""
    histories = [turn.history for turn in load_conversations() if turn.history]
    locate = Places(sample_library).locate
    for number, one in enumerate(load_questions(BUNDLED_QUESTIONS)):
        if not one.history:
            reading = understand(one.question, histories[number % len(histories)], locate)
            assert not reading.forms, one.question
            assert not reading.choices, one.question


@pytest.mark.parametrize("history", [[("a",)], ["ab"], [(1, 2)], "ab", [("a", 5)], [None], {"a": "b"}])
def test_a_history_of_another_form_is_refused(bot, history):
    with pytest.raises(QuestionError, match="history"):
        bot.answer("How old is he?", history)


@pytest.mark.parametrize(
    "history",
    [
        [("(" * 900, ")" * 900)],
        [("Who is \\1 [a-z]+?", "A\\g<0> Bo* (Cy")],
        [("who " * 5_000, "Ada and Bo " * 5_000)],
        [("\0\u202e\ud800", "\ud800")] * 200,
    ],
)
@pytest.mark.parametrize(
    "question", ["why?", "what about \\1?", "and (him)?", "who else?", "how many did they win?", "its?"]
)
def test_hostile_histories_break_nothing(brief_bot, question, history):
    json.dumps(brief_bot.answer(question, history).to_dict()).encode()


def test_conversations_are_measured(bot):
    turns = [one for one in load_conversations() if one.id.startswith("heart-1")]
    results = list(ask_dependent(bot, turns))
    assert len(results) == 4
    asked, changed = ask_independent(bot, ["Who replaces Sims?"], turns)
    assert (asked, changed) == (1, [])
    found = figures(results, asked, changed)
    assert found["halves"]["held-out"]["dependent"] == 4
    assert "asked amid a conversation: 1" in markdown(found)


def test_the_set_is_what_it_says():
    turns = load_conversations()
    texts = {one.id: one.text for one in samples()}
    for half in ("dev", "held-out"):
        dependent = [one for one in turns if one.half == half and one.whole]
        assert len(dependent) >= 40
        assert any(not one.answers for one in dependent)
    for one in turns:
        assert not one.answers or any(answer in text for answer in one.answers for text in texts.values()), one.id


def test_what_is_kept_comes_back(bot):
    asked = ["How old is Elise Varnholt?", "Why is Leopold Strand stepping down?", "Where is the gryphon?"]
    answers = [*(bot.answer(one) for one in asked), bot.answer("How old is he?", PAIR)]
    turns = [Turn(str(number), one.question, one) for number, one in enumerate(answers)]
    records = json.loads(json.dumps(to_records(turns)))
    for turn in of_records(records, bot.library):
        before = answers[int(turn.id)]
        assert turn.answer is not None
        for name in ("choices", "groups", "longer", "items", "unknown_words", "hint"):
            assert getattr(turn.answer, name) == getattr(before, name), name


@pytest.mark.parametrize("key", ["choices", "groups", "longer", "items", "unknown", "hint"])
@pytest.mark.parametrize("value", [5, "x", [5], [[5]], {"a": 1}, None])
def test_kept_fields_that_make_no_sense_break_nothing(bot, key, value):
    records = to_records([Turn("1", "Why?", bot.answer("Why is Leopold Strand stepping down?"))])
    for turn in of_records([records[0] | {key: value}], bot.library):
        assert turn.reply


def test_groups_and_hints_are_printed(bot, capsys):
    for question in ("How old is Elise Varnholt?", "Where is the gryphon?", "Why is Leopold Strand stepping down?"):
        print_answer(bot.answer(question))
    print_answer(bot.answer("How old is he?", PAIR))
    printed = capsys.readouterr().out
    for words in (
        "the articles differ",
        "nowhere in the library: gryphon",
        "in its passage",
        "How old is Jack Aitken?",
    ):
        assert words in printed


def test_a_history_is_read_from_a_file(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text('["Who?", "Ada"]\n\n{"question": "Where?", "answer": null}\n', encoding="utf-8")
    assert read_history(path) == [("Who?", "Ada"), ("Where?", None)]
    path.write_text('["Who?"]\n', encoding="utf-8")
    with pytest.raises(QuestionError, match=r"history\.jsonl:1"):
        read_history(path)

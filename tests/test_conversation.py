"""What the page keeps: turns across reloads, conversations as files, feedback as questions, what is searched."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from conftest import article

from app.conversation import KEPT_BYTES, KEPT_TURNS, Turn, history, of_records, to_records
from app.export import to_json, to_markdown
from app.feedback import FEEDBACK, feedback_row, keep
from app.scope import Scope, narrowed
from app.suggestions import Suggestions
from corpus import Article, LibraryError, samples
from eval.question_files import load_question_file
from index import Library
from qa import ArticleQA

POINTS = "How many points were deducted from Blomqvist and Braun?"
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def answers(bot):
    return {question: bot.answer(question) for question in (POINTS, "What is Blomqvist's favourite cheese?")}


@pytest.fixture
def turns(answers):
    made = [Turn(f"t{number}", question, answer) for number, (question, answer) in enumerate(answers.items())]
    return [*made, Turn("n", "?!", notice="the question is empty")]


def again(turns, library):
    """The turns as they come back from the browser."""
    return of_records(json.loads(json.dumps(to_records(turns))), library)


def test_turns_come_back_from_the_browser_as_they_were(turns, bot):
    turns[0] = replace(turns[0], verdict="right")
    back = again(turns, bot.library)
    assert [turn.reply for turn in back] == [turn.reply for turn in turns]
    assert [turn.verdict for turn in back] == ["right", "", ""]
    assert history(back) == history(turns)
    assert [turn.answer.best for turn in back[:2]] == [turn.answer.best for turn in turns[:2]]


def test_what_no_longer_stands_in_the_library_is_not_shown(turns, embedder):
    with Library.in_memory(embedder) as library:
        gone = again(turns, library)[0]
        assert gone.answer is None
        assert "has changed or left the library" in gone.reply
        changed = [replace(one, text="x" + one.text) for one in samples()]
        library.add(changed)
        assert again(turns, library)[0].answer is None


@pytest.mark.parametrize(
    "records",
    [
        None,
        "text",
        {},
        [None, 1, "x", []],
        [{"asked": 1}],
        [{"id": "x"}],
        [{"asked": "who?", "confidence": "much", "best": None, "alternatives": [], "hits": []}],
        [{"asked": "who?", "confidence": 1, "best": [1, 2], "alternatives": [], "hits": []}],
        [
            {
                "asked": "who?",
                "confidence": 1,
                "best": [["a"], -1, 2, 3, 4, 5, 6, "x", 1, 1],
                "alternatives": [],
                "hits": [],
            }
        ],
        [{"asked": "who?", "confidence": 1, "best": None, "alternatives": None, "hits": [["a", 10**9, -1]]}],
    ],
)
def test_whatever_a_browser_sends_back_does_no_harm(records, bot):
    for turn in of_records(records, bot.library):
        assert turn.answer is None
        assert turn.reply


@pytest.mark.parametrize("place", [3, 4, 5, 6])
def test_a_place_that_was_tampered_with_is_refused(turns, bot, place):
    (record, *_) = to_records(turns)
    record["best"][place] += 1 if place < 6 else -1
    (turn,) = of_records([record], bot.library)
    assert turn.answer is None or turn.answer.best.span.text == turns[0].answer.best.span.text


def test_the_newest_turns_are_kept_within_bounds(turns):
    assert len(to_records(turns[:1] * 100)) <= KEPT_TURNS
    for letter in "x問":
        kept = to_records([Turn(str(number), letter * 1_000, notice="y" * 1_000) for number in range(100)])
        assert len(json.dumps(kept, ensure_ascii=False).encode()) <= KEPT_BYTES + 1_000
        assert kept[-1]["id"] == "99"


def test_a_conversation_is_saved_as_json_in_full(turns):
    said = json.loads(to_json(turns))["turns"]
    assert [turn["asked"] for turn in said] == [turn.asked for turn in turns]
    assert said[0]["answer"] == "200"
    assert said[0]["citation"]["quote"] == "200"
    assert said[2]["notice"] == "the question is empty"


def test_a_conversation_is_saved_as_markdown_in_which_nothing_is_markup(turns, bot):
    said = to_markdown(turns, NOW)
    assert said.startswith("# Conversation with articleqa\n\n2 January 2026\n\n## How many points")
    assert "**200** (fairly sure" in said
    assert "The articles do not say." in said
    evil = "![x](http://evil.example) <b>*_`"
    hostile = to_markdown([Turn("x", evil, notice=evil)], NOW)
    assert "![" not in hostile
    assert "<b>" not in hostile


def test_feedback_is_read_as_evaluation_questions(tmp_path, answers):
    good, none = answers[POINTS], answers["What is Blomqvist's favourite cheese?"]
    other = article("other", "It was \U0001f600 Quimper , in fact.")
    keep(tmp_path, feedback_row("1", good, "right"))
    keep(tmp_path, feedback_row("2", none, "nothing"))
    keep(tmp_path, feedback_row("3", good, "wrong"))
    keep(tmp_path, feedback_row("4", good, "span", article=other, start=8, end=17))
    first, second, third = load_question_file(tmp_path / FEEDBACK).questions
    assert first.answers == ("200",)
    assert first.article_id == good.article.id
    assert second.answers == ()
    assert third.answers == ("Quimper",)
    keep(tmp_path, feedback_row("3", good, "nothing"))
    keep(tmp_path, feedback_row("1", good, "wrong"))
    assert [one.id for one in load_question_file(tmp_path / FEEDBACK).questions] == ["2", "4", "3"]
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize(
    ("verdict", "start", "end"),
    [("span", 0, 0), ("span", 5, 3), ("span", -1, 3), ("span", 0, 10**6), ("span", 8, 9), ("other", 0, 1)],
)
def test_feedback_that_makes_no_sense_is_refused(answers, verdict, start, end):
    about = article("a", "It was  so.")
    with pytest.raises(ValueError):  # noqa: PT011
        feedback_row(
            "1",
            answers[POINTS],
            verdict,
            article=about,
            start=start - (verdict == "span" and start == 8),
            end=end - (end == 9),
        )
    with pytest.raises(ValueError, match="could be right"):
        feedback_row("1", replace(answers[POINTS], best=None), "right")


def test_feedback_of_many_at_once_is_all_there(tmp_path, answers):
    rows = [feedback_row(str(number), answers[POINTS], "right") for number in range(24)]
    threads = [threading.Thread(target=keep, args=(tmp_path, row)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.id for one in load_question_file(tmp_path / FEEDBACK).questions} == {
        str(number) for number in range(24)
    }


def test_feedback_that_cannot_be_written_says_so(tmp_path, answers):
    (tmp_path / FEEDBACK).mkdir()
    with pytest.raises(LibraryError, match="this cannot be kept"):
        keep(tmp_path, feedback_row("1", answers[POINTS], "right"))


def test_a_scope_comes_back_from_its_record():
    scope = Scope(frozenset({"b", "a"}), date(2020, 1, 2), date(2021, 3, 4), "strict")
    assert Scope.of_record(json.loads(json.dumps(scope.to_record()))) == scope
    assert scope.in_words() == "2 articles · from 2 January 2020 · until 4 March 2021 · very sure answers only"
    assert Scope().in_words() == ""


@pytest.mark.parametrize(
    "record",
    [None, "x", 1, [], {"articles": "x", "since": 1, "until": "soon", "strictness": ["x"]}, {"articles": [1, None]}],
)
def test_a_scope_that_makes_no_sense_is_everything(record):
    assert Scope.of_record(record) == Scope()


def test_only_what_the_scope_holds_is_searched(bot):
    ids = [info.id for info in bot.library.articles()]
    assert narrowed(bot, Scope()) is bot
    for name in ids[:3]:
        part = narrowed(bot, Scope(frozenset({name}))).answer(POINTS)
        assert {hit.passage.article_id for hit in part.hits} == {name}
    recent = narrowed(bot, Scope(since=date(2024, 1, 1))).answer(POINTS)
    assert recent.hits
    assert all(hit.article.published >= date(2024, 1, 1) for hit in recent.hits)
    assert narrowed(bot, Scope(frozenset({"no such"}))).answer(POINTS).hits == ()


def test_a_part_of_the_library_gives_what_a_library_of_that_part_would_hold(bot):
    name = "2023-10-19-blomqvist-joins-action-express"
    part = narrowed(bot, Scope(frozenset({name}))).answer(POINTS)
    assert part.text == bot.answer(POINTS).text == "200"


def test_strictness_moves_the_threshold(bot):
    usual = bot.calibrator.threshold
    assert narrowed(bot, Scope(strictness="bold")).settings.threshold < usual
    assert narrowed(bot, Scope(strictness="strict")).settings.threshold >= 0.9


def test_every_suggestion_is_answered_from_the_article_it_was_made_from(bot):
    found = Suggestions(bot).wait(60)
    assert len(found) == len(set(found)) == 4
    for question in found:
        assert bot.answer(question).best.confidence >= 0.75


def test_suggestions_follow_the_library(embedder, reader):
    with ArticleQA(Library.in_memory(embedder), reader) as bot:
        suggestions = Suggestions(bot)
        assert suggestions.wait(10) == []
        bot.library.add(samples())
        assert suggestions.wait(60)
        bot.library.add([Article("x", "x", "x", "x")])
        assert suggestions.wait(60)

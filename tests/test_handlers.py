"""The events of the page as a hostile browser might send them, straight to the handlers."""

from __future__ import annotations

import json
import re
from html import unescape

import gradio as gr
import pytest

from app.drafts import QUESTIONS
from app.handlers import Page
from corpus import samples
from eval.dataset import load_questions
from eval.drafting import DraftFile
from index import Library
from qa import ArticleQA

ODD = [None, 1, "text", [], {}, {"turn": 1, "verdict": [], "article": None, "start": "x", "end": True}]
ODD += [
    {"turn": "\ud83d", "article": "../../etc/passwd", "start": -5, "end": 10**30, "url": 7, "text": {}, "form": "x"}
]
POINTS = "How many points were deducted from Blomqvist and Braun?"


@pytest.fixture
def page(tmp_path, embedder, reader):
    with ArticleQA(Library.open(tmp_path / "library", embedder=embedder), reader) as bot:
        bot.library.add(one for one in samples() if "blomqvist-joins" in one.id)
        yield Page(bot)


def event(data):
    return gr.EventData(None, data)


def replied(html):
    """What the page's script reads out of a reply to it."""
    return json.loads(unescape(re.sub("<[^>]*>", "", html)))


@pytest.mark.parametrize("data", ODD)
def test_no_event_breaks_the_page(page, data):
    sent = event(data)
    turns = list(page.ask(POINTS, None, data, data))[-1][1]
    assert turns[0].answer.text == "200"
    assert len(list(page.ask_this(turns, turns[0].talk, data, sent))) == 1
    assert "no longer" in page.judge(turns, turns[0].talk, sent)[-1]
    assert "no longer in the library" in page.open(sent)
    assert "no article of this id" in page.remove(sent)[1]
    assert "articles: 0" not in page.find(sent)
    assert page.narrow(sent)[0] == {"articles": [], "since": "", "until": "", "strictness": "balanced"}
    assert "Conversation with articleqa" in page.export(turns, data, sent)
    assert "aq-notice" in page.draft(sent)
    assert "failure" in replied(page.decide(sent))
    assert len(page.bot.library) == 1
    assert not list(page.bot.library.folder.glob("*.jsonl"))


def test_a_span_outside_its_article_is_not_kept(page):
    turns = list(page.ask(POINTS, [], None, None))[-1][1]
    article = page.bot.library.articles()[0].id
    sent = {"turn": turns[0].id, "verdict": "span", "article": article, "start": 5, "end": 10**9}
    assert "Not kept" in page.judge(turns, "", event(sent))[-1]


def test_feedback_on_a_library_in_memory_says_that_it_is_not_kept(embedder, reader):
    with ArticleQA(Library.in_memory(embedder), reader) as bot:
        bot.library.add(samples()[:1])
        page = Page(bot)
        turns = list(page.ask("Who?", [], None, None))[-1][1]
        sent = {"turn": turns[0].id, "verdict": "wrong"}
        assert "in memory only" in page.judge(turns, "", event(sent))[-1]


def test_a_failure_inside_is_a_notice_and_the_conversation_goes_on(page, monkeypatch, caplog):
    monkeypatch.setattr(page.bot, "answer", lambda *_, **__: 1 / 0)
    messages, turns, _ = list(page.ask(POINTS, [], None, None))[-1]
    assert "Something went wrong here" in messages[-1]["content"]
    assert "ZeroDivisionError" in caplog.text
    assert turns[0].answer is None


def test_drafts_count_once_they_are_accepted(page):
    article = page.bot.library.articles()[0].id
    shown = page.draft(event({"article": article}))
    drafts = re.findall(r'data-draft="([^"]+)"', shown)
    assert len(drafts) == len(set(drafts)) == 15
    assert "15 drafts to decide on; 0 questions accepted so far." in shown
    assert "<mark>Gary Nelson</mark>" in shown
    assert ">Blomqvist&#10;Tom Blomqvist</textarea>" in shown
    path = page.bot.library.folder / QUESTIONS
    assert not path.exists()

    def decide(number, decision, **more):
        sent = {"article": article, "draft": drafts[number], "decision": decision, "job": "7", **more}
        return replied(page.decide(event(sent)))

    assert decide(0, "accept") == {
        "said": "Accepted.",
        "left": "14 drafts to decide on; 1 question accepted so far.",
    }
    decide(1, "edit", question="Who  leads the team? ", answers=" Gary Nelson\n\nNelson\nNelson")
    decide(2, "edit", question="Who pays the team?", answers=" ")
    assert decide(3, "dismiss")["left"] == "11 drafts to decide on; 3 questions accepted so far."
    assert "no longer here" in decide(0, "accept")["failure"]
    assert "no longer here" in decide(4, "adopt")["failure"]
    assert "empty" in decide(4, "edit", question=" ", answers="x")["failure"]
    assert "at most 20 answers" in decide(4, "edit", question="Who?", answers="\n".join(map(str, range(21))))["failure"]
    shown = page.draft(event({"article": article}))
    assert re.findall(r'data-draft="([^"]+)"', shown) == drafts[4:]
    counted = load_questions(path)
    assert [one.id for one in counted] == drafts[:3]
    assert counted[0].answers == ("Blomqvist", "Tom Blomqvist")
    assert (counted[1].question, counted[1].answers) == ("Who  leads the team?", ("Gary Nelson", "Nelson"))
    assert (counted[2].answers, counted[2].category) == ((), "unanswerable-near")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    text = page.bot.library.article(article).text
    assert text.startswith("Blomqvist", rows[0]["start"])
    assert rows[3]["draft"] == "rejected"


def test_drafts_of_the_terminal_and_of_the_page_are_the_same(page):
    article = page.bot.library.article(page.bot.library.articles()[0].id)
    file = DraftFile(page.bot.library.folder / QUESTIONS)
    file.add(article)
    first, second = list(file.drafts())[:2]
    file.decide(first, "reject")
    sent = {"article": article.id, "draft": second["id"], "decision": "accept"}
    assert first["id"] not in page.draft(event(sent))
    assert "13 drafts to decide on" in replied(page.decide(event(sent)))["left"]
    again = DraftFile(file.path)
    assert again.accepted == 1
    assert len(list(again.drafts())) == 13
    assert again.add(article) == 0


def test_drafts_of_a_library_in_memory_are_not_offered(embedder, reader):
    with ArticleQA(Library.in_memory(embedder), reader) as bot:
        bot.library.add(samples()[:1])
        assert "in memory only" in Page(bot).draft(event({"article": bot.library.articles()[0].id}))

import hashlib
import json
import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from rich.console import Console
from test_evaluation import FACTS
from test_stages import NEVER, WHO, assistant, points_at

from corpus import Article, ArticleQAError, Passage
from eval import commands, html_report, report
from eval.dataset import Question
from eval.drawings import Bar, bars, reliability, risk_coverage
from eval.html_questions import marked
from eval.markup import Html, join, tag
from eval.run import evaluate
from eval.selective import Bin, Point
from index import Library

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&</title></style><!--"
CHROMIUM = Path("/usr/bin/chromium")
URLS = {"src", "href", "action", "data", "srcset", "poster", "xlink:href", "background"}
VOID = {"meta", "input"}


class Page(HTMLParser):
    """What a page is made of; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text, self.scripts, self.styles = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, attributes):
        self.tags.append((name, dict(attributes)))
        assert len(dict(attributes)) == len(attributes)
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        kind = self.open[-1] if self.open else ""
        {"script": self.scripts, "style": self.styles}.get(kind, self.text).append(data)

    def handle_comment(self, data):
        raise AssertionError(data)

    def find(self, name, **wanted):
        return [one for tag_name, one in self.tags if tag_name == name and wanted.items() <= one.items()]


@pytest.fixture(scope="module")
def run():
    """A run with every kind of outcome, in the words of somebody hostile."""
    evil = Article("<b>evil</b>", HOSTILE, f"Jack Aitken {HOSTILE} replaces Sims.", HOSTILE)
    bot = assistant()
    bot.library.add([evil])
    questions = [
        WHO,
        replace(WHO, id="wrong", answers=("Sims",), category=HOSTILE),
        Question(HOSTILE, f"Who replaces {HOSTILE}?", (HOSTILE, "Jack Aitken"), evil.id, category="what"),
        NEVER,
        replace(WHO, id="far", question="Gardener roses plants?", category="who"),
    ]
    return evaluate(bot, questions, parts=True)


@pytest.fixture(scope="module")
def page(run):
    return Page(html_report.page(run, replace(FACTS, command=HOSTILE), report.tables(run)))


def test_the_page_needs_nothing_else(page):
    for name, attributes in page.tags:
        assert not URLS & attributes.keys(), (name, attributes)
        assert not any(one.startswith("on") for one in attributes)
        assert "style" not in attributes
        assert name not in {"link", "iframe", "object", "embed", "base", "img"}
    assert "url(" not in "".join(page.styles)
    assert "@import" not in "".join(page.styles)
    assert not re.search(r"https?:|fetch|XMLHttp|import\(|innerHTML|eval\(", "".join(page.scripts))


def test_what_is_hostile_stays_text(page):
    assert len(page.scripts) == len(page.styles) == 1
    text = "".join(page.text)
    assert text.count("<script>alert(1)</script>") >= 5  # command, question, id, category, passage
    assert "<b>evil</b>" in text
    assert not page.find("img")
    assert len(page.find("script")) == 1


def test_the_policy_lets_only_its_own_script_and_style_run(page):
    (policy,) = [one["content"] for one in page.find("meta") if "http-equiv" in one]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    for rule, inside in (("script-src", page.scripts), ("style-src", page.styles)):
        digest = b64decode(re.fullmatch(r"'sha256-(.+)'", parts[rule])[1])
        assert digest == hashlib.sha256("".join(inside).encode()).digest()


def test_every_question_is_there_to_filter_and_to_open(page, run):
    rows = [one for one in page.find("details") if one.get("class") == "aq-question"]
    assert [one["data-stage"] for one in rows] == [one.failure or "right" for one in run.results]
    assert [one["data-category"] for one in rows] == [one.question.category or "" for one in run.results]
    stages = {one.failure or "right" for one in run.results}
    assert {one["value"] for one in page.find("option")} >= stages | {"", "wrong", "who", HOSTILE}
    assert {one["data-pick"] for one in page.find("g") if "data-pick" in one} == set(run.failures)
    assert {one["name"] for one in page.find("select")} == {"stage", "category"}


def test_the_answers_are_marked_in_their_passages(page, run):
    kinds = {kind for one in page.find("mark") for kind in one["class"].split()}
    assert kinds == {"aq-expected", "aq-given", "aq-withheld"}
    assert any(one.get("title") == "expected and given" for one in page.find("mark"))
    assert len(page.find("svg")) == 6
    assert "“Sims”" in "".join(page.text)


def test_marks_that_overlap():
    passage = Passage("race", 100, 111, "Jack Aitken")
    both = marked(passage, [(100, 111, "expected"), (105, 120, "given"), (90, 100, "given")])
    assert both == (
        '<blockquote dir="auto"><mark class="aq-expected" title="expected">Jack </mark>'
        '<mark class="aq-expected aq-given" title="expected and given">Aitken</mark></blockquote>'
    )
    assert marked(passage, []) == '<blockquote dir="auto">Jack Aitken</blockquote>'


def test_a_run_whose_parts_were_not_asked_has_a_page_too():
    bare = evaluate(assistant(points_at("Cadillac")), [WHO])
    assert bare.alone is None
    shown = Page(html_report.page(bare, FACTS, report.tables(bare)))
    assert len(shown.find("svg")) == 2  # what needs no parts, and no categories
    assert {one["name"] for one in shown.find("select")} == {"stage"}


def test_markup_escapes_what_it_did_not_make():
    assert tag("p", "<b>", Html("<i></i>"), class_='"x"', data_n=2.0) == (
        '<p class="&quot;x&quot;" data-n="2">&lt;b&gt;<i></i></p>'
    )
    assert tag("p", hidden="", title=None) == '<p hidden=""></p>'
    assert join("a&b", tag("br")) == "a&amp;b<br></br>"


def test_drawings_stay_in_their_frame():
    drawn = [
        risk_coverage([Point(0.5, 0, 0.9), Point(1, 0.3, 0.2)], threshold=0.5),
        risk_coverage([Point(1, 0, 0.9)], threshold=0.95),
        reliability([Bin(0.9, 1, 3, 0.95, 1.0), Bin(0, 0.1, 1, 0.0, 0.0)]),
        bars("Long", [Bar("a name that is far too long to stand there " * 3, (0.0,), "0"), Bar("b", (3, 4), "3")], 4),
        bars("Nothing", [Bar("a", (0.0,), "0")], 0),
    ]
    for one in drawn:
        page = Page(one)
        (frame,) = page.find("svg")
        _, _, width, height = map(float, frame["viewbox"].split())
        numbers = [page.find(shape) for shape in ("rect", "circle", "text")]
        for shape in (shape for shapes in numbers for shape in shapes):
            assert 0 <= float(shape.get("x", shape.get("cx", 1))) <= width
            assert 0 <= float(shape.get("y", shape.get("cy", 1))) <= height
            assert 0 <= float(shape.get("width", 0)) <= width
    assert "in use" in drawn[0]
    assert "in use" not in drawn[1]


@pytest.fixture
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(browser, run, tmp_path, scheme):
    path = tmp_path / "report.html"
    path.write_text(html_report.page(run, FACTS, report.tables(run)), encoding="utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    wrong, asked = [], []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    rows, count = page.locator(".aq-question:visible"), page.locator("#count")
    assert (rows.count(), count.inner_text()) == (5, "5 of 5 questions")
    page.select_option("select[name=stage]", "wrong")
    assert rows.count() == sum(not one.correct for one in run.results) < 5
    page.locator('[data-pick="false answer"]').press("Enter")
    assert (rows.count(), rows.get_attribute("data-stage")) == (1, "false answer")
    page.select_option("select[name=stage]", "")
    page.select_option("select[name=category]", HOSTILE)
    assert rows.count() == 1
    rows.locator("summary").click()
    assert rows.locator("blockquote mark").first.is_visible()
    page.select_option("select[name=category]", "")
    page.fill("input[name=text]", "ALERT(2) jack")
    assert rows.count() == 2  # the hostile id, and the hostile category
    background = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(background)
    page.click("#theme")
    assert page.evaluate(background) != before
    assert (wrong, asked) == ([], [path.as_uri()])


def test_the_command_writes_all_three_beside_each_other(tmp_path):
    squad = {
        "data": [
            {
                "title": "Race",
                "paragraphs": [
                    {
                        "context": "Jack Aitken replaces Alexander Sims at Action Express.",
                        "qas": [
                            {
                                "id": "1",
                                "question": "Who replaces Sims?",
                                "answers": [{"text": "Jack Aitken", "answer_start": 0}],
                            }
                        ],
                    }
                ],
            }
        ]
    }
    questions, out = tmp_path / "dev.json", tmp_path / "out.html"
    questions.write_text(json.dumps(squad))
    found = commands.run_eval(questions, None, None, None, None, Console(file=StringIO()), html_out=out)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["dev.json", "out.html", "out.json", "out.md"]
    assert found.results[0].parts.gold[0].article_id == "0-race"
    figures = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert figures["alone"]["retrieval"]["recall_at_20"] == 1
    assert figures["run"]["passages"] == 1
    Page(out.read_text("utf-8"))


def test_a_data_set_asked_of_a_library_of_ones_own(tmp_path):
    questions = tmp_path / "rows.jsonl"
    row = {"context": "Elsewhere.", "questions": [{"id": "1", "question": "Who replaces Sims?", "answers": []}]}
    questions.write_text(json.dumps(row))
    with Library.open(tmp_path / "library") as opened:
        opened.add([Article("race", "Race", "Jack Aitken replaces Sims.", "race.txt")])
    found = commands.run_eval(questions, tmp_path / "library", None, None, None, Console(file=StringIO()))
    assert found.results[0].guess.passage.article_id == "race"
    assert found.by_article == {}


def test_a_page_needs_a_name_of_its_own(tmp_path):
    with pytest.raises(ArticleQAError, match=r"out.json: the report is a page of HTML; give it a name ending in .html"):
        commands.run_eval(None, None, None, None, None, Console(), html_out=tmp_path / "out.json")

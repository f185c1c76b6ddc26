"""Every feature of the chat page in a real browser, 1280 and 390 px wide; what hostile articles cannot do to it."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import served
from playwright.sync_api import expect, sync_playwright

from app import intake
from corpus import Article, samples
from corpus.net import Fetched
from eval.dataset import load_questions
from index import Library
from qa import ArticleQA, Settings

expect.set_options(timeout=15_000)  # a busy machine is slow, not wrong
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SWITCHES += ["--disable-component-update", "--disable-sync"]
STILL = {"reduced_motion": "reduce"}
DESKTOP = STILL | {"viewport": {"width": 1280, "height": 800}}
PHONE = STILL | {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
POINTS = "How many points were deducted from Blomqvist and Braun?"
ACTION = "2023-10-19-blomqvist-joins-action-express"
HOSTILE = Article(
    id='hostile "><img src=x onerror=hit()>',
    title='<img src="http://evil.example/t.png" onerror="hit()"> **Zorblax** factory',
    text=(
        "\U0001f600 The Zorblax factory stands in Quimper.\r\n\n"
        "\tThe Zorblax factory was founded by <b onclick=hit()>Yolanda Vex</b> in 1987 ![](http://evil.example/i.png).\n"
        "<script>hit()</script><img src=x onerror=hit()><svg onload=hit()> ${hit()} {{hit}} $$x^2$$ *stars* `code`\n"
        '<form action="http://evil.example"><input type="password"></form><details open ontoggle=hit()>\n'
        "```mermaid\ngraph TD; A-->B\n```\n&lt;b&gt; &amp; [link](javascript:hit())"
    ),
    source="javascript:hit()",
)
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}: apt-get install chromium")


@pytest.fixture(scope="module")
def bot(tmp_path_factory, embedder, reader):
    with ArticleQA(Library.open(tmp_path_factory.mktemp("page") / "library", embedder=embedder), reader) as bot:
        bot.library.add([*samples(), HOSTILE])
        yield bot


@pytest.fixture(scope="module")
def address(bot):
    with served(bot) as url:
        yield url


@pytest.fixture
def own(tmp_path, embedder, reader):
    """An assistant over two articles that a test may change."""
    with ArticleQA(Library.open(tmp_path / "library", embedder=embedder), reader) as bot:
        bot.library.add([HOSTILE, *(one for one in samples() if one.id == ACTION)])
        yield bot


@pytest.fixture(scope="module")
def browser(address):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@contextmanager
def opened(browser, url, settings, articles):
    """The page in a fresh browser; afterwards, nothing was asked of another host and nothing went wrong in it."""
    context = browser.new_context(**settings)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    page = context.new_page()
    page.set_default_timeout(15_000)
    wrong: list[str] = []
    page.wrong = wrong
    hosts: set[str | None] = set()
    page.on("request", lambda sent: hosts.add(urlsplit(sent.url).hostname))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.goto(url)
    ready(page, articles)
    yield page
    context.close()
    assert wrong == []
    assert hosts <= {"127.0.0.1", None}  # None: the file of a download, which the page itself holds


def ready(page, articles=11):
    """Wait until the page is drawn and listens."""
    expect(page.locator("#aq-library li")).to_have_count(articles, timeout=20_000)
    expect(page.locator(".aq-waiting")).to_have_count(0, timeout=20_000)


def reload(page):
    """Load the page anew. As a page is left, Gradio cuts a stream still open and logs that as an error."""
    before = len(page.wrong)
    page.reload()
    cut = ("AbortError", "Connection errored out")
    page.wrong[before:] = [one for one in page.wrong[before:] if not any(words in one for words in cut)]


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def size(request):
    return request.param


@pytest.fixture(scope="module")
def pages(browser, address):
    """One page for each size, for the tests that leave it as they found it but for what `page` clears away."""
    with opened(browser, address, DESKTOP, 11) as desktop, opened(browser, address, PHONE, 11) as phone:
        yield {1280: desktop, 390: phone}


@pytest.fixture
def page(pages, size):
    """The page with nothing asked, nothing open and everything searched; nothing went wrong in it."""
    page = pages[size["viewport"]["width"]]
    yield page
    wrong, page.wrong[:] = page.wrong[:], []
    page.evaluate(
        """() => {
            const click = (selector) => document.querySelector(selector).click();
            document.querySelector("#aq-settings").close();
            click("#aq-settings .aq-do-everything");
            if (document.querySelector("#aq-main").dataset.library === "open") click("#aq-side .aq-do-library");
            const filter = document.querySelector("#aq-filter");
            filter.value = "";
            filter.dispatchEvent(new Event("input", { bubbles: true }));
            click("#aq-new");
            const box = document.querySelector("#aq-box textarea");
            box.value = "";
            box.dispatchEvent(new Event("input", { bubbles: true }));
            if (document.body.classList.contains("dark")) click("#aq-theme");
        }"""
    )
    expect(page.locator(".aq-answer, .aq-notice, .aq-question")).to_have_count(0)
    expect(page.locator("#aq-library li")).to_have_count(11)
    expect(page.locator("#aq-scope")).not_to_contain_text("Searching")
    page.evaluate("localStorage.removeItem('articleqa-theme')")
    assert wrong == []


@pytest.fixture
def own_page(browser, own, size):
    with served(own) as url, opened(browser, url, size, 2) as page:
        yield page


def is_phone(page):
    return page.viewport_size["width"] < 800


def ask(page, question):
    """Ask, and wait for the newest reply."""
    replies, asked = page.locator(".aq-answer, .aq-notice"), page.locator(".aq-question")
    before, shown = replies.count(), asked.count()
    for _ in range(3):  # a page on a busy machine may show its box before it listens to it
        page.fill("#aq-box textarea", question)
        page.press("#aq-box textarea", "Enter")
        try:
            expect(asked).to_have_count(shown + 1, timeout=15_000)
            break
        except AssertionError:
            continue
    expect(replies).to_have_count(before + 1, timeout=30_000)
    return replies.last


def library(page):
    """The library, brought into view on a phone."""
    if is_phone(page):
        page.click(".aq-brand .aq-do-library")
    expect(page.locator("#aq-filter")).to_be_visible()
    return page.locator("#aq-library")


def close_library(page):
    if is_phone(page):
        page.click("#aq-side .aq-do-library")


def select(page, words):
    """Select these words in the article as a person would with a mouse."""
    page.evaluate(
        """(words) => {
            const walk = document.createTreeWalker(document.querySelector(".aq-text"), NodeFilter.SHOW_TEXT);
            while (walk.nextNode()) {
                const at = walk.currentNode.data.indexOf(words);
                if (at >= 0) {
                    const range = document.createRange();
                    range.setStart(walk.currentNode, at);
                    range.setEnd(walk.currentNode, at + words.length);
                    getSelection().removeAllRanges();
                    return getSelection().addRange(range);
                }
            }
        }""",
        words,
    )


def feedback(bot):
    return {one.question: one for one in load_questions(bot.library.folder / "feedback.jsonl")}


def test_an_answer_is_bold_in_its_sentence_and_marked_in_its_passage(page):
    reply = ask(page, POINTS)
    expect(reply.locator(".aq-sentence strong")).to_have_text("200")
    expect(reply.locator(".aq-sentence")).to_contain_text("A 200-point deduction after Blomqvist won")
    assert int(reply.locator(".aq-sentence strong").evaluate("e => getComputedStyle(e).fontWeight")) >= 600
    expect(reply.locator(".aq-where").first).to_contain_text("Blomqvist joins Action Express Racing")
    expect(reply.locator(".aq-where").first).to_contain_text("19 October 2023")
    expect(reply.locator(".aq-passage mark")).to_be_hidden()
    reply.locator(".aq-passage summary").click()
    expect(reply.locator(".aq-passage mark")).to_be_visible()
    expect(reply.locator(".aq-passage mark")).to_have_text("200")
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]


def test_confidence_says_what_it_means_to_pointer_and_keyboard(page):
    sure = ask(page, POINTS).locator(".aq-confidence").first
    expect(sure.locator(".aq-sure")).to_have_text(re.compile(r"sure · \d\d%", re.IGNORECASE))
    expect(sure.locator(".aq-meaning")).to_be_hidden()
    page.locator("#aq-box textarea").focus()
    sure.hover()
    expect(sure.locator(".aq-meaning")).to_be_visible()
    page.mouse.move(0, 0)
    page.locator(".aq-where .aq-title").first.focus()
    page.keyboard.press("Shift+Tab")
    expect(sure.locator(".aq-meaning")).to_contain_text("of 100 answers this sure")
    expect(sure.locator(".aq-meaning")).to_be_visible()
    page.keyboard.press("Escape")
    expect(sure.locator(".aq-meaning")).to_be_hidden()


def test_when_the_articles_do_not_say_the_closest_passage_is_shown(page, bot, monkeypatch):
    monkeypatch.setattr(bot, "settings", Settings(threshold=1.0))
    reply = ask(page, "What is Blomqvist's salary?")
    expect(reply.locator(".aq-sentence")).to_have_text("The articles do not say.")
    expect(reply.locator(".aq-reason:not(.aq-unknown)")).not_to_be_empty()
    expect(reply.locator(".aq-passage blockquote")).to_be_visible()
    expect(reply.locator(".aq-passage time")).to_be_visible()
    expect(reply.locator(".aq-hint")).to_contain_text("What would help")
    expect(reply.locator(".aq-sentence strong, mark")).to_have_count(0)


def test_the_article_opens_beside_the_chat_at_its_quote(page, bot):
    reply = ask(page, POINTS)
    expect(page.locator("#aq-reading")).to_be_hidden()
    reply.get_by_role("button", name="Open in article").click()
    mark = page.locator("#aq-article mark")
    expect(mark).to_have_text("200")
    expect(mark).to_be_in_viewport()
    expect(mark).to_be_focused()
    assert page.locator(".aq-text").evaluate("e => e.textContent") == bot.library.article(ACTION).text
    expect(page.locator("#aq-article h2")).to_contain_text("Blomqvist joins")
    expect(page.locator("#aq-reading-title")).to_have_text(bot.library.article(ACTION).title)
    expect(page.locator("#aq-reading-title")).to_be_in_viewport()
    expect(page.locator("#aq-box")).to_be_in_viewport() if not is_phone(page) else None
    page.keyboard.press("Escape")
    expect(page.locator("#aq-reading")).to_be_hidden()
    expect(reply.get_by_role("button", name="Open in article")).to_be_focused()


def test_article_text_is_text_in_answer_library_and_article(page):
    reply = ask(page, "Who founded the Zorblax factory?")
    expect(reply.locator(".aq-where").first).to_contain_text(HOSTILE.title)
    shown = reply.locator(".aq-passage blockquote").evaluate("e => e.textContent")
    assert shown in HOSTILE.text
    assert "Yolanda Vex</b>" in shown
    expect(page.locator("#aq-library")).to_contain_text(HOSTILE.title)
    reply.locator(".aq-title").first.click()
    expect(page.locator("#aq-article h2")).to_have_text(HOSTILE.title)
    assert page.locator(".aq-text").evaluate("e => e.textContent") == HOSTILE.text
    made = page.locator(".aq-answer, #aq-library, #aq-article")
    expect(made.locator("img, svg, script, form, input:not(.aq-pick), a, b, .katex")).to_have_count(0)
    assert page.evaluate("document.querySelectorAll('[onclick], [onerror], [ontoggle], [onload]').length") == 0


def test_a_question_is_text_and_one_too_long_gets_a_friendly_line(page):
    words = '<img src=x onerror="hit()"> **who** ![](http://evil.example/q.png) {{x}} ${hit()}'
    ask(page, words)
    assert page.locator(".aq-question").evaluate("e => e.textContent") == words
    expect(ask(page, "x" * 1_001)).to_contain_text("1,001 characters")
    expect(ask(page, POINTS).locator("strong").first).to_have_text("200")


def test_a_follow_up_says_how_it_was_understood_and_is_undone_by_a_click(page):
    ask(page, "How old is Tom Blomqvist?")
    reply = ask(page, "Which series will he race in?")
    expect(reply.locator(".aq-understood")).to_contain_text("Blomqvist")
    reply.get_by_role("button", name="Undo").click()
    expect(page.locator(".aq-understood")).to_have_count(0)
    expect(page.locator(".aq-question")).to_have_count(2)
    expect(page.locator(".aq-question").last).to_have_text("Which series will he race in?")


def test_suggested_questions_have_answers_and_a_new_conversation_brings_them_back(page):
    suggestions = page.locator(".aq-suggestion")
    expect(suggestions).to_have_count(4)
    asked = suggestions.first.inner_text()
    suggestions.first.click()
    expect(page.locator(".aq-answer .aq-sentence strong")).to_have_count(1)
    expect(page.locator(".aq-question").last).to_have_text(asked)
    expect(suggestions.first).to_be_hidden()
    page.click("#aq-new")
    expect(page.locator(".aq-answer")).to_have_count(0)
    expect(suggestions.first).to_be_visible()
    expect(page.locator("#aq-box textarea")).to_be_focused()


def test_a_new_conversation_begins_at_once_and_nothing_on_its_way_undoes_it(page, bot, monkeypatch):
    ask(page, "How old is Tom Blomqvist?")
    let_go, answer = threading.Event(), bot.answer
    monkeypatch.setattr(bot, "answer", lambda *given, **more: let_go.wait(20) and answer(*given, **more))
    page.fill("#aq-box textarea", POINTS)
    page.press("#aq-box textarea", "Enter")
    expect(page.locator(".aq-thinking")).to_have_count(1)
    held: list = []
    page.route(re.compile("/gradio_api/(queue/join|cancel)"), lambda late: held.append(late))  # noqa: PLW0108
    page.click("#aq-new")
    expect(page.locator(".aq-question")).to_have_count(0)
    page.fill("#aq-box textarea", "Which series will he race in?")
    page.press("#aq-box textarea", "Enter")
    page.wait_for_timeout(500)
    for late in reversed(held):  # what was sent last comes first
        late.continue_()
    let_go.set()
    expect(page.locator(".aq-answer")).to_have_count(1)
    expect(page.locator(".aq-question")).to_have_text(["Which series will he race in?"])
    expect(page.locator(".aq-understood")).to_have_count(0)
    page.unroute_all()


def test_the_conversation_is_there_after_a_reload_and_goes_on(page):
    ask(page, "How old is Tom Blomqvist?")
    before = page.locator(".aq-answer").inner_html()
    reload(page)
    ready(page)
    expect(page.locator(".aq-answer")).to_have_count(1)
    assert page.locator(".aq-answer").inner_html() == before
    expect(ask(page, "Which series will he race in?").locator(".aq-understood")).to_contain_text("Blomqvist")
    page.click("#aq-new")
    expect(page.locator(".aq-answer")).to_have_count(0)
    reload(page)
    ready(page)
    expect(page.locator(".aq-answer")).to_have_count(0)


def test_an_answer_is_copied_with_its_citation(page):
    ask(page, POINTS).get_by_role("button", name="Copy with citation").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("“200” (Blomqvist joins Action Express Racing")
    assert "19 October 2023" in copied
    assert "A 200-point deduction after Blomqvist won" in copied


def test_the_conversation_is_saved_as_markdown_and_json(page):
    ask(page, POINTS)
    saved = {}
    for words in ("As Markdown", "As JSON"):
        page.get_by_role("button", name="Export").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=words).click()
        saved[words] = Path(download.value.path()).read_text(encoding="utf-8")
    assert POINTS in saved["As Markdown"]
    assert "**200**" in saved["As Markdown"]
    (turn,) = json.loads(saved["As JSON"])["turns"]
    assert turn["asked"] == POINTS
    assert turn["answer"] == "200"
    assert turn["citation"]["article_id"] == ACTION


def test_feedback_becomes_evaluation_questions(own_page, own):
    page = own_page
    reply = ask(page, POINTS)
    reply.get_by_role("button", name="Yes").click()
    expect(reply.locator(".aq-said")).to_contain_text("Thank you")
    assert feedback(own)[POINTS].answers == ("200",)
    assert feedback(own)[POINTS].article_id == ACTION
    founder = "Who founded the Zorblax factory?"
    reply = ask(page, founder)
    reply.get_by_role("button", name="No", exact=False).filter(has_text="this is wrong").click()
    expect(reply.locator(".aq-verdict")).to_contain_text("What would have been right?")
    assert founder not in feedback(own)
    reply.get_by_role("button", name="Mark the right words").click()
    expect(page.locator("#aq-mark-keep")).to_be_disabled()
    expect(page.locator("#aq-article mark")).to_be_visible()
    select(page, "Quimper")
    page.locator("#aq-mark-keep").click()
    expect(reply.locator(".aq-said")).to_contain_text("the answer that you marked")
    assert feedback(own)[founder].answers == ("Quimper",)
    rows = [json.loads(line) for line in (own.library.folder / "feedback.jsonl").read_text("utf-8").splitlines()]
    assert HOSTILE.text[rows[-1]["start"] : rows[-1]["end"]] == "Quimper"
    assert len(rows) == 2, "what was noted as wrong is replaced by what is right"
    salary = "What is Blomqvist's salary?"
    reply = ask(page, salary)
    if reply.get_by_role("button", name="Open in article").count():
        reply.get_by_role("button").filter(has_text="this is wrong").click()
        reply.get_by_role("button", name="There is no answer").click()
    else:
        reply.get_by_role("button").filter(has_text="this is right").click()
    expect(reply.locator(".aq-said")).to_contain_text("do not answer")
    assert feedback(own)[salary].answers == ()


def test_drafted_questions_are_accepted_edited_and_dismissed_by_keys(own_page, own):
    page = own_page
    library(page).locator(".aq-name").filter(has_text="Blomqvist joins").click()
    page.get_by_role("button", name="Draft questions").focus()
    page.keyboard.press("Enter")
    cards, left = page.locator("#aq-drafts li"), page.locator("#aq-drafts-left")
    expect(page.locator("#aq-drafts-title")).to_be_focused()
    expect(cards).to_have_count(15)
    expect(page.locator(".aq-text")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    assert [one["id"] for one in axe.Axe().run(page).response["violations"]] == []
    first, third = (cards.nth(number).locator(".aq-draft-question").inner_text() for number in (0, 2))
    page.keyboard.press("Tab")  # to where the first answer stands, then to what can be done
    page.keyboard.press("Tab")
    expect(cards.first.get_by_role("button", name="Accept")).to_be_focused()
    page.keyboard.press("Enter")
    expect(left).to_contain_text("14 drafts to decide on; 1 question accepted")
    expect(cards.first.get_by_role("button", name="Accept")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(left).to_contain_text("13 drafts")
    cards.first.get_by_role("button", name="Edit").click()
    expect(cards.first.get_by_label("Question")).to_be_focused()
    page.keyboard.press("Escape")
    expect(cards.first.get_by_role("button", name="Edit")).to_be_focused()
    page.keyboard.press("Enter")
    cards.first.get_by_label("Right answers").fill("Gary Nelson\nNelson")
    cards.first.get_by_role("button", name="Accept as edited").click()
    expect(left).to_contain_text("12 drafts to decide on; 2 questions accepted")
    counted = {one.question: one.answers for one in load_questions(own.library.folder / "questions.jsonl")}
    assert counted == {first: ("Blomqvist", "Tom Blomqvist"), third: ("Gary Nelson", "Nelson")}
    cards.first.get_by_role("button", name="Show in the article").click()
    expect(page.locator("#aq-here")).to_be_focused()
    expect(cards.first).to_be_hidden()
    page.get_by_role("button", name="Draft questions").click()
    expect(cards).to_have_count(12)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Draft questions")).to_be_focused()


def test_settings_narrow_what_is_searched_and_outlast_a_reload(page):
    page.click("#aq-settings-open")
    expect(page.locator("#aq-settings")).to_be_visible()
    page.fill("#aq-settings [name=since]", "2024-01-01")
    page.get_by_text("Only very sure answers").click()
    page.keyboard.press("Escape")
    expect(page.locator("#aq-settings")).to_be_hidden()
    line = page.locator("#aq-scope")
    expect(line).to_contain_text("from 1 January 2024")
    expect(line).to_contain_text("very sure answers only")
    expect(ask(page, POINTS)).to_contain_text("The articles do not say.")
    reload(page)
    ready(page)
    expect(line).to_contain_text("from 1 January 2024")
    page.click("#aq-settings-open")
    expect(page.locator("#aq-settings [value=strict]")).to_be_checked()
    expect(page.locator("#aq-settings [name=since]")).to_have_value("2024-01-01")
    page.keyboard.press("Escape")
    line.get_by_role("button", name="Search everything").click()
    expect(line).not_to_contain_text("Searching")
    expect(ask(page, POINTS).locator("strong").first).to_have_text("200")


def last_first(page, *changes) -> None:
    """Make two changes, let the request of the second go first, then that of the first, then all that come."""
    held: list = []
    hold = lambda late: late.continue_() if len(held) == 2 else held.append(late)  # noqa: E731
    page.route(re.compile("/gradio_api/queue/join"), hold)
    for change in changes:
        change()
        page.wait_for_timeout(300)
    assert len(held) == 2
    for late in reversed(held):
        late.continue_()
        page.wait_for_timeout(300)


def test_of_two_changes_that_overtake_each_other_the_newest_holds(page):
    page.click("#aq-settings-open")
    last_first(
        page,
        lambda: page.fill("#aq-settings [name=since]", "2024-01-01"),
        lambda: page.get_by_text("Only very sure answers").click(),
    )
    page.keyboard.press("Escape")
    expect(page.locator("#aq-scope")).to_contain_text("from 1 January 2024")
    expect(page.locator("#aq-scope")).to_contain_text("very sure answers only")
    page.unroute_all()


def test_of_two_filters_that_overtake_each_other_the_newest_holds(page):
    shown = library(page)
    expect(shown.locator(".aq-count")).to_contain_text("11 articles")
    page.evaluate("""() => {
        window.lists = [];
        new MutationObserver(() => window.lists.push(document.querySelector("#aq-count")?.dataset.filter))
          .observe(document.body, { subtree: true, childList: true, attributes: true });
    }""")
    last_first(page, lambda: page.fill("#aq-filter", "nothing like it"), lambda: page.fill("#aq-filter", "zorblax"))
    page.wait_for_function("window.lists.includes('nothing like it')")  # the late answer was shown
    expect(shown.locator(".aq-count")).to_contain_text("1 of 11 articles")
    page.unroute_all()


def test_only_the_articles_that_are_ticked_are_searched(page):
    library(page).get_by_role("checkbox", name="Search in Sea-ice satellite").check()
    close_library(page)
    expect(page.locator("#aq-scope")).to_contain_text("Searching: 1 article")
    reply = ask(page, POINTS)
    expect(reply).to_contain_text("The articles do not say.")
    expect(reply.locator(".aq-where").first).to_contain_text("Sea-ice satellite")


def test_the_library_is_counted_filtered_and_opened(page):
    shown = library(page)
    expect(shown.locator(".aq-count")).to_contain_text("11 articles")
    page.fill("#aq-filter", "zorblax")
    expect(shown.locator("li")).to_have_count(1)
    expect(shown.locator(".aq-count")).to_contain_text("1 of 11 articles")
    page.fill("#aq-filter", "nothing like it")
    expect(shown).to_contain_text("No article fits this filter.")
    page.fill("#aq-filter", "2023-10")
    expect(shown.locator("li")).to_have_count(1)
    shown.locator(".aq-name").click()
    expect(page.locator("#aq-article h2")).to_contain_text("Blomqvist joins")
    expect(page.locator("#aq-article mark")).to_have_count(0)


def test_a_pasted_text_is_added_and_answers(own_page, own):
    shown = library(own_page)
    own_page.fill("#aq-paste", "The Quimby lighthouse\n\nThe Quimby lighthouse was built by Ada Vorn in 1911.")
    own_page.get_by_role("button", name="Add", exact=True).click()
    expect(own_page.locator("#aq-doing")).to_contain_text("Add")
    expect(shown.locator("li")).to_have_count(3)
    expect(own_page.locator("#aq-doing .aq-done")).to_contain_text("Added “The Quimby lighthouse”")
    close_library(own_page)
    expect(ask(own_page, "Who built the Quimby lighthouse?").locator("strong").first).to_have_text("Ada Vorn")


def test_a_pasted_address_is_added_with_what_stands_there(own_page, own, monkeypatch):
    words = "The Quimby lighthouse was built by Ada Vorn in 1911, after a long wait that had tried the whole town."
    html = f"<html><head><title>Quimby</title></head><body><article><p>{words}</p></article></body></html>"
    monkeypatch.setattr(intake, "fetch", lambda url: Fetched(url, "text/html", "utf-8", html.encode(), {}))
    shown = library(own_page)
    own_page.fill("#aq-paste", "https://news.example/quimby")
    own_page.press("#aq-paste", "Tab")
    own_page.keyboard.press("Enter")
    expect(own_page.locator("#aq-doing .aq-done")).to_contain_text("Added https://news.example/quimby")
    expect(shown.locator("li")).to_have_count(3)
    shown.get_by_role("button", name="Quimby", exact=True).click()
    expect(own_page.locator("#aq-reading-title")).to_have_text("Quimby")
    expect(own_page.locator("#aq-article")).to_contain_text("news.example")


def test_an_address_that_may_not_be_fetched_is_refused_with_its_reason(own_page, own):
    library(own_page)
    own_page.fill("#aq-paste", "http://127.0.0.1:9/secret")
    own_page.get_by_role("button", name="Add", exact=True).click()
    failed = own_page.locator("#aq-doing .aq-failed")
    expect(failed).to_contain_text("127.0.0.1")
    failed.get_by_role("button", name="Dismiss").click()
    expect(failed).to_have_count(0)
    assert len(own.library) == 2


def test_files_are_added_by_choosing_and_by_dropping_with_their_progress(own_page, own):
    shown = library(own_page)
    text = b"The Quimby lighthouse was built by Ada Vorn in 1911."
    files = [
        {"name": "quimby.txt", "mimeType": "text/plain", "buffer": text},
        {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 nothing"},
    ]
    own_page.set_input_files("#aq-files", files)
    expect(shown.locator("li")).to_have_count(3)
    expect(own_page.locator("#aq-doing .aq-failed")).to_contain_text("broken.pdf")
    own_page.evaluate(
        """() => {
            const carried = new DataTransfer();
            carried.items.add(new File(["The Orrin bridge was opened by Bo Lund in 1950."], "orrin.txt"));
            const told = { dataTransfer: carried, bubbles: true, cancelable: true };
            for (const kind of ["dragenter", "dragover", "drop"]) {
                document.body.dispatchEvent(new DragEvent(kind, told));
            }
        }"""
    )
    expect(shown.locator("li")).to_have_count(4)
    expect(own_page.locator("#aq-main[data-dropping=yes]")).to_have_count(0)
    assert own.library.complete_id("orrin")
    own_page.wrong[:] = [said for said in own_page.wrong if "422" not in said]  # the browser's note of the broken file


def test_an_article_is_removed_once_that_is_confirmed(own_page, own):
    shown = library(own_page)
    row = shown.locator("li").filter(has_text="Blomqvist joins")
    row.get_by_role("button", name="Remove Blomqvist").click()
    row.get_by_role("button", name="Keep").click()
    expect(row.locator(".aq-confirm")).to_be_hidden()
    assert len(own.library) == 2
    row.get_by_role("button", name="Remove Blomqvist").click()
    row.get_by_role("button", name="Remove", exact=True).last.click()
    expect(shown.locator("li")).to_have_count(1)
    expect(own_page.locator("#aq-said")).to_contain_text("Removed “Blomqvist joins")
    assert [info.id for info in own.library.articles()] == [HOSTILE.id]


def test_a_question_under_way_says_so(page, bot, monkeypatch):
    let_go, answer = threading.Event(), bot.answer
    monkeypatch.setattr(bot, "answer", lambda *given, **more: let_go.wait(20) and answer(*given, **more))
    page.fill("#aq-box textarea", POINTS)
    page.press("#aq-box textarea", "Enter")
    expect(page.locator(".aq-thinking")).to_contain_text("Reading the articles")
    let_go.set()
    expect(page.locator(".aq-answer")).to_have_count(1)
    expect(page.locator(".aq-thinking")).to_have_count(0)


def test_everything_is_done_by_keys(page):
    page.keyboard.press("Control+k")
    expect(page.locator("#aq-box textarea")).to_be_focused()
    ask(page, POINTS)
    page.keyboard.press("ArrowUp")
    expect(page.locator("#aq-box textarea")).to_have_value(POINTS)
    page.fill("#aq-box textarea", "")
    page.get_by_role("button", name="Open in article").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#aq-here")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Open in article")).to_be_focused()
    page.keyboard.press("Alt+l")
    expect(page.locator("#aq-filter")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+s")
    expect(page.locator("#aq-settings")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+n")
    expect(page.locator(".aq-answer")).to_have_count(0)
    expect(page.locator("#aq-box textarea")).to_be_focused()


def test_the_focus_is_always_seen_and_goes_in_the_order_of_reading(page):
    seen = []
    page.focus("#aq-new")
    for _ in range(8):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                """() => {
                    const at = document.activeElement, box = at.getBoundingClientRect(), look = getComputedStyle(at);
                    const ring = look.outlineStyle !== "none" || at.id === "aq-files" || look.boxShadow !== "none";
                    return [at.textContent || at.id, ring || !!at.closest("#aq-box"), box.top, box.left];
                }"""
            )
        )
    assert all(ring for _, ring, _, _ in seen), seen
    assert [words for words, *_ in seen[:2]] == ["Export", "Settings"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_of(browser, address, size, scheme):
    def check(where):
        found = axe.Axe().run(page).response["violations"]
        assert [(one["id"], one["help"], one["nodes"][0]["html"]) for one in found] == [], where

    with opened(browser, address, size | {"color_scheme": scheme}, 11) as page:
        check("start") if scheme == "light" else None
        ask(page, POINTS).locator(".aq-others summary").click()
        ask(page, "Who won the chess championship in 1997?")
        check("conversation") if is_phone(page) else None
        page.get_by_role("button", name="Open in article").first.click()
        expect(page.locator("#aq-here")).to_be_visible()
        check("article")
        page.locator("#aq-reading .aq-do-close").click()
        library(page).locator(".aq-remove").first.click()
        check("library") if is_phone(page) else None
        close_library(page)
        page.click("#aq-settings-open")
        check("settings")


def test_messages_are_read_aloud_as_their_words(page):
    ask(page, POINTS)
    expect(page.locator("[role=log][aria-live=polite]")).to_have_count(1)
    expect(page.locator("[role=log] [aria-label*='aq-']")).to_have_count(0)
    expect(page.locator("#aq-said[role=status]")).to_have_count(1)


def test_dark_or_light_is_remembered(page):
    expect(page.locator("body.dark")).to_have_count(0)
    page.click("#aq-theme")
    expect(page.locator("body.dark")).to_have_count(1)
    reload(page)
    ready(page)
    expect(page.locator("body.dark")).to_have_count(1)


def test_the_systems_dark_setting_is_followed(browser, address):
    with opened(browser, address, DESKTOP | {"color_scheme": "dark"}, 11) as page:
        expect(page.locator("body.dark")).to_have_count(1)


def test_an_empty_library_says_what_to_do(browser, embedder, reader):
    with (
        ArticleQA(Library.in_memory(embedder), reader) as bot,
        served(bot) as url,
        opened(browser, url, DESKTOP, 0) as page,
    ):
        expect(page.locator(".aq-welcome")).to_contain_text("Your library is empty")
        expect(page.locator(".aq-suggestion")).to_have_count(0)
        expect(ask(page, POINTS)).to_contain_text("The articles do not say.")

from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from app.server import Server, build_app
from corpus import Article, samples
from index import Library
from qa import ArticleQA, Settings

CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SWITCHES += ["--disable-component-update", "--disable-sync"]
POINTS = "How many points were deducted from Blomqvist and Braun?"
HOSTILE = Article(
    id="hostile",
    title='<img src="http://evil.example/t.png" onerror="hit()"> **Zorblax** factory',
    text=(
        "The Zorblax factory stands in Quimper.\n\n"
        "\tThe Zorblax factory was founded by <b onclick=hit()>Yolanda Vex</b> in 1987 ![](http://evil.example/i.png).\n"
        "<script>hit()</script><img src=x onerror=hit()><svg onload=hit()> ${hit()} {{hit}} $$x^2$$ *stars* `code`\n"
        '<form action="http://evil.example"><input type="password"></form><details open ontoggle=hit()>\n'
        "```mermaid\ngraph TD; A-->B\n```\n&lt;b&gt; &amp; [link](javascript:hit())"
    ),
    source="javascript:hit()",
)
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}: apt-get install chromium")


@pytest.fixture(scope="module")
def bot():
    with ArticleQA(Library.in_memory()) as bot:
        bot.library.add([*samples(), HOSTILE])
        yield bot


@contextmanager
def served(bot):
    """The address of a real server of the page, in a thread of its own."""
    ready = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        servers = []

        def run():  # where no event loop runs, unlike in the tests' own thread
            servers.append(Server(build_app(bot), url=url, on_ready=lambda _: ready.set()))
            servers[0].run(sockets=[listener])

        thread = threading.Thread(target=run)
        thread.start()
        assert ready.wait(30)
        yield url
        servers[0].should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def address(bot):
    with served(bot) as url:
        yield url


@pytest.fixture(scope="module")
def browser(address):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(params=[{}], ids=["desktop"])
def page(browser, address, request):
    """The chat page in a fresh browser; afterwards, nothing was asked of another host and nothing went wrong in it."""
    context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | request.param))
    page = context.new_page()
    wrong: list[str] = []
    hosts: set[str | None] = set()
    page.on("request", lambda sent: hosts.add(urlsplit(sent.url).hostname))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.goto(address)
    expect(page.locator(".aq-library li")).to_have_count(11)
    expect(page.locator("#aq-box textarea")).to_be_focused()
    yield page
    context.close()
    assert wrong == []
    assert hosts == {"127.0.0.1"}


def ask(page, question):
    """Ask, and wait for the newest reply."""
    before = page.locator(".aq-answer, .aq-notice").count()
    replies, asked = page.locator(".aq-answer, .aq-notice"), page.locator(".aq-question")
    shown = asked.count()
    page.fill("#aq-box textarea", question)
    for _ in range(10):  # a page on a busy machine may show its box before it listens to it
        page.keyboard.press("Enter")
        page.wait_for_timeout(1000)
        if asked.count() > shown:
            break
        page.fill("#aq-box textarea", question)
    expect(replies).to_have_count(before + 1, timeout=30_000)
    return page.locator(".aq-answer, .aq-notice").last


def test_an_answer_is_bold_in_its_sentence_and_marked_in_its_passage(page):
    reply = ask(page, POINTS)
    expect(reply.locator(".aq-sentence strong")).to_have_text("200")
    expect(reply.locator(".aq-sentence")).to_contain_text("A 200-point deduction after Blomqvist won")
    assert int(reply.locator(".aq-sentence strong").evaluate("e => getComputedStyle(e).fontWeight")) >= 600
    expect(reply.locator(".aq-sure").first).to_have_text(re.compile(r"sure · \d\d%", re.IGNORECASE))
    expect(reply.locator(".aq-where").first).to_contain_text("Blomqvist joins Action Express Racing")
    expect(reply.locator(".aq-where").first).to_contain_text("19 October 2023")
    expect(reply.locator(".aq-passage mark")).to_be_hidden()
    reply.locator(".aq-passage summary").click()
    expect(reply.locator(".aq-passage mark")).to_be_visible()
    expect(reply.locator(".aq-passage mark")).to_have_text("200")


def test_when_the_articles_do_not_say_the_closest_passage_is_shown(page, bot, monkeypatch):
    monkeypatch.setattr(bot, "settings", Settings(threshold=1.0))
    reply = ask(page, "What is Blomqvist's salary?")
    expect(reply.locator(".aq-sentence")).to_have_text("The articles do not say.")
    expect(reply.locator(".aq-reason")).not_to_be_empty()
    expect(reply.locator(".aq-passage blockquote")).to_be_visible()
    expect(reply.locator(".aq-passage time")).to_be_visible()
    expect(reply.locator("strong, mark")).to_have_count(0)


def test_article_text_is_text(page):
    reply = ask(page, "Who founded the Zorblax factory?")
    expect(reply.locator(".aq-where").first).to_contain_text(HOSTILE.title)
    expect(reply.locator(".aq-passage")).to_have_count(1)
    shown = reply.locator(".aq-passage blockquote").evaluate("e => e.textContent")
    assert shown in HOSTILE.text
    assert "Yolanda Vex</b>" in shown
    expect(page.locator(".aq-library")).to_contain_text(HOSTILE.title)
    expect(
        page.locator(".aq-answer, .aq-library").locator("img, svg, script, form, input, a, b, .katex")
    ).to_have_count(0)
    assert page.evaluate("document.querySelectorAll('[onclick], [onerror], [ontoggle], [onload]').length") == 0


def test_a_question_is_text(page):
    words = '<img src=x onerror="hit()"> **who** ![](http://evil.example/q.png) {{x}} ${hit()}'
    ask(page, words)
    assert page.locator(".aq-question").evaluate("e => e.textContent") == words


def test_a_question_too_long_gets_a_friendly_line_and_the_next_an_answer(page):
    expect(ask(page, "x" * 1_001)).to_contain_text("1,001 characters")
    expect(ask(page, POINTS).locator("strong").first).to_have_text("200")


def test_a_follow_up_is_understood_and_says_how(page):
    ask(page, "How old is Tom Blomqvist?")
    expect(ask(page, "Which series will he race in?").locator(".aq-understood")).to_contain_text("Blomqvist")


def test_an_example_asks_and_a_new_conversation_brings_the_examples_back(page):
    expect(page.locator(".example")).to_have_count(4)
    page.locator(".example").first.click()
    expect(page.locator(".aq-answer")).to_have_count(1)
    expect(page.locator(".aq-question")).to_have_text("Who replaces Sims?")
    expect(page.locator("#aq-box textarea")).to_be_focused()
    page.click("#aq-new")
    expect(page.locator(".aq-answer")).to_have_count(0)
    expect(page.locator(".example")).to_have_count(4)


def test_messages_are_read_aloud_as_their_words(page):
    ask(page, POINTS)
    expect(page.locator("[role=log][aria-live=polite]")).to_have_count(1)
    expect(page.locator("[role=log] [aria-label*='aq-']")).to_have_count(0)


def test_dark_or_light_is_remembered(page):
    expect(page.locator("body.dark")).to_have_count(0)
    page.click("#aq-theme")
    expect(page.locator("body.dark")).to_have_count(1)
    page.reload()
    expect(page.locator(".aq-library li")).to_have_count(11)
    expect(page.locator("body.dark")).to_have_count(1)


@pytest.mark.parametrize("page", [{"color_scheme": "dark"}], indirect=True, ids=["dark"])
def test_the_systems_dark_setting_is_followed(page):
    expect(page.locator("body.dark")).to_have_count(1)


@pytest.mark.parametrize(
    "page",
    [{"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}],
    indirect=True,
    ids=["phone"],
)
def test_on_a_phone_nothing_is_wider_than_the_screen(page):
    expect(page.locator(".aq-library li").first).to_be_hidden()
    ask(page, POINTS).locator(".aq-passage summary").click()
    page.locator(".aq-library summary").click()
    expect(page.locator(".aq-library li").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_an_empty_library_says_what_to_do(browser):
    with ArticleQA(Library.in_memory()) as bot, served(bot) as url:
        page = browser.new_page()
        page.goto(url)
        expect(page.locator(".aq-welcome")).to_contain_text("articleqa add")
        expect(page.locator(".example")).to_have_count(0)
        expect(ask(page, POINTS)).to_contain_text("The articles do not say.")
        page.close()

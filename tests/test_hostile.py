"""300 hostile strings by six ways in (article text, title, file name, URL, question, API), shown by a real browser.

Nothing runs, nothing is fetched, and what is shown is exactly what was given.
"""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest
from conftest import HashEmbedder, ScriptedReader, served
from playwright.sync_api import expect, sync_playwright
from test_page import CHROMIUM, DESKTOP, SWITCHES, opened
from test_render import answered, hostile_strings

from app import handlers
from app.article_view import article_html
from app.conversation import Turn
from app.panel import LONGEST_LIST
from app.server import build_app
from corpus import Article
from index import Library
from qa import ArticleQA

STRINGS = hostile_strings()
SOURCES = [f"https://news.example/{words}" if n % 2 else f"/home/someone/{words}" for n, words in enumerate(STRINGS)]
# our drawings and boxes, one of Gradio's, and the links to where articles of the web stand
OURS = "svg.aq-svg, svg.aq-svg *, input.aq-pick, svg#icon, svg#icon *, a[href^='https://news.example/']"
FOREIGN = "img, svg, script, style, link, base, meta, iframe, object, form, input, textarea, a, b, video, math, .katex"


@pytest.fixture(scope="module")
def bot():
    """An assistant over 300 articles whose text, title, author and source are hostile."""
    reader = ScriptedReader(lambda text: ([0.0] * len(text), [0.0] * len(text), 9.0))
    with ArticleQA(Library.in_memory(HashEmbedder()), reader) as bot:
        bot.library.add(
            Article(id=f"a{n}", title=words.strip(), text=f"Before. {words} After.", source=source, author=words)
            for n, (words, source) in enumerate(zip(STRINGS, SOURCES, strict=True))
        )
        yield bot


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}: apt-get install chromium")
def test_nothing_runs_nothing_is_fetched_and_the_shown_text_is_exact(bot, monkeypatch):
    turns = [
        Turn(f"t{n}", words, answered(sentence=("So ", words, "!"), title=words, source=source, question=words))
        for n, (words, source) in enumerate(zip(STRINGS, SOURCES, strict=True))
    ]
    monkeypatch.setattr(handlers, "KEPT_TURNS", len(turns))
    monkeypatch.setattr(handlers, "of_records", lambda *_: turns)
    with sync_playwright() as playwright, served(bot) as url:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        with opened(browser, url, DESKTOP, LONGEST_LIST) as page:  # it asserts that no other host was asked

            def shown(selector):
                return page.locator(selector).evaluate_all("all => all.map(one => one.textContent)")

            page.evaluate("() => { window.hit = () => { window.wasHit = true; }; }")
            expect(page.locator(".aq-question")).to_have_count(len(turns))
            assert shown(".aq-question") == STRINGS
            assert shown(".aq-answer .aq-sentence strong") == STRINGS
            assert shown(".aq-answer .aq-where .aq-title") == STRINGS
            for where, source in zip(shown(".aq-answer .aq-where"), SOURCES, strict=True):
                assert source.startswith("/home") or "news.example" in where
            assert set(shown("#aq-library .aq-name")) <= {words.strip() for words in STRINGS}
            page.locator("#aq-library .aq-name").first.click()
            expect(page.locator("#aq-article .aq-text")).to_have_count(1)
            views = [
                str(article_html(bot.library.article(f"a{n}"), 8, 8 + len(words))) for n, words in enumerate(STRINGS)
            ]
            page.evaluate("views => { document.querySelector('#aq-article').innerHTML = views.join(''); }", views)
            assert shown("#aq-article .aq-text") == [f"Before. {words} After." for words in STRINGS]
            page.hover("#aq-article .aq-text >> nth=3")
            assert page.evaluate("window.wasHit") is None
            made = "#aq-chat, #aq-library, #aq-article"
            assert (
                page.evaluate(
                    """([made, foreign, ours]) => [...document.querySelectorAll(made)]
                    .flatMap(part => [...part.querySelectorAll(foreign)])
                    .filter(one => !one.matches(ours)).map(one => one.outerHTML.slice(0, 200))""",
                    [made, FOREIGN, OURS],
                )
                == []
            )
            handling = "all => all.filter(one => one.getAttributeNames().some(name => name.startsWith('on'))).length"
            assert page.locator("#aq-main *").evaluate_all(handling) == 0
        browser.close()


def test_over_http_a_string_comes_back_as_it_went_in():
    reader = ScriptedReader(lambda text: ([0.0] * len(text), [0.0] * len(text), 9.0))

    async def run(http):
        for number, words in enumerate(STRINGS):
            reply = await http.post("/v1/search", json={"question": words, "k": 1})
            assert (reply.status_code, reply.json()["question"]) == (200, words)
            assert (reply.headers["content-type"], reply.headers["x-content-type-options"]) == (
                "application/json",
                "nosniff",
            )
            refused = await http.post("/v1/articles", json={"url": words})
            assert (refused.status_code, set(refused.json())) == (422, {"error"})
            if number % 10:
                continue
            added = await http.post("/v1/articles", json={"text": f"Before. {words} After.", "title": words})
            if "\x01" in words:  # no text file has such a character
                assert (added.status_code, "not a text file" in added.json()["error"]) == (422, True)
                continue
            assert added.status_code == 201, added.text
            [about] = added.json()["articles"]
            stored = (await http.get(f"/v1/articles/{about['id']}")).json()
            assert words.replace("\r\n", "\n") in stored["text"].replace("\r\n", "\n")
            name = re.sub(r"[\x00-\x1f/\\]", "", words) + ".txt"
            put = await http.put("/v1/articles", params={"name": name}, content=b"A file with an odd name.")
            assert (put.status_code, json.loads(put.text)["failures"]) == (201, [])

    with ArticleQA(Library.in_memory(HashEmbedder()), reader) as bot:
        app = build_app(bot)

        async def over():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
                await run(http)

        asyncio.run(over())

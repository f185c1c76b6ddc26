"""The chat page: the library, the conversation, and the article beside it, as Gradio blocks.

The conversation is a `gr.Chatbot` that shows our own escaped HTML as it is: neither Markdown nor LaTeX is read into it,
and its sanitiser stays on behind ours. What the buttons inside the HTML do comes in through one component, the wire,
whose events the page's script sends. The turns live on the server, per visitor, and in short form in the browser.

A new conversation begins in the browser alone, with a name of its own (`talk`); what comes late for another is dropped.
Gradio's `cancels` would not do: it stops whatever the visitor asks in the same way, and so the next question, too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import api

from app.chrome import NAME, add_html, header_html, reading_html, settings_html
from app.handlers import Page
from app.scope import Scope
from app.suggestions import start_html

if TYPE_CHECKING:
    from qa import ArticleQA

STYLE = Path(__file__).parent / "page.css"
SCRIPT = Path(__file__).parent / "page.js"
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='7' fill='%231f5a94'/%3E%3Cpath fill='%23ffe58a' "
    "d='M7 18c0-5 3-8 7-9v3c-2 1-3 2-3 4h3v7H7zm11 0c0-5 3-8 7-9v3c-2 1-3 2-3 4h3v7h-7z'/%3E%3C/svg%3E"
)
HEAD = f'<script src="page.js" defer></script><link rel="icon" href="{ICON}">'
WIRE = "document.addEventListener('articleqa', (sent) => trigger(sent.detail.event, sent.detail.data));"
ASK = "(question) => articleqa.ask(question)"
DONE = "() => articleqa.done()"
LATEST = "(shown, talk) => articleqa.latest(shown, talk)"
NEW = "() => [[], [], crypto.getRandomValues(new Uint32Array(2)).join('-'), '']"
STORAGE_KEY = "not-secret"  # what is kept is for this browser alone, and checked when it comes back


def build_page(bot: ArticleQA, ask: Callable[..., Any]) -> gr.Blocks:
    """The page that asks `bot`; mount it with `theme()`, `STYLE` and `HEAD`. Other programs call `ask`."""
    does = Page(bot)
    page = gr.Blocks(title=NAME, analytics_enabled=False, fill_width=True)
    with page:
        turns = gr.State([])
        kept = gr.BrowserState([], storage_key="articleqa-conversation", secret=STORAGE_KEY)
        talk = gr.BrowserState("", storage_key="articleqa-talk", secret=STORAGE_KEY)
        scope = gr.BrowserState(Scope().to_record(), storage_key="articleqa-scope", secret=STORAGE_KEY)
        gr.HTML(header_html(), elem_id="aq-header")
        with gr.Row(elem_id="aq-main"):
            with gr.Column(elem_id="aq-side", min_width=0):
                gr.HTML(add_html(), elem_id="aq-add-panel")
                library = gr.HTML(elem_id="aq-library")
            with gr.Column(elem_id="aq-talk", min_width=0):
                start = gr.HTML(start_html(None, has_articles=True), elem_id="aq-start")
                chat = gr.Chatbot(
                    label="Conversation",
                    show_label=False,
                    container=False,
                    height=None,
                    elem_id="aq-chat",
                    render_markdown=False,
                    sanitize_html=True,
                    allow_tags=False,
                    latex_delimiters=[],
                    buttons=[],
                    autoscroll=False,
                    feedback_options=None,
                    layout="bubble",
                    placeholder=" ",
                )
                searched = gr.HTML(elem_id="aq-scope")
                box = gr.Textbox(
                    label="Your question",
                    show_label=False,
                    container=False,
                    placeholder="Ask about the articles",
                    lines=1,
                    max_lines=6,
                    autofocus=True,
                    submit_btn=True,
                    elem_id="aq-box",
                )
            with gr.Column(elem_id="aq-reading", min_width=0):
                gr.HTML(reading_html(), elem_id="aq-reading-head")
                article = gr.HTML(elem_id="aq-article")
                drafts = gr.HTML(elem_id="aq-drafts")
        gr.HTML(settings_html(), elem_id="aq-dialogs")
        said = gr.HTML(elem_id="aq-said")
        file = gr.HTML(elem_id="aq-file", visible="hidden")
        asked = gr.Textbox(label="Asked", visible="hidden")
        taken = gr.HTML(elem_id="aq-taken", visible="hidden")
        decided = gr.HTML(elem_id="aq-decided", visible="hidden")
        wire = gr.HTML(elem_id="aq-wire", visible="hidden", js_on_load=WIRE)

        api(ask, api_name="ask", queue=False)  # first, or a handler's name would be in its way
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        at_once = {**private, "concurrency_limit": None, "trigger_mode": "multiple"}
        shown = [chat, turns, kept]
        asking = {**at_once, "concurrency_limit": "default", "concurrency_id": "ask"}
        from_box = box.submit(None, box, [asked, box], js=ASK, **at_once)
        from_box.then(does.ask, [asked, turns, talk, scope], shown, **asking).then(None, js=DONE)
        wire.submit(does.ask_this, [turns, talk, scope], shown, **asking).then(None, js=DONE)
        wire.clear(None, None, [chat, kept, talk, box], js=NEW, **at_once)
        chat.change(None, [chat, talk], chat, js=LATEST, **at_once)
        wire.like(does.judge, [turns, talk], [*shown, said], **at_once)
        wire.expand(does.open, None, article, **at_once)
        wire.edit(does.draft, None, drafts, **at_once)
        wire.select(does.decide, None, decided, **{**at_once, "concurrency_limit": 1})
        wire.delete(does.remove, None, [library, said], **at_once)
        wire.upload(does.take, None, [taken, library], **{**at_once, "concurrency_limit": 2})
        wire.apply(does.narrow, None, [scope, searched], **{**at_once, "concurrency_limit": 1})
        wire.download(does.export, [turns, talk], file, **at_once)
        wire.input(does.find, None, library, **at_once)
        page.load(does.come_back, [kept, talk, scope], [*shown, searched, library], **at_once)
        page.load(does.suggest, None, start, **at_once)
    return page


def theme() -> gr.themes.Base:
    """Gradio's plain theme with the fonts of the reader's own machine; nothing is fetched."""
    sans = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Liberation Sans", "sans-serif"]
    plain = gr.themes.Base(font=sans, font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"])
    return plain.set(
        body_background_fill="#f7f6f2",
        body_background_fill_dark="#15171a",
        body_text_color="#1c1e21",
        body_text_color_dark="#ebe9e4",
    )

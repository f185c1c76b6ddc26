"""The chat page: a box to ask in, the conversation, example questions and the list of articles.

The conversation is a `gr.Chatbot` that shows our own escaped HTML as it is: neither Markdown nor LaTeX is read into it,
and its sanitiser stays on behind ours. What is shown and what was asked before are kept on the server, per visitor.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from app.render import Html, answer_html, library_html, notice_html, question_html, tag
from corpus import ArticleQAError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qa import ArticleQA

NAME = "articleqa"
PROMISE = "Exact quotes from your articles, or a plain “the articles do not say”."
REMEMBERED_TURNS = 10
SHOWN_TURNS = 50
STYLE = Path(__file__).parent / "page.css"
SCRIPT = Path(__file__).parent / "page.js"
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='7' fill='%231f5a94'/%3E%3Cpath fill='%23ffe58a' "
    "d='M7 18c0-5 3-8 7-9v3c-2 1-3 2-3 4h3v7H7zm11 0c0-5 3-8 7-9v3c-2 1-3 2-3 4h3v7h-7z'/%3E%3C/svg%3E"
)
HEAD = f'<script src="page.js" defer></script><link rel="icon" href="{ICON}">'
THINKING = tag("p", "Reading the articles", tag("span", class_="aq-dots", aria_hidden="true"), class_="aq-thinking")
FAILED = (
    "Something went wrong here, not with your question; the details are in the log of the server. Please ask again."
)

# Shown only while the article that each is about is in the library; the last one cannot be answered from it.
EXAMPLES = (
    ("2023-10-19-blomqvist-joins-action-express", "Who replaces Sims?"),
    ("2023-10-19-blomqvist-joins-action-express", "How many points were deducted from Blomqvist and Braun?"),
    ("2023-10-19-blomqvist-joins-action-express", "Who is the team manager of Action Express Racing?"),
    ("2023-10-19-blomqvist-joins-action-express", "What is Blomqvist's salary?"),
)

Message = dict[str, str]
Turn = tuple[str, str | None]
log = logging.getLogger(__name__)


def build_page(bot: ArticleQA) -> gr.Blocks:
    """The page that asks `bot`; mount it with `theme()`, `STYLE` and `HEAD`."""
    known = {info.id for info in bot.library.articles()}
    examples = [question for article, question in EXAMPLES if article in known]

    def ask(
        question: str | None, shown: list[Message], history: list[Turn]
    ) -> Iterator[tuple[list[Message], list[Message], list[Turn], str]]:
        asked = _repaired(question or "").strip()
        if not asked:
            yield shown, shown, history, ""
            return
        shown = [*shown, _message("user", question_html(asked))][-2 * SHOWN_TURNS + 1 :]
        yield [*shown, _message("assistant", THINKING)], shown, history, ""
        try:
            answer = bot.answer(asked, history=history)
            reply = answer_html(answer)
            history = [*history, (asked, answer.text)][-REMEMBERED_TURNS:]
        except ArticleQAError as error:
            reply = notice_html(str(error))
        except Exception:
            log.exception("a question could not be answered")
            reply = notice_html(FAILED)
        shown = [*shown, _message("assistant", reply)]
        yield shown, shown, history, ""

    page = gr.Blocks(title=NAME, analytics_enabled=False, fill_width=True)
    with page:
        shown, history = gr.State([]), gr.State([])
        with gr.Row(elem_id="aq-header"):
            gr.HTML(_header(), elem_id="aq-brand")
            new = gr.Button("New conversation", size="sm", elem_id="aq-new")
        with gr.Row(elem_id="aq-main"):
            with gr.Column(elem_id="aq-talk", min_width=0):
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
                    placeholder=_welcome(has_articles=bool(known)),
                    examples=[{"text": question} for question in examples] or None,
                )
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
            with gr.Column(elem_id="aq-side", min_width=0):
                library = gr.HTML(elem_id="aq-library")

        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        at_once = {**private, "concurrency_limit": None}
        inputs, outputs = [box, shown, history], [chat, shown, history, box]
        asking = [
            box.submit(ask, inputs, outputs, **private),
            chat.example_select(_picked, None, box, **at_once).then(ask, inputs, outputs, **private),
        ]
        for event in (new.click, chat.clear):
            event(_start_again, None, outputs, cancels=asking, **at_once)
        page.load(lambda: library_html(bot.library.articles()), None, library, **at_once)
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


def _repaired(question: str) -> str:
    """The question with what cannot be written as UTF-8, such as half an emoji, replaced; without NUL."""
    return question.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")


def _message(role: str, content: Html) -> Message:
    return {"role": role, "content": str(content)}


def _picked(event: gr.SelectData) -> str:
    return str(event.value["text"])


def _start_again() -> tuple[list[Message], list[Message], list[Turn], str]:
    return [], [], [], ""


def _header() -> Html:
    name = tag("h1", NAME)
    toggle = tag("button", "◐", id="aq-theme", type="button", aria_label="Dark or light", title="Dark or light")
    return tag("div", tag("div", name, tag("p", PROMISE)), toggle, class_="aq-brand")


def _welcome(*, has_articles: bool) -> Html:
    """What stands in place of the conversation before the first question."""
    if not has_articles:
        hint = "The library is empty: put articles into it with “articleqa add”, then reload this page."
    else:
        hint = "Ask who, what, when, where or how many. Every answer is an exact quote with its place in the article."
    return tag("div", tag("h2", "What would you like to know?"), tag("p", hint), class_="aq-welcome")

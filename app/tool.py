"""`ask` for other programs: a name in Gradio's API, and a tool for agents over MCP. Both give the command line's JSON.

Gradio reads the schema of both from the function's types and docstring. MCP is there when the package `mcp` is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import date
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import gradio as gr

from app.scope import Scope, narrowed
from app.work import Buckets, BusyError, Work
from corpus import ArticleQAError, QuestionError
from qa.batch import history_of

if TYPE_CHECKING:
    from qa import ArticleQA

MCP = "/gradio_api/mcp"
SECONDS = 30.0
"""How long a question may wait for its turn."""


def has_mcp() -> bool:
    """Whether tools can be offered over MCP: `pip install 'articleqa[mcp]'`."""
    return find_spec("mcp") is not None


def ask_tool(bot: ArticleQA, work: Work, buckets: Buckets | None = None) -> Callable[..., Awaitable[Any]]:
    """The function behind both; it takes its turn in `work`, and each client has its share in `buckets`."""

    async def ask(
        request: gr.Request,
        question: str,
        articles: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        history: list[list[str | None]] | None = None,
    ) -> Any:  # noqa: ANN401
        """Answer a question from the articles of this library by an exact quote with its place.

        Args:
            request: Who asks; filled in by the server.
            question: The question, in whole words, up to 1,000 characters.
            articles: Ids of the only articles to search; all of them when left out.
            since: Only articles published on this day or later, as YYYY-MM-DD.
            until: Only articles published on this day or earlier, as YYYY-MM-DD.
            history: The conversation so far, as [question, answer or null] pairs, the oldest first.

        Returns:
            The answer with its confidence from 0 to 1, its citation, alternatives and the passages found; "answer" is
            null when the articles do not say, and "reason" tells why.
        """
        if buckets and request.client and buckets.take(request.client.host):
            raise gr.Error("too many requests from here; ask again later", print_exception=False)
        try:
            named = frozenset(bot.library.article(one).id for one in articles or ())
            scope = Scope(named, _day(since, "since"), _day(until, "until"))
            turns = history_of(history, "history")
            answer = await work.run(
                lambda: narrowed(bot, scope).answer(question, turns), seconds=SECONDS, gone=asyncio.Event().wait
            )
        except (ArticleQAError, BusyError) as error:
            raise gr.Error(str(error), print_exception=False) from error
        told = answer.to_dict()
        # over MCP, a dictionary would be told as Python writes it
        return json.dumps(told, ensure_ascii=False) if request.url.path.startswith(MCP) else told

    return ask


def _day(given: str | None, name: str) -> date | None:
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise QuestionError(f"{name}: {given!r} is no day; write it as 2026-01-31") from None

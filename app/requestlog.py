"""A log of requests: a JSON object a line, written where the operator says and nowhere else.

What was asked is not in it, unless the operator wants it there.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from corpus import ArticleQAError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

QUESTION = "question"
"""The key of a request's state under which a route leaves what was asked."""


@contextmanager
def log_file(path: Path | None) -> Iterator[TextIO | None]:
    """The file to append to; `-` is stderr and None is none. Raises `ArticleQAError` when it cannot be written."""
    if path is None or str(path) == "-":
        yield sys.stderr if path else None
        return
    try:
        file = path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise ArticleQAError(
            f"{path}: the log cannot be written ({error.strerror}); name another with --log"
        ) from error
    with file:
        yield file


class RequestLog:
    """The ASGI middleware, which comes first: what is refused is logged, too."""

    def __init__(self, app: ASGIApp, *, to: TextIO, questions: bool = False) -> None:
        self.app, self.to, self.questions = app, to, questions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and write its line once it is answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, state = time.perf_counter(), scope.setdefault("state", {})
        status, sent = None, 0

        async def noting(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            told = {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "id": secrets.token_hex(6),
                "client": (scope.get("client") or [None])[0],
                "method": scope["method"],
                "route": getattr(scope.get("route"), "path", "other"),
                "status": status,
                "ms": round(1000 * (time.perf_counter() - begun), 1),
                "bytes": sent,
            }
            if self.questions and QUESTION in state:
                told[QUESTION] = state[QUESTION]
            self.to.write(json.dumps(told) + "\n")

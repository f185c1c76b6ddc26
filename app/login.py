"""An optional login in front of everything: HTTP Basic with one password, and few tries a minute."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from app.guard import HEADERS, POLICY
from app.work import Buckets
from corpus import ArticleQAError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_ROUTES = frozenset({"/healthz", "/readyz"})
"""What load balancers ask without a password."""

TRIES_PER_MINUTE = 6
_HEADERS = {"Content-Security-Policy": POLICY.format(hashes=""), **HEADERS}
SHORTEST = 8


def read_password(path: Path) -> str:
    """The password in a file, its first line. Raises `ArticleQAError` when there is none that will do."""
    try:
        password = path.read_text(encoding="utf-8").split("\n", 1)[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ArticleQAError(f"{path}: the password cannot be read ({error}); check the path") from error
    if len(password) < SHORTEST:
        raise ArticleQAError(f"{path}: the password has fewer than {SHORTEST} characters; write a longer one")
    return password


class Login:
    """The ASGI middleware: any user name, this password. Wrong ones use up a client's tries; the right one does not."""

    def __init__(self, app: ASGIApp, *, password: str) -> None:
        self.app = app
        self._expected = hashlib.sha256(password.encode()).digest()
        self._tries = Buckets(TRIES_PER_MINUTE, burst=TRIES_PER_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or ask for the password."""
        if scope["type"] == "lifespan" or scope["path"] in OPEN_ROUTES or self._is_right(scope):
            await self.app(scope, receive, send)
            return
        client = (scope.get("client") or ("unknown", 0))[0]
        tried = "authorization" in Headers(scope=scope)
        wait = self._tries.take(client) if tried else 0.0
        if wait:
            headers = _HEADERS | {"Retry-After": str(max(1, math.ceil(wait)))}
            await PlainTextResponse("too many wrong passwords; try again later", 429, headers)(scope, receive, send)
            return
        headers = _HEADERS | {"WWW-Authenticate": 'Basic realm="articleqa", charset="UTF-8"'}
        await PlainTextResponse("a password is needed", 401, headers)(scope, receive, send)

    def _is_right(self, scope: Scope) -> bool:
        kind, _, value = Headers(scope=scope).get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            given = base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(hashlib.sha256(given).digest(), self._expected)

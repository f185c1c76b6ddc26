"""What stands in front of the server: who may ask it, for what, and how the browser must treat what comes back.

Gradio offers more than the page needs (uploads, files, proxies, recordings) to whoever reaches the port. The guard
answers a host that is not this machine with 400 (a web page elsewhere may name itself 127.0.0.1), a request sent by
another site's page with 403, a helper route of Gradio's that neither the page nor `ask` uses with 404, and a body over
64 KiB with 413, but for an article's file (`PUT /v1/articles`), which may have 64 MiB. Every reply carries the security
headers; a page may run only its own scripts, those inside it by their hash.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 2**10
LARGEST_FILE = 64 * 2**20
UPLOAD = ("PUT", "/v1/articles")
USED_ROUTES = re.compile(
    r"/gradio_api/(queue/(join|data)|heartbeat/\w+|startup-events|cancel|reset|app_id|info|(run|api)/ask|mcp)/?"
)
TOOLS = re.compile(r"/gradio_api/mcp/?")
HELPER_ROUTES = ("/gradio_api", "/monitoring", "/login", "/logout")
INLINE_SCRIPT = re.compile(rb"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.DOTALL)
# 'unsafe-eval' is how Gradio's own HTML component draws itself; no text of an article or a question gets there.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'{hashes}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """The ASGI middleware; `hosts` are names this server may be asked for besides localhost and IP addresses."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], read_only: bool = False) -> None:
        self.app = app
        self.upload = None if read_only else UPLOAD
        self.hosts = frozenset({"localhost", *(host.lower() for host in hosts)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on with its body read; either way the reply gets its headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        reply = _Reply(send)
        refusal = self._refusal(scope)
        largest = LARGEST_FILE if (scope["method"], scope["path"]) == self.upload else LARGEST_BODY
        body = b"" if refusal else await _body(receive, largest)
        if body is None:
            refusal = PlainTextResponse(f"larger than {largest // 2**10} KiB", 413, {"Connection": "close"})
        if refusal:
            await refusal(scope, receive, reply.send)
            return
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return pending.pop() if pending else await receive()

        await self.app(scope, again, reply.send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers, path = Headers(scope=scope), scope["path"]
        host = headers.get("host", "")
        if not self._is_here(host):
            return PlainTextResponse("this server does not go by that name", 400)
        if headers.get("origin", f"//{host}").partition("//")[2] != host:
            return PlainTextResponse("sent from the page of another site", 403)
        if path.startswith(HELPER_ROUTES) and not USED_ROUTES.fullmatch(path):
            return PlainTextResponse("not found", 404)
        if (
            TOOLS.fullmatch(path) and scope["method"] != "POST"
        ):  # a GET would keep a stream open that nothing is sent on
            return PlainTextResponse("tools are called by POST", 405, {"Allow": "POST"})
        return None

    def _is_here(self, host: str) -> bool:
        """Whether a Host header is an IP address, which no other site's name can stand for, or a name of ours."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self.hosts
        return True


class _Reply:
    """Sends a reply with the security headers; a page is held back until its scripts are known."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._page = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if MutableHeaders(scope=message).get("content-type", "").startswith("text/html"):
                self._start = message
                return
            self._guard(message, hashes="")
        elif message["type"] == "http.response.body" and self._start:
            self._page += message.get("body", b"")
            if message.get("more_body"):
                return
            self._guard(self._start, hashes=_script_hashes(bytes(self._page)))
            await self._send(self._start)
            message, self._start = {"type": "http.response.body", "body": bytes(self._page)}, None
        await self._send(message)

    @staticmethod
    def _guard(start: Message, *, hashes: str) -> None:
        headers = MutableHeaders(scope=start)
        headers["Content-Security-Policy"] = POLICY.format(hashes=hashes)
        for name, value in HEADERS.items():
            headers[name] = value


def _script_hashes(page: bytes) -> str:
    """The hash of every script that stands inside the page, as the policy lists them."""
    codes = (found["code"] for found in INLINE_SCRIPT.finditer(page) if b"src=" not in found["attributes"])
    return "".join(f" 'sha256-{base64.b64encode(hashlib.sha256(code).digest()).decode()}'" for code in codes)


async def _body(receive: Receive, largest: int) -> bytes | None:
    """The request's whole body, or None when it has more bytes than `largest`."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > largest:
            return None
        if not message.get("more_body"):
            return bytes(body)

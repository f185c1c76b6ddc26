"""The server: the chat page and /healthz under FastAPI, behind a guard, run by one uvicorn worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

import gradio as gr
import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse

from app.chat import HEAD, SCRIPT, STYLE, build_page, theme
from app.guard import Guard
from corpus import ArticleQAError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from qa import ArticleQA

WAITING_QUESTIONS = 64
SHUTDOWN_SECONDS = 3
EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  (compared with, never bound to by default)


def build_app(bot: ArticleQA, *, hosts: Collection[str] = ()) -> FastAPI:
    """The page at `/` and the state of the server at `/healthz`, for requests to this machine or to one of `hosts`.

    Not to be called where an event loop is running.
    """
    return asyncio.run(_app(bot, hosts))


async def _app(bot: ArticleQA, hosts: Collection[str]) -> FastAPI:
    """The app, made inside an event loop: without one, parts of Gradio open loops of their own and never close them."""
    app = FastAPI(title="articleqa", version=version("articleqa"), docs_url=None, redoc_url=None)
    app.add_middleware(Guard, hosts=hosts)

    @app.get("/healthz")
    def healthz() -> dict[str, str | int]:
        articles = bot.library.articles()
        passages = sum(info.passages for info in articles)
        return {"status": "ok", "version": app.version, "articles": len(articles), "passages": passages}

    @app.get("/page.js", include_in_schema=False)
    def script() -> FileResponse:
        return FileResponse(SCRIPT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    # Gradio would sum up all questions so far with pandas after each one, for a dashboard that is off.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(sys.maxsize))
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
    page = build_page(bot)
    page.queue(max_size=WAITING_QUESTIONS, default_concurrency_limit=os.cpu_count() or 1, api_open=False)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        theme=theme(),
        css_paths=STYLE,
        head=HEAD,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        max_file_size=0,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
    )
    app.state.closing = cast("Any", app.routes[-1]).app.stop_event  # ends the stream that each open page keeps
    return app


def serve(
    bot: ArticleQA, *, host: str = "127.0.0.1", port: int = 7860, on_ready: Callable[[str], None] | None = None
) -> None:
    """Serve the chat page until the process is told to stop; questions under way are still answered for 3 seconds.

    `on_ready` is called with the page's address once it takes connections; port 0 takes any free one. Raises
    `ArticleQAError` when the port cannot be listened on.
    """
    with _listen(host, port) as listener:
        names = {socket.gethostname(), f"{socket.gethostname()}.local"} if host in EVERYWHERE else {host}
        app = build_app(bot, hosts=names)
        server = Server(app, url=_address(host, listener.getsockname()[1]), on_ready=on_ready)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


class Server(uvicorn.Server):
    """A uvicorn server of the page that says when it takes connections and lets go of open pages when it stops."""

    def __init__(self, app: FastAPI, *, url: str, on_ready: Callable[[str], None] | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        self.closing: asyncio.Event = app.state.closing
        self.url, self.on_ready = url, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and call `on_ready` with the address."""
        await super().startup(sockets)
        if self.started and self.on_ready:
            self.on_ready(self.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let open pages go, then wait for the questions under way."""
        self.closing.set()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `port` of the first address that `host` stands for."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ArticleQAError(f"{host}: not an address of this machine ({error}); name another with --host") from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        why = error.strerror
        raise ArticleQAError(f"{host}: port {port} cannot be used ({why}); choose another with --port") from error
    return listener


def _address(host: str, port: int) -> str:
    shown = "localhost" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"

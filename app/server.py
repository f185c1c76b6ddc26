"""The server: the chat page and `/v1` under FastAPI, behind a guard, run by one uvicorn worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TextIO, cast

import gradio as gr
import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse

from app.api import Api
from app.chat import HEAD, SCRIPT, STYLE, build_page, theme
from app.guard import Guard
from app.login import Login
from app.requestlog import RequestLog
from app.tool import ask_tool, has_mcp
from app.work import Work
from corpus import ArticleQAError
from index.onnx_model import processors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from qa import ArticleQA

WAITING_QUESTIONS = 32
SHUTDOWN_SECONDS = 30
EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  (compared with, never bound to by default)


def build_app(
    bot: ArticleQA,
    *,
    hosts: Collection[str] = (),
    per_minute: float | None = None,
    read_only: bool = False,
    password: str | None = None,
    log: TextIO | None = None,
    log_questions: bool = False,
) -> FastAPI:
    """The page at `/` and HTTP at `/v1` (see `app.api`), for requests to this machine or to one of `hosts`.

    Each client may send `per_minute` requests to `/v1`; `read_only` leaves the library as it is; with a password it is
    asked for first. A line about each request goes to `log`, see `app.requestlog`. Not to be called where an event loop
    is running.
    """
    app = asyncio.run(_app(bot, per_minute, read_only=read_only))
    app.add_middleware(Guard, hosts=hosts, read_only=read_only)
    if password is not None:
        app.add_middleware(Login, password=password)  # added later, it comes earlier: nothing is read without it
    if log is not None:
        app.add_middleware(RequestLog, to=log, questions=log_questions)
    return app


async def _app(bot: ArticleQA, per_minute: float | None, *, read_only: bool) -> FastAPI:
    """The app, made inside an event loop: without one, parts of Gradio open loops of their own and never close them."""
    app = FastAPI(title="articleqa", version=version("articleqa"), docs_url=None, redoc_url=None)
    app.state.work = Work(at_once=processors(), waiting=WAITING_QUESTIONS)
    api = Api(bot, app.state.work, per_minute=per_minute, read_only=read_only)
    api.install(app)

    @app.get("/page.js", include_in_schema=False)
    def script() -> FileResponse:
        return FileResponse(SCRIPT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    # Gradio would sum up all questions so far with pandas after each one, for a dashboard that is off.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(sys.maxsize))
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
    page = build_page(bot, ask_tool(bot, app.state.work, api.buckets))
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
        mcp_server=has_mcp(),
        pwa=False,
        max_file_size=0,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
    )
    app.state.closing = cast("Any", app.routes[-1]).app.stop_event  # ends the stream that each open page keeps
    return app


def serve(
    bot: ArticleQA,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    names: Collection[str] = (),
    per_minute: float | None = None,
    read_only: bool = False,
    password: str | None = None,
    log: TextIO | None = None,
    log_questions: bool = False,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the chat page and HTTP until the process is told to stop; questions let in before are still answered.

    The server goes by `names`, too, such as that of a proxy before it.

    `on_ready` is called with the page's address once it takes connections; port 0 takes any free one. Raises
    `ArticleQAError` when the port cannot be listened on.
    """
    with _listen(host, port) as listener:
        here = {socket.gethostname(), f"{socket.gethostname()}.local"} if host in EVERYWHERE else {host}
        hosts = {*here, *names}
        app = build_app(
            bot,
            hosts=hosts,
            per_minute=per_minute,
            read_only=read_only,
            password=password,
            log=log,
            log_questions=log_questions,
        )
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
        self.work: Work = app.state.work
        self.url, self.on_ready = url, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and call `on_ready` with the address."""
        await super().startup(sockets)
        if self.started and self.on_ready:
            self.on_ready(self.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let open pages go, then wait for the questions that were let in."""
        self.work.closing = True
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

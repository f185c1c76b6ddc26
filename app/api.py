"""Questions and articles over HTTP: `/v1/...`, the state of the server, and what it counts; as JSON.

Answers are the JSON of the command line. An error is `{"error": one line}` with a status that says whose it is: 4xx
for the request's, 503 with `Retry-After` when there is no room. `/openapi.json` describes it all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, FastAPI, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from app.counts import CONTENT_TYPE, Counts
from app.intake import take_in, take_in_bytes
from app.requestlog import QUESTION
from app.terminal import article_dict, info_dict
from app.work import Buckets, BusyError, LeftError, Work
from corpus import ArticleQAError, LibraryError, QuestionError
from qa.batch import history_of
from qa.questions import check_question

if TYPE_CHECKING:
    from app.intake import Taken
    from corpus import Article
    from qa import Answer, ArticleQA

T = TypeVar("T")

MOST_QUESTIONS = 100
MOST_HITS = 100
SECONDS = 30.0
"""How long an admitted question may wait for its turn."""

_LEFT = 499
_FILE_NAME = r"^[^\x00-\x1f/\\]+$"


class Json(JSONResponse):
    """JSON in UTF-8, in which half of a surrogate pair, which has no place there, becomes "?"."""

    def render(self, content: object) -> bytes:
        """The bytes of the reply."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Question(_Body):
    """A question, with the conversation before it as (question, answer or null) pairs, oldest first."""

    question: str
    history: list[tuple[str, str | None]] = Field(default_factory=list)
    id: str | int | None = None


class Questions(_Body):
    """Questions to be answered in order."""

    questions: list[Question] = Field(min_length=1, max_length=MOST_QUESTIONS)


class SearchFor(_Body):
    """A question, and how many passages that fit it are wanted."""

    question: str
    k: int = Field(default=10, ge=1, le=MOST_HITS)


class NewArticle(_Body):
    """An article to add: the address of its page, or its text with the title."""

    url: str | None = None
    text: str | None = None
    title: str = "Untitled"


class Api:
    """The routes over one assistant, and what they share: the threads, the clients' limits, the counts."""

    def __init__(self, bot: ArticleQA, work: Work, *, per_minute: float | None = None, read_only: bool = False) -> None:
        self.bot, self.work, self.read_only = bot, work, read_only
        self.buckets = Buckets(per_minute) if per_minute else None
        self.counts = Counts()
        self.counts.gauge("articleqa_waiting", "Requests that wait their turn.", lambda: work.queued)
        self.counts.gauge("articleqa_articles", "Articles in the library.", lambda: len(bot.library))

    def install(self, app: FastAPI) -> None:
        """Add the routes, and errors as one line of JSON."""
        app.include_router(self._questions())
        app.include_router(self._articles())
        app.include_router(self._state())
        for kind in (ArticleQAError, BusyError, LeftError, RequestValidationError, StarletteHTTPException):
            app.add_exception_handler(kind, _as_json)
        app.add_exception_handler(Exception, _bug)
        app.add_middleware(self.counts.counted)

    def _questions(self) -> APIRouter:
        routes = APIRouter(prefix="/v1", tags=["questions"])

        @routes.post("/ask")
        async def ask(request: Request, asked: Question) -> Json:
            """Answer a question from the articles, with the quote and where it stands."""
            setattr(request.state, QUESTION, asked.question)
            answer = await self._run(request, lambda: self._answer(asked))
            return Json(answer.to_dict())

        @routes.post("/ask/batch")
        async def ask_batch(request: Request, asked: Questions) -> Json:
            """Answer several questions, in order; one that cannot be asked gets `{"id", "error"}` in its place."""
            setattr(request.state, QUESTION, [one.question for one in asked.questions])
            answers = await self._run(request, lambda: [self._answer_or_error(one) for one in asked.questions])
            return Json({"answers": answers})

        @routes.post("/search")
        async def search(request: Request, asked: SearchFor) -> Json:
            """The passages that fit a question best, best first."""
            setattr(request.state, QUESTION, check_question(asked.question))
            hits = await self._run(request, lambda: self.bot.library.search(asked.question, k=asked.k))
            found = [
                {
                    "article_id": hit.passage.article_id,
                    "title": hit.article.title,
                    "start": hit.passage.start,
                    "end": hit.passage.end,
                    "score": round(hit.score, 4),
                    "text": hit.passage.text,
                }
                for hit in hits
            ]
            return Json({"question": asked.question, "hits": found})

        return routes

    def _articles(self) -> APIRouter:
        routes = APIRouter(prefix="/v1", tags=["articles"])

        @routes.get("/articles")
        async def list_articles(
            request: Request,
            limit: Annotated[int, Query(ge=1, le=1000)] = 100,
            offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        ) -> Json:
            """The articles of the library, the newest first."""
            library = self.bot.library
            infos = await self._run(request, partial(library.articles, limit=limit, offset=offset))
            return Json({"total": len(library), "articles": [info_dict(info) for info in infos]})

        @routes.get("/articles/{article_id}")
        async def get_article(request: Request, article_id: Annotated[str, Path(max_length=200)]) -> Json:
            """One article with its text."""
            return Json(article_dict(await self._run(request, lambda: self._found(article_id))))

        if self.read_only:
            return routes

        @routes.post("/articles", status_code=201)
        async def add_article(request: Request, given: NewArticle) -> Json:
            """Add the article of a page, or a text."""
            return _taken(await self._run(request, lambda: self._add(given)))

        @routes.put("/articles", status_code=201, openapi_extra={"requestBody": {"content": {"*/*": {}}}})
        async def add_file(request: Request, name: Annotated[str, Query(max_length=255, pattern=_FILE_NAME)]) -> Json:
            """Add the file in the request's body, read by the ending of its name."""
            data = await request.body()
            return _taken(await self._run(request, lambda: take_in_bytes(self.bot.library, data, name=name)))

        @routes.delete("/articles/{article_id}")
        async def remove_article(request: Request, article_id: Annotated[str, Path(max_length=200)]) -> Json:
            """Remove one article."""
            removed = await self._run(request, lambda: self.bot.library.remove(self._found(article_id).id))
            return Json({"removed": removed.id})

        return routes

    def _state(self) -> APIRouter:
        routes = APIRouter(tags=["state"])

        @routes.get("/healthz")
        async def healthz(request: Request) -> dict[str, str | int]:
            """That the server lives, and what it holds."""
            library = self.bot.library
            counts = {"articles": len(library), "passages": library.passages}
            return {"status": "ok", "version": request.app.version, **counts}

        @routes.get("/readyz")
        async def readyz() -> Json:
            """Whether questions should be sent here: not while it stops, nor while its queue is full."""
            if self.work.closing or self.work.queued >= self.work.waiting:
                return Json({"status": "stopping" if self.work.closing else "busy"}, 503)
            return Json({"status": "ready"})

        @routes.get("/metrics", response_class=PlainTextResponse)
        async def metrics() -> PlainTextResponse:
            """What the server counts, for Prometheus."""
            return PlainTextResponse(self.counts.text(), media_type=CONTENT_TYPE)

        return routes

    async def _run(self, request: Request, function: Callable[[], T]) -> T:
        """Run it in a thread when its turn comes, unless the client has used up its share or leaves before."""
        if self.buckets and request.client:
            wait = self.buckets.take(request.client.host)
            if wait:
                raise HTTPException(429, "too many requests from here; ask again later", {"Retry-After": _whole(wait)})

        async def gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        return await self.work.run(function, seconds=SECONDS, gone=gone)

    def _answer(self, asked: Question) -> Answer:
        answer = self.bot.answer(asked.question, history_of([list(turn) for turn in asked.history], "history"))
        return replace(answer, id=asked.id)

    def _answer_or_error(self, asked: Question) -> dict[str, Any]:
        try:
            return self._answer(asked).to_dict()
        except QuestionError as error:
            return {"id": asked.id, "error": str(error)}

    def _found(self, article_id: str) -> Article:
        try:
            return self.bot.library.article(article_id)
        except LibraryError as error:
            raise HTTPException(404, str(error)) from error

    def _add(self, given: NewArticle) -> Taken:
        if (given.url is None) == (given.text is None):
            raise QuestionError('an article needs a "url", or a "text" with its "title"; send one of the two')
        if given.url is not None:
            if not given.url.lower().startswith(("http://", "https://")):
                raise QuestionError("the url is no web address; send one that begins with https://")
            return take_in(self.bot.library, [given.url])
        data = (given.text or "").encode("utf-8", "replace")
        return take_in_bytes(
            self.bot.library, data, name=f"{given.title}.txt", content_type="text/plain; charset=utf-8"
        )


def _taken(taken: Taken) -> Json:
    if not taken.articles:
        why = taken.failures[0] if taken.failures else "there is no article in it; send another"
        return Json({"error": why, **taken.to_dict()}, 422)
    return Json(taken.to_dict(), 201)


async def _as_json(_: Request, error: Exception) -> Json:
    """An error as one line, with the status that says whose it is."""
    match error:
        case BusyError():
            return Json({"error": str(error)}, 503, {"Retry-After": str(error.retry_after)})
        case LeftError():
            return Json({"error": "the client has left"}, _LEFT)
        case RequestValidationError():
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            return Json({"error": f"{place}: {first['msg']}; /openapi.json says what is expected"}, 422)
        case StarletteHTTPException():
            return Json({"error": str(error.detail)}, error.status_code, error.headers)
    return Json({"error": str(error)}, 422 if isinstance(error, QuestionError) else 500)


async def _bug(_: Request, __: Exception) -> Json:
    """A mistake of ours; its traceback goes to the log of the server."""
    return Json({"error": "something went wrong here; the details are in the log of the server"}, 500)


def _whole(seconds: float) -> str:
    return str(max(1, math.ceil(seconds)))

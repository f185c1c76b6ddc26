"""HTTP at /v1: the JSON of the command line, errors in one line, and no more let in than can be done."""

import asyncio
import io
import json
import threading
import time

import httpx
import pytest

from app.login import read_password
from app.requestlog import log_file
from app.server import build_app
from app.work import Buckets, BusyError, LeftError, Work
from corpus import ArticleQAError, samples
from index import Library
from qa import ArticleQA

HERE = "http://127.0.0.1"


def client(app):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE)


@pytest.fixture(scope="module")
def app(sample_library, reader):
    return build_app(ArticleQA(sample_library, reader))


@pytest.fixture
def own(embedder, reader):
    """An app over a library of its own, which may be changed."""
    with Library.in_memory(embedder) as library:
        library.add(samples()[:2])
        yield build_app(ArticleQA(library, reader))


def ask(app, method, path, **options):
    async def run():
        async with client(app) as http:
            return await http.request(method, path, **options)

    return asyncio.run(run())


def test_an_answer_is_that_of_python(app, bot):
    question = "Who takes over from Alexander Sims?"
    reply = ask(app, "POST", "/v1/ask", json={"question": question, "id": 7})
    expected = bot.answer(question).to_dict() | {"id": 7}
    told = reply.json()
    assert told.pop("timings_ms")
    expected.pop("timings_ms")
    assert (reply.status_code, told) == (200, json.loads(json.dumps(expected)))
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_history_is_taken_into_account(app):
    body = {"question": "How old is he?", "history": [["Who joins Action Express for 2024?", "Tom Blomqvist"]]}
    assert ask(app, "POST", "/v1/ask", json=body).json()["answer"] == "29"


def test_a_batch_is_answered_in_order(app):
    asked = [{"id": "a", "question": "How old is Tom Blomqvist?"}, {"id": "b", "question": " "}]
    told = ask(app, "POST", "/v1/ask/batch", json={"questions": asked}).json()["answers"]
    assert [one["id"] for one in told] == ["a", "b"]
    assert told[0]["answer"] == "29"
    assert "error" in told[1]


def test_search(app):
    told = ask(app, "POST", "/v1/search", json={"question": "kelp forest", "k": 2}).json()
    assert len(told["hits"]) == 2
    assert "kelp" in told["hits"][0]["text"]


def test_articles_are_listed_and_shown(app, sample_library):
    told = ask(app, "GET", "/v1/articles?limit=3&offset=1").json()
    assert (told["total"], len(told["articles"])) == (10, 3)
    shown = ask(app, "GET", f"/v1/articles/{told['articles'][0]['id']}").json()
    assert shown["text"] == sample_library.article(told["articles"][0]["id"]).text


def test_articles_come_and_go(own):
    told = ask(own, "POST", "/v1/articles", json={"text": "Zelda Quist, 44, won the race.", "title": "A race"})
    assert told.status_code == 201
    name = told.json()["articles"][0]["id"]
    assert (
        ask(own, "POST", "/v1/search", json={"question": "Zelda Quist", "k": 1}).json()["hits"][0]["article_id"] == name
    )
    put = ask(own, "PUT", "/v1/articles?name=pier.md", content=b"# The pier\n\nIt opened." + b" " * 100_000)
    assert put.json()["articles"][0]["title"] == "The pier"
    assert ask(own, "DELETE", f"/v1/articles/{name}").json() == {"removed": name}
    gone = ask(own, "DELETE", f"/v1/articles/{name}")
    assert (gone.status_code, "no article of this id" in gone.json()["error"]) == (404, True)


def test_read_only(sample_library, reader):
    app = build_app(ArticleQA(sample_library, reader), read_only=True)
    assert ask(app, "POST", "/v1/articles", json={"text": "x"}).status_code in {404, 405}
    assert ask(app, "PUT", "/v1/articles?name=a.txt", content=b"x").status_code in {404, 405}
    assert ask(app, "DELETE", "/v1/articles/x").status_code in {404, 405}
    assert ask(app, "GET", "/v1/articles").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/v1/ask", {"question": ""}, "question"),
        ("/v1/ask", {"question": "x" * 70_000}, "larger than 64 KiB"),
        ("/v1/ask", {"question": 3}, "body.question: "),
        ("/v1/ask", {"question": "Who?", "histroy": []}, "body.histroy: "),
        ("/v1/ask", {"question": "Who?", "history": [["a"]]}, "body.history"),
        ("/v1/ask/batch", {"questions": []}, "body.questions"),
        ("/v1/search", {"question": "Who?", "k": 0}, "body.k"),
        ("/v1/articles", {}, "send one of the two"),
        ("/v1/articles", {"url": "file:///etc/passwd"}, "begins with https://"),
        ("/v1/articles", {"url": "http://127.0.0.1:7860/healthz"}, "127.0.0.1"),
    ],
)
def test_bad_requests_get_one_line(app, path, body, says):
    reply = ask(app, "POST", path, json=body)
    assert 400 <= reply.status_code < 500
    told = reply.text if reply.headers["content-type"].startswith("text/plain") else reply.json()["error"]
    assert says in told
    assert "\n" not in told


def test_other_sites_and_names_are_refused(app):
    body = {"question": "Who?"}
    assert ask(app, "POST", "/v1/ask", json=body, headers={"host": "evil.example"}).status_code == 400
    assert ask(app, "POST", "/v1/ask", json=body, headers={"origin": "https://evil.example"}).status_code == 403


def test_state_and_metrics(app):
    assert ask(app, "GET", "/healthz").json()["articles"] == 10
    assert ask(app, "GET", "/readyz").json() == {"status": "ready"}
    ask(app, "POST", "/v1/search", json={"question": "kelp"})
    text = ask(app, "GET", "/metrics").text
    assert 'articleqa_requests_total{method="POST",route="/v1/search",status="200"}' in text
    assert "articleqa_articles 10.0" in text


def test_openapi_describes_it(app):
    told = ask(app, "GET", "/openapi.json").json()
    assert {"/v1/ask", "/v1/ask/batch", "/v1/articles", "/v1/articles/{article_id}", "/v1/search", "/healthz"} <= told[
        "paths"
    ].keys()


def test_a_client_that_asks_too_much_waits(sample_library, reader):
    app = build_app(ArticleQA(sample_library, reader), per_minute=1)

    async def run():
        async with client(app) as http:
            return [await http.get("/v1/articles") for _ in range(25)]

    replies = asyncio.run(run())
    assert [reply.status_code for reply in replies] == [200] * 20 + [429] * 5
    assert int(replies[-1].headers["retry-after"]) <= 60


def test_tokens_come_back_with_time():
    now = [0.0]
    buckets = Buckets(60, burst=2, clock=lambda: now[0])
    assert [buckets.take("a") > 0 for _ in range(3)] == [False, False, True]
    assert buckets.take("b") == 0
    now[0] = 1.0
    assert [buckets.take("a") > 0 for _ in range(2)] == [False, True]


async def never():
    await asyncio.Event().wait()


def test_what_finds_no_room_is_told_at_once():
    async def run():
        work, go = Work(at_once=1, waiting=1), threading.Event()
        first = asyncio.create_task(work.run(go.wait, seconds=9, gone=never))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(work.run(lambda: 2, seconds=9, gone=never))
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        with pytest.raises(BusyError):
            await work.run(lambda: 3, seconds=9, gone=never)
        assert time.monotonic() - begun < 0.5
        go.set()
        assert await asyncio.gather(first, second) == [True, 2]

    asyncio.run(run())


def test_who_leaves_makes_room_and_is_not_worked_for():
    async def run():
        work, go, left, done = Work(at_once=1, waiting=5), threading.Event(), asyncio.Event(), []
        first = asyncio.create_task(work.run(go.wait, seconds=9, gone=never))
        await asyncio.sleep(0.05)

        async def gone():
            await left.wait()

        leaving = [asyncio.create_task(work.run(lambda: done.append(1), seconds=9, gone=gone)) for _ in range(4)]
        staying = asyncio.create_task(work.run(lambda: "here", seconds=9, gone=never))
        await asyncio.sleep(0.05)
        left.set()
        for one in leaving:
            with pytest.raises(LeftError):
                await one
        go.set()
        assert await staying == "here"
        assert await first
        assert (done, work.queued) == ([], 0)
        assert await work.run(lambda: "free", seconds=9, gone=never) == "free"

    asyncio.run(run())


def test_who_waits_too_long_is_told():
    async def run():
        work, go = Work(at_once=1, waiting=5), threading.Event()
        first = asyncio.create_task(work.run(go.wait, seconds=9, gone=never))
        await asyncio.sleep(0.05)
        with pytest.raises(BusyError):
            await work.run(lambda: 1, seconds=0.05, gone=never)
        go.set()
        await first

    asyncio.run(run())


HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)", "{{7*7}}", "${jndi:ldap://x/a}",
    "'; DROP TABLE articles; --", "../../etc/passwd", "a\u202eb", "\u0000", "\ud800", "%00", "\r\nSet-Cookie: a=b",
    "💥" * 50, "http://169.254.169.254/latest/meta-data", "=cmd|' /C calc'!A0", "[x](javascript:alert(1))", "a" * 4000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_come_back_exactly_and_do_nothing(own, text):
    body = json.dumps({"text": f"Before {text} after.", "title": text})
    told = ask(own, "POST", "/v1/articles", content=body, headers={"content-type": "application/json"})
    assert told.status_code in (201, 422)
    assert told.headers["content-type"] == "application/json"
    if told.status_code == 201 and "\u0000" not in text and "\ud800" not in text:
        shown = ask(own, "GET", f"/v1/articles/{told.json()['articles'][0]['id']}").json()
        assert " ".join(text.split()) in " ".join(shown["text"].split())
    asked = json.dumps({"question": text})
    reply = ask(own, "POST", "/v1/ask", content=asked, headers={"content-type": "application/json"})
    assert reply.status_code in (200, 422)
    assert reply.headers["content-type"] == "application/json"


def test_a_password_is_asked_for_first(sample_library, reader):
    app = build_app(ArticleQA(sample_library, reader), password="correct horse")

    async def run():
        async with client(app) as http:
            bare = await http.get("/v1/articles")
            right = await http.get("/v1/articles", auth=("anyone", "correct horse"))
            wrong = [(await http.get("/", auth=("anyone", "battery staple"))).status_code for _ in range(8)]
            odd = await http.get("/", headers={"authorization": "Basic !!!"})
            still = await http.get("/v1/articles", auth=("x", "correct horse"))
            return bare, right, wrong, odd, still, await http.get("/readyz")

    bare, right, wrong, odd, still, ready = asyncio.run(run())
    assert (bare.status_code, bare.headers["www-authenticate"][:5]) == (401, "Basic")
    assert "content-security-policy" in bare.headers
    assert (right.status_code, still.status_code, ready.status_code) == (200, 200, 200)
    assert wrong == [401] * 6 + [429] * 2
    assert odd.status_code == 429


def test_a_password_that_is_too_short_is_refused(tmp_path):
    (tmp_path / "password").write_text("short\n")
    with pytest.raises(ArticleQAError, match="fewer than 8 characters"):
        read_password(tmp_path / "password")
    with pytest.raises(ArticleQAError, match="cannot be read"):
        read_password(tmp_path / "none")


def test_odd_texts_do_not_break_the_reply(own):
    half = json.dumps({"question": "Who won?", "id": "\ud800", "history": [["\ud800?", None]]})
    reply = ask(own, "POST", "/v1/ask", content=half, headers={"content-type": "application/json"})
    assert (reply.status_code, reply.json()["id"]) == (200, "?")
    assert ask(own, "PUT", "/v1/articles?name=%00.txt", content=b"text").status_code == 422
    assert ask(own, "PUT", "/v1/articles?name=..%2Fa.txt", content=b"text").status_code == 422
    assert ask(own, "POST", "/v1/search", json={"question": ""}).status_code == 422


def test_a_batch_is_let_in_as_one(sample_library, reader):
    app = build_app(ArticleQA(sample_library, reader), per_minute=1)
    body = {"questions": [{"question": " "}] * 30}
    assert ask(app, "POST", "/v1/ask/batch", json=body).status_code == 200


def test_nothing_large_is_read_without_the_password_or_where_nothing_may_be_added(sample_library, reader):
    class Counting:
        read = 0

        async def __aiter__(self):
            for _ in range(100):
                self.read += 1
                yield b"x" * 100_000

    for options, status in (({"password": "correct horse"}, 401), ({"read_only": True}, 413)):
        body = Counting()
        app = build_app(ArticleQA(sample_library, reader), **options)
        assert ask(app, "PUT", "/v1/articles?name=a.txt", content=body).status_code == status


def test_a_line_about_each_request_is_logged_without_what_was_asked(sample_library, reader):
    for questions in (False, True):
        log = io.StringIO()
        app = build_app(ArticleQA(sample_library, reader), password="correct horse", log=log, log_questions=questions)
        right = ("anyone", "correct horse")
        ask(app, "POST", "/v1/search", json={"question": "Who keeps bees?\n"}, auth=right)
        ask(app, "GET", "/v1/articles/nothing%0Aof-it", auth=right)
        ask(app, "GET", "/v1/articles")
        found, missing, refused = [json.loads(line) for line in log.getvalue().splitlines()]
        assert (found["route"], found["status"], found["method"]) == ("/v1/search", 200, "POST")
        assert found["ms"] > 0
        assert found["bytes"] > 100
        assert (missing["route"], missing["status"]) == ("/v1/articles/{article_id}", 404)
        assert refused["status"] == 401
        assert found.get("question") == ("Who keeps bees?" if questions else None)
        assert ("bees" in log.getvalue()) == questions
        assert "of-it" not in log.getvalue()


def test_a_log_that_cannot_be_written_is_one_line_with_the_remedy(tmp_path):
    with pytest.raises(ArticleQAError, match="--log"), log_file(tmp_path / "none" / "log"):
        pass
    with log_file(tmp_path / "log") as log:
        log.write("{}\n")
    assert (tmp_path / "log").read_text() == "{}\n"

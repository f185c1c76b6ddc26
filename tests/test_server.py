from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from fastapi.testclient import TestClient

from app import server
from app.guard import LARGEST_BODY, USED_ROUTES
from corpus import ArticleQAError, samples
from index import Library
from qa import ArticleQA

EVIL = {"Origin": "http://evil.example"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def bot():
    with ArticleQA(Library.in_memory()) as bot:
        bot.library.add(samples()[-2:])
        yield bot


@pytest.fixture(scope="module")
def client(bot):
    with TestClient(server.build_app(bot, hosts=["testserver"])) as client:
        yield client


def ask(client: TestClient, question: object) -> str:
    """What comes back from the page's own route to a question, as the browser would send it."""
    join = {"data": [question, None, None, None], "fn_index": 2, "session_hash": "one"}
    reply = client.post("/gradio_api/queue/join", content=json.dumps(join), headers=JSON)
    assert reply.status_code == 200, reply.text
    return client.get("/gradio_api/queue/data", params={"session_hash": "one"}).text


def test_healthz_tells_the_state_of_the_library(client):
    reply = client.get("/healthz")
    assert reply.status_code == 200
    state = reply.json()
    assert state.pop("passages") >= 2
    assert state.pop("version")
    assert state == {"status": "ok", "articles": 2}


def test_the_page_loads_nothing_from_elsewhere(client):
    page = client.get("/").text
    assert "articleqa" in page
    scripts = re.findall(r"<(?:script|link)[^>]*(?:src|href)=\"([^\"]+)", page)
    assert scripts
    assert all(address.startswith(("./", "/")) for address in scripts)
    assert "fonts.googleapis" not in client.get("/theme.css").text


@pytest.mark.parametrize("path", ["/", "/healthz", "/theme.css", "/page.js", "/gradio_api/upload", "/nothing"])
def test_every_reply_carries_the_security_headers(client, path):
    reply = client.get(path)
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "[", "a b"])
@pytest.mark.parametrize("path", ["/", "/healthz", "/config", "/gradio_api/info", "/openapi.json", "/page.js"])
def test_a_host_that_is_not_this_machine_is_refused(client, host, path):
    assert client.get(path, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "LOCALHOST:1", "[::1]:7860", "192.168.1.20:7860"])
def test_this_machine_is_known_by_its_addresses(client, host):
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://testserver.evil.example", "http://["])
def test_the_pages_of_other_sites_cannot_ask(client, origin):
    join = {"data": ["Who?", None, None, None], "fn_index": 2, "session_hash": "two"}
    assert client.post("/gradio_api/queue/join", json=join, headers={"Origin": origin}).status_code == 403
    reply = client.get("/config", headers={"Origin": origin})
    assert reply.status_code == 403
    assert "access-control-allow-origin" not in reply.headers


def test_nothing_can_be_uploaded(client, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    for headers in ({}, EVIL):
        reply = client.post("/gradio_api/upload", files={"files": ("a.txt", b"text")}, headers=headers)
        assert reply.status_code in {403, 404}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/file=pyproject.toml"),
        ("GET", "/gradio_api/proxy=http://127.0.0.1:1/"),
        ("GET", "/gradio_api/runs"),
        ("GET", "/gradio_api/deep_link"),
        ("GET", "/monitoring"),
        ("GET", "/monitoring/summary"),
        ("POST", "/gradio_api/run/predict"),
        ("POST", "/gradio_api/call/ask"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/stream/x"),
        ("POST", "/gradio_api/queue/join/../../upload"),
        ("POST", "/login"),
    ],
)
def test_what_the_page_does_not_use_is_not_there(client, method, path):
    assert not USED_ROUTES.fullmatch(path)
    assert client.request(method, path, json={}).status_code == 404


def test_a_body_of_50_mb_is_refused(client):
    join = json.dumps({"data": ["x" * 50_000_000, None, None, None], "fn_index": 2, "session_hash": "three"})
    assert client.post("/gradio_api/queue/join", content=join).status_code == 413


def test_a_body_without_a_length_is_counted_as_it_comes(client):
    pieces = (b"x" * 1_000 for _ in range(LARGEST_BODY // 1_000 + 1))
    assert client.post("/gradio_api/queue/join", content=pieces).status_code == 413


def test_a_question_is_answered(client):
    assert "aq-answer" in ask(client, "When did Petrel-2 reach orbit?")


def test_a_question_that_is_too_long_gets_a_friendly_line_and_the_page_survives(client):
    said = ask(client, "x" * 5_000)
    assert "aq-notice" in said
    assert "5,000" in said
    assert "1,000" in said
    assert "x" * 1_001 not in said
    assert "aq-answer" in ask(client, "When did Petrel-2 reach orbit?")


@pytest.mark.parametrize(
    "question", ["", "   ", "?!", "\ud83d", "a\0b", "\u202eabc", 7, None, ["a"], {"path": "/etc/passwd"}]
)
def test_no_question_breaks_the_page(client, question):
    said = ask(client, question)
    assert '"success":true' in said.replace(" ", "")
    assert "Something went wrong" not in said


def test_a_bug_of_ours_is_logged_and_tells_the_page_nothing(bot, client, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(bot, "answer", broken)
    said = ask(client, "Who?")
    assert "Something went wrong here" in said
    assert "secret" not in said
    assert "/secret/path" in caplog.text


def test_a_port_in_use_is_one_line_with_the_remedy(bot):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ArticleQAError, match=rf"port {port} .*--port") as caught:
            server.serve(bot, port=port)
    assert "\n" not in str(caught.value)


def test_a_host_that_is_not_here_is_one_line_with_the_remedy(bot):
    with pytest.raises(ArticleQAError, match="--host"):
        server.serve(bot, host="no-such-host.invalid", port=0)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("0.0.0.0", "localhost")])
def test_the_address_is_one_to_open(host, shown):
    assert server._address(host, 7860) == f"http://{shown}:7860"


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_when_it_is_ready_and_stops_quietly(stop):
    code = """
from corpus import samples
from index import Library
from qa import ArticleQA
from app.server import serve
with ArticleQA(Library.in_memory()) as bot:
    bot.library.add(samples()[:1])
    serve(bot, port=0, on_ready=lambda url: print(url, flush=True))
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        url = run.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/healthz", timeout=10) as reply:
            assert json.load(reply)["articles"] == 1
        with urllib.request.urlopen(f"{url}/gradio_api/heartbeat/open", timeout=10) as page:
            page.readline()
            run.send_signal(stop)
            _, complaints = run.communicate(timeout=10)
    assert complaints == ""
    assert run.returncode in {0, -stop}

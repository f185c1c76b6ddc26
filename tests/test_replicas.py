"""Two servers behind nginx, as `docs/deploy/nginx.conf` sets it up: one is killed, and no question fails."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "docs" / "deploy" / "nginx.conf"

pytestmark = [
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed"),
    pytest.mark.skipif(not CONFIG.exists(), reason="the configuration is in the repository only"),
]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def ask(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(
            "POST",
            "/v1/ask",
            json.dumps({"question": "How old is Tom Blomqvist?"}),
            {"Content-Type": "application/json"},
        )
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read()).get("answer")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()


@pytest.fixture
def replicas(tmp_path):
    """The port of nginx, and the two servers behind it."""
    samples = str(ROOT / "corpus" / "samples")
    library = str(tmp_path / "library")
    command = [sys.executable, "-m", "app"]
    subprocess.run([*command, "add", samples, "--library", library], cwd=ROOT, check=True, capture_output=True)
    front, *ports = free_port(), free_port(), free_port()
    config = CONFIG.read_text()
    for given, port in zip(("7861", "7862", "8080"), (*ports, front), strict=True):
        config = re.sub(rf"\b{given}\b", str(port), config)
    config = config.replace("articles.example", "127.0.0.1")
    logs = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
        f"http {{ access_log off; {logs}\n{config} }}\n"
    )
    with ExitStack() as stack:
        children = []
        for words in (
            *([*command, "chat", "--port", str(port), "--library", library] for port in ports),
            ["nginx", "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path), "-e", str(tmp_path / "error.log")],
        ):
            child = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(child.wait)
            stack.callback(child.kill)
            children.append(child)
        given_up = time.monotonic() + 120
        while any(ask(port) != (200, "29") for port in (*ports, front)):
            assert time.monotonic() < given_up, (tmp_path / "error.log").read_text()
            time.sleep(0.3)
        yield front, children[:2]


@pytest.mark.skipif(os.name != "posix", reason="servers are killed by signals")
def test_one_is_killed_and_no_question_fails(replicas):
    front, servers = replicas
    replies, stop = [], threading.Event()

    def keep_asking():
        while not stop.is_set():
            replies.append(ask(front))

    threads = [threading.Thread(target=keep_asking) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(1.5)
    servers[0].kill()
    before = len(replies)
    given_up = time.monotonic() + 60
    while len(replies) < before + 8 and time.monotonic() < given_up:
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(replies) >= before + 8
    assert set(replies) == {(200, "29")}

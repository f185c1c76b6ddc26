"""Every advisory about Gradio that has a route, sent to our server: refused, nothing read, fetched or kept."""

from __future__ import annotations

import json
import socket
import threading

import pytest
from fastapi.testclient import TestClient

from app.server import build_app
from index import Library
from qa import ArticleQA

JSON = {"Content-Type": "application/json"}
FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}, "orig_name": "passwd"}
CACHE = {"component_id": 1, "fn_name": "move_resource_to_block_cache", "session_hash": "s", "data": "/etc/passwd"}
UPLOAD = {"files": {"files": ("a.html", b"<script>hit()</script>", "text/html")}}
BOUNDARY = {"headers": {"Content-Type": f"multipart/form-data; boundary={'-' * 20_000}"}, "content": b"-" * 40_000}


def files(*paths: str) -> list[tuple[str, str, dict]]:
    return [("GET", f"{prefix}/{path}", {}) for path in paths for prefix in ("", "/gradio_api")]


# what to send for each; URL in it stands for a listener that must not be called
ADVISORIES: dict[str, list[tuple[str, str, dict]]] = {
    "CVE-2021-43831": files("file/etc/passwd", "file/../../../etc/passwd", "file/%2e%2e/%2e%2e/etc/passwd"),
    "CVE-2023-34239": [*files("file=/etc/passwd", "file=pyproject.toml"), *files("proxy=URL/")],
    "CVE-2023-51449": files("file=/tmp/../etc/passwd", "file=..%2f..%2fetc/passwd", "file=C:..//..//secret.txt"),
    "CVE-2024-1561": [("POST", f"{prefix}/component_server", {"json": CACHE}) for prefix in ("", "/gradio_api")],
    "CVE-2024-34511": [("POST", "/gradio_api/component_server/", {"json": CACHE | {"fn_name": "__init__"}})],
    "CVE-2024-0964": [("POST", "/gradio_api/run/predict", {"json": {"data": [FILE], "fn_index": 1}})],
    "PYSEC-2024-184": [("POST", "/gradio_api/call/ask", {"json": {"data": [FILE]}})],
    "CVE-2024-47164": files("file=/tmp/gradio/../../etc/passwd", "file=/tmp/gradio/../gradio-secret"),
    "CVE-2024-47868": [("POST", "/gradio_api/api/predict", {"json": {"data": [{"path": "/etc/x"}], "fn_index": 2}})],
    "CVE-2024-51751": [("POST", "/gradio_api/call/predict", {"json": {"data": [FILE]}})],
    "CVE-2025-23042": files("FILE=/etc/passwd", "File=/ETC/PASSWD", "file=/ETC/passwd"),
    "CVE-2024-12217": files("file=/etc/passwd::$DATA", "file=secret.txt::$DATA"),
    "CVE-2026-28414": [
        ("GET", f"/{folder}/{path}", {})
        for folder in ("static", "assets", "gradio_api/static", "custom_component")
        for path in ("/etc/passwd", "..%5c..%5csecret", "%2fetc%2fpasswd", "../../../../etc/passwd")
    ],
    "CVE-2026-49119": [("POST", "/gradio_api/component_server", {"json": CACHE | {"fn_name": "ls", "data": ["/"]}})],
    "CVE-2024-47167": [("POST", "/gradio_api/run/ask_this", {"json": {"data": [{"path": "URL/a.png"}]}})],
    "CVE-2024-48052": [("GET", "/gradio_api/download?url=URL/a", {}), *files("stream/URL")],
    "CVE-2026-28416": files("proxy=URL/secret", "proxy=http://169.254.169.254/latest/meta-data/"),
    "CVE-2026-59806": files("file=URL/secret", "file=http://169.254.169.254/"),
    "PYSEC-2026-65": [
        ("GET", f"{path}?_target_url={target}", {"follow_redirects": False})
        for path in ("/login/huggingface", "/login/callback", "/logout", "/gradio_api/logout")
        for target in ("http://evil.example", "//evil.example", "/%5cevil.example")
    ],
    "CVE-2026-28415": [("GET", "/logout?_target_url=https:evil.example", {"follow_redirects": False})],
    "gradio#13436": files("file=/tmp/a.svg", "file=URL/a.svg", "file=URL/a.mp3"),
    "CVE-2024-1727": [
        ("POST", "/gradio_api/upload", UPLOAD | {"headers": {"Origin": origin}})
        for origin in ("http://evil.example", "null")
    ],
    "CVE-2024-47084": [
        ("POST", "/gradio_api/queue/join", {"json": {}, "headers": {"Host": "localhost", "Origin": origin}})
        for origin in ("http://evil.example", "http://localhost.evil.example")
    ],
    "CVE-2024-47165": [("GET", "/config", {"headers": {"Host": "localhost", "Origin": "null"}})],
    "CVE-2025-5320": [
        ("GET", "/config", {"headers": {"Host": "127.0.0.1:7860", "Origin": origin}})
        for origin in ("http://127.0.0.1.evil.example", "http://localhost@evil.example", "http://127.0.0.1:7860.evil.example")
    ],
    "CVE-2024-1729": [("POST", "/login", {"data": {"username": "a", "password": "b"}})],
    "CVE-2024-47872": [("POST", "/gradio_api/upload", UPLOAD), ("POST", "/upload", UPLOAD)],
    "CVE-2022-24770": [("POST", "/gradio_api/run/flag", {"json": {"data": ["=cmd()"]}})],
    "CVE-2025-48889": [("POST", "/gradio_api/call/flag", {"json": {"data": [FILE]}})],
    "CVE-2024-8966": [("POST", "/gradio_api/upload", BOUNDARY), ("POST", "/gradio_api/upload_progress", BOUNDARY)],
    "CVE-2024-10624": [("POST", "/gradio_api/run/datetime", {"json": {"data": ["1" * 60_000]}})],
    "CVE-2024-10569": [("POST", "/gradio_api/upload", {"content": b"PK\x03\x04" + bytes(70_000)})],
}  # fmt: skip


@pytest.fixture(scope="module")
def client(embedder, reader):
    with (
        ArticleQA(Library.in_memory(embedder), reader) as bot,
        TestClient(build_app(bot, hosts=["testserver"])) as client,
    ):
        yield client


@pytest.fixture
def canary():
    """The address of a listener, and the connections that it was given."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen():
            while True:
                try:
                    came.append(listener.accept()[1])
                except OSError:
                    return

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", came
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("advisory", ADVISORIES)
def test_it_is_refused(client, canary, advisory, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    url, came = canary
    for method, path, more in ADVISORIES[advisory]:
        options = json.loads(json.dumps(more["json"]).replace("URL", url)) if "json" in more else None
        reply = client.request(method, path.replace("URL", url), **(more | {"json": options} if options else more))
        assert reply.status_code in {400, 403, 404, 405, 413}, (method, path, reply.status_code)
        assert "root:" not in reply.text
        assert "access-control-allow-origin" not in reply.headers
    assert came == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fn_index", range(1, 12))
def test_a_file_in_place_of_a_question_is_neither_read_nor_fetched(client, canary, fn_index):
    """CVE-2024-4325, CVE-2024-47167, CVE-2024-51751, PYSEC-2024-184: by the route that the page itself uses."""
    url, came = canary
    for number, given in enumerate((FILE, FILE | {"path": f"{url}/a.png"}, {"url": f"{url}/a.png", "path": "a"})):
        session = f"s{fn_index}-{number}"
        join = {"data": [given, given, given, given], "fn_index": fn_index, "session_hash": session}
        reply = client.post("/gradio_api/queue/join", content=json.dumps(join), headers=JSON)
        if reply.status_code == 200:
            said = client.get("/gradio_api/queue/data", params={"session_hash": session}).text
            assert "root:" not in said
    assert came == []

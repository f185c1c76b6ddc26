"""A library on Milvus: the same answers as in a folder, changes from several machines, servers that go away.

Everything runs on milvus-lite. With ARTICLEQA_TEST_MILVUS=1 and the package `milvus` 2.3.5, the real server, it runs
there too; that one listens on all interfaces, so start the tests in a network of their own:
`unshare -rn sh -c "ip link set lo up; pytest tests/test_milvus.py"`.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import date

import numpy as np
import pytest
from conftest import HashEmbedder
from typer.testing import CliRunner

from app.cli import cli
from corpus import Article, LibraryError, samples
from eval.dataset import BUNDLED_QUESTIONS
from index import Added, Library, load_embedder
from index.milvus.address import Address
from index.query import Within
from index.records import Record
from qa import ArticleQA
from qa.reader import load_reader

pytest.importorskip("milvus_lite", reason="needs pip install 'articleqa[distributed]'")
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class LiteServer:
    """A milvus-lite server in a process of its own, which can be killed and started again."""

    def __init__(self, folder) -> None:
        self.port, self.folder = free_port(), folder
        self.start()

    @property
    def address(self) -> str:
        return f"milvus+http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(self.folder)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(self.port)], **quiet)
        for _ in range(1200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.1)
        pytest.fail("milvus-lite does not start")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class RealServer:
    """The Milvus 2.3.5 of PyPI, on ports of its own."""

    def __init__(self, folder) -> None:
        milvus = pytest.importorskip("milvus", reason="needs pip install milvus==2.3.5")
        self.server = milvus.MilvusServer(milvus.MilvusServerConfig(data_dir=str(folder)))
        self.start()

    @property
    def address(self) -> str:
        return f"milvus+http://127.0.0.1:{self.server.listen_port}"

    def start(self) -> None:
        self.server.start()

    def kill(self) -> None:
        self.server.server_proc.kill()
        self.server.server_proc.wait()


@pytest.fixture(scope="module", params=["lite", "server"])
def server(request, tmp_path_factory):
    """A server that a test may kill; the next use starts it again."""
    if request.param == "server" and not os.environ.get("ARTICLEQA_TEST_MILVUS"):
        pytest.skip("set ARTICLEQA_TEST_MILVUS=1 to test against a Milvus server too, half a minute")
    started = (RealServer if request.param == "server" else LiteServer)(tmp_path_factory.mktemp("data"))
    yield started
    started.kill()


@pytest.fixture
def place(tmp_path):
    return f"milvus+file://{tmp_path}/library.db"


def opened(place: str) -> Library:
    return Library.open(place, embedder=HashEmbedder())


def article(name: str, text: str = "", **more) -> Article:
    text = text or f"The {name} is kept here. It has been counted twice. Nobody knows the {name} better."
    return Article(name, name.title(), text, f"/{name}.txt", **more)


def test_addresses():
    assert Address.parse("milvus+http://host") == Address("http://host:19530", "articleqa", "FLAT")
    assert Address.parse("milvus+https://host:1/news?index=hnsw") == Address("https://host:1", "news", "HNSW")
    assert Address.parse("milvus+file:///a/x.db") == Address("/a/x.db", "articleqa", "FLAT")
    assert str(Address.parse("milvus+file:///a/x.db")) == "milvus+file:///a/x.db"


BAD = "ftp://host http:// http://h:x http://h/a-b http://h?index=LSH http://h?other=1 http://u:secret@h file:///x file://x.db"


@pytest.mark.parametrize("text", BAD.split())
def test_bad_addresses_are_refused_in_one_line(text):
    with pytest.raises(LibraryError) as caught:
        opened(f"milvus+{text}")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_record_is_numbered_by_what_it_holds():
    one = article("apple", "Äpfel \0 𝄞 " * 20_000, published=date(2024, 2, 29), pages=(0, 5))
    record = Record.of(one, [])
    assert record.read() == (one, [])
    assert all(len(part.encode()) < 65_535 for part in record.parts)
    assert Record("".join(record.parts)).number == record.number != Record.of(one, [], salt=1).number
    assert 0 <= record.number < 2**63


def test_add_replace_unchanged_remove_and_open_again(place):
    apple, pear = article("apple", published=date(2024, 5, 1)), article("pear")
    with opened(place) as library:
        assert library.add([apple, pear]) == Added(2, 0, 0, 2)
        assert library.add([apple]) == Added(0, 0, 1, 0)
        newer = article("apple", "The apple is red now.")
        assert library.add([newer]) == Added(0, 1, 0, 1)
        assert library.search("red apple", k=1)[0].article == newer
        library.check()
    with opened(place) as library:
        assert {info.id for info in library.articles()} == {"apple", "pear"}
        assert library.remove("pear") == pear
        assert [hit.article.id for hit in library.search("where is the pear", k=5)] == ["apple"]
        library.check()


def test_a_machine_without_a_replica_gets_the_same(place, tmp_path, monkeypatch):
    long = article("long", "A sentence about kumquats, number one. " * 5_000)
    with opened(place) as library:
        library.add([long, *(article(f"fruit{n}") for n in range(30))])
        told = library.search("kumquats", k=5, within=Within(articles=frozenset({"long", "fruit3"})))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    with opened(place) as library:
        assert library.article("long") == long
        assert library.search("kumquats", k=5, within=Within(articles=frozenset({"long", "fruit3"}))) == told
        library.check()


def test_each_machine_learns_what_the_other_changed(server, tmp_path, monkeypatch):
    with opened(f"{server.address}/shared") as one:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
        with opened(f"{server.address}/shared") as other:
            one.add([article("apple"), article("pear")])
            one.remove("pear")
            other.add([article("plum")])
            assert {info.id for info in other.articles()} == {"apple", "plum"}
            deadline = time.monotonic() + 30
            while len(one.search("plum", k=5)) != 2 and time.monotonic() < deadline:
                time.sleep(0.2)
            assert {hit.article.id for hit in one.search("plum", k=5)} == {"apple", "plum"}


def test_what_a_killed_writer_left_is_not_seen_and_is_written_over(place, monkeypatch):
    with opened(place) as library:
        library.add([article("apple")])
        server = library._store._server
        upsert, before = server._upsert, library.article("apple")

        def killed(collection, rows):
            if collection == server._articles and rows[0]["number"] >= 0:
                raise KeyboardInterrupt
            upsert(collection, rows)

        monkeypatch.setattr(server, "_upsert", killed)
        newer = article("apple", "The apple is blue.")
        with pytest.raises(KeyboardInterrupt):
            library.add([newer])
        monkeypatch.undo()
        assert library.article("apple") == before
        assert {hit.article for hit in library.search("blue apple", k=5)} == {before}
        assert library.add([newer]).replaced == 1
        assert {hit.article for hit in library.search("blue apple", k=5)} == {newer}
        library.check()


def test_lost_vectors_are_found_by_the_check(place):
    with opened(place) as library:
        library.add([article("apple"), article("pear")])
        server = library._store._server
        server._delete(server._passages, library._database.all_ids()[:1].tolist())
        with pytest.raises(LibraryError, match="1 vectors are missing, the first of"):
            library.check()


def test_the_commands_take_an_address(place, tmp_path):
    (tmp_path / "pear.txt").write_text("The pear is kept here.", encoding="utf-8")
    run = CliRunner().invoke
    for command in ("add", "sync"):
        done = run(cli, [command, str(tmp_path / "pear.txt" if command == "add" else tmp_path), "--library", place])
        assert done.exit_code == 0, done.output
    assert json.loads(run(cli, ["list", "--library", place, "--json"]).stdout)[0]["id"] == "pear"
    for command in (["rebuild"], ["calibrate", "--reset"]):
        refused = run(cli, [*command, "--library", place]).exception
        assert isinstance(refused, LibraryError)
        assert "\n" not in str(refused)


def test_another_embedder_and_rebuilding_are_refused(place):
    with opened(place) as library:
        library.add([article("apple")])
    with pytest.raises(LibraryError, match="built with the embedder hash-32, not with hash-16"):
        Library.open(place, embedder=HashEmbedder(16))
    with pytest.raises(LibraryError, match="cannot be embedded again"):
        Library.open(place, embedder=HashEmbedder(), rebuild=True)
    with opened(place) as library:
        assert len(library.search("apple")) == 1


def test_a_server_that_is_away_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr("index.milvus.server._CONNECT_SECONDS", 1)
    with pytest.raises(LibraryError, match="does not answer; check that the server runs") as caught:
        opened(f"milvus+http://127.0.0.1:{free_port()}")
    assert "\n" not in str(caught.value)


class Killing(HashEmbedder):
    """An embedder during whose work on a question the server is killed."""

    def __init__(self, server) -> None:
        super().__init__()
        self.server = server

    def encode_question(self, text):
        self.server.kill()
        return super().encode_question(text)


def test_a_server_killed_during_a_question_is_said_in_one_line(server, monkeypatch):
    monkeypatch.setattr("index.milvus.server._READ_SECONDS", 3)
    with Library.open(f"{server.address}/killed", embedder=Killing(server)) as library:
        try:
            library.add([article("apple")])
            with pytest.raises(LibraryError, match="Milvus does not answer; check that the server runs") as caught:
                library.search("Who has the apple?")
        finally:
            server.start()
        assert "\n" not in str(caught.value)
    monkeypatch.undo()
    deadline = time.monotonic() + 120
    while True:
        try:
            with opened(f"{server.address}/killed") as library:
                assert [hit.article.id for hit in library.search("apple")] == ["apple"]
                break
        except LibraryError:  # it is still loading its collections
            assert time.monotonic() < deadline
            time.sleep(1)


class Remembering:
    """A reader, or an embedder, that does not do again what it has done."""

    def __init__(self, model) -> None:
        self._model, self._known = model, {}

    def __getattr__(self, name):
        return getattr(self._model, name)

    def _once(self, what, *given):
        if (what, given) not in self._known:
            self._known[what, given] = getattr(self._model, what)(*given)
        return self._known[what, given]

    def encode_question(self, text):
        return self._once("encode_question", text)

    def encode_passages(self, texts):
        return np.array(self._once("encode_passages", tuple(texts)))

    def read(self, question, texts, **how):
        return self._once("read", question, tuple(texts))


def test_the_same_answers_as_from_a_folder(server, place):
    """Every sixth of the bundled questions; ARTICLEQA_TEST_MILVUS=1 asks them all."""
    every = 1 if os.environ.get("ARTICLEQA_TEST_MILVUS") else 6
    rows = [json.loads(line) for line in BUNDLED_QUESTIONS.read_text(encoding="utf-8").splitlines()][::every]
    embedder, reader = Remembering(load_embedder()), Remembering(load_reader())
    assert len(rows) >= 40
    with contextlib.ExitStack() as stack:
        local, *others = (
            ArticleQA(stack.enter_context(library), reader)
            for library in (
                Library.in_memory(embedder),
                Library.open(place, embedder=embedder),
                Library.open(f"{server.address}/bundled", embedder=embedder),
            )
        )
        for bot in (local, *others):
            bot.library.add(samples())
        for row in rows:
            told = local.answer(row["question"]).to_dict()
            for bot in others:
                found = bot.answer(row["question"]).to_dict()
                assert found["answer"] == told["answer"], row["question"]
                assert found["citation"] == told["citation"]
                assert found["confidence"] == pytest.approx(told["confidence"], abs=1e-4)
                places = [(hit["article_id"], hit["start"], hit["end"]) for hit in found["hits"]]
                assert places == [(hit["article_id"], hit["start"], hit["end"]) for hit in told["hits"]]

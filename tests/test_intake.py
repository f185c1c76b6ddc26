"""Whatever people name goes into the library by one way: files, folders, web addresses, standard input, bytes."""

import io
import itertools
import os
import signal
import subprocess
import sys
import time
import zipfile
from functools import partial

import pytest
from conftest import HashEmbedder

from app import intake
from app.intake import take_in, take_in_bytes
from corpus.errors import FetchError
from corpus.net import Fetched
from index import Library

PAGE = (
    "<html><head><title>{0}</title></head><body><article><h1>{0}</h1><p>{0} opened on Monday, after a long wait that "
    "had tried the patience of everybody in town, and was full by noon.</p></article></body></html>"
)
FEED = '<rss version="2.0"><channel><title>News</title>{}</channel></rss>'


@pytest.fixture
def library():
    with Library.in_memory(HashEmbedder()) as library:
        yield library


@pytest.fixture
def web(monkeypatch):
    """Pages by address; what is not there cannot be fetched."""
    pages: dict[str, tuple[str, str]] = {}

    def fetch(url):
        if url not in pages:
            raise FetchError(f"{url}: the server says 404; check the address")
        kind, body = pages[url]
        return Fetched(url, kind, "utf-8", body.encode(), {})

    monkeypatch.setattr(intake, "fetch", fetch)
    return pages


def test_files_folders_and_what_fails(library, tmp_path):
    for number in range(3):
        (tmp_path / f"note-{number}.txt").write_text(f"Note number {number}.")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 no more")
    seen = []
    taken = take_in(library, [tmp_path, tmp_path / "none.txt"], on_progress=lambda *at: seen.append(at))
    assert (taken.added.added, len(library)) == (3, 3)
    assert [title for _, title in taken.articles] == ["note 0", "note 1", "note 2"] or len(taken.articles) == 3
    assert all(library.article(article_id) for article_id, _ in taken.articles)
    assert [line.split(": ")[0] for line in taken.failures] == [
        str(tmp_path / "none.txt"),
        str(tmp_path / "broken.pdf"),
    ]
    assert seen[-1] == (4, 4)
    again = take_in(library, [tmp_path])
    assert (again.added.unchanged, again.added.passages) == (3, 0)


def test_a_page_of_the_web(library, web):
    web["https://news.example/pier"] = ("text/html", PAGE.format("The pier"))
    taken = take_in(library, ["https://news.example/pier", "https://news.example/gone"])
    ((name, title),) = taken.articles
    assert title == "The pier"
    assert library.article(name).source == "https://news.example/pier"
    assert taken.failures == ("https://news.example/gone: the server says 404; check the address",)


def test_a_feed_brings_the_pages_it_links_to_but_no_more(library, web):
    names = [f"https://news.example/{number}" for number in range(5)]
    items = "".join(f"<item><title>{name}</title><link>{name}</link></item>" for name in names)
    web["https://news.example/feed"] = ("application/rss+xml", FEED.format(items))
    for name in names[:3]:
        web[name] = ("text/html", PAGE.format(name[-1]))
    web[names[3]] = ("application/rss+xml", FEED.format("<item><link>https://news.example/deeper</link></item>"))
    taken = take_in(library, ["https://news.example/feed"])
    assert [title for _, title in taken.articles] == ["0", "1", "2"]
    assert [line.split(": ")[0] for line in taken.failures] == [names[4]]
    assert len(library) == 3


def test_the_links_of_a_feed_are_bounded(library, web, monkeypatch):
    monkeypatch.setattr(intake, "MOST_LINKS", 2)
    items = "".join(f"<item><link>https://news.example/{number}</link></item>" for number in range(4))
    web["https://news.example/feed"] = ("application/rss+xml", FEED.format(items))
    taken = take_in(library, ["https://news.example/feed"])
    assert len(taken.failures) == 3
    assert "links to 4 pages, of which the first 2 are taken" in taken.failures[0]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "http://localhost:1/", "file:///etc/passwd", "ftp://example.org/a"]
)
def test_what_must_not_be_fetched_is_not(library, url):
    taken = take_in(library, [url])
    assert len(taken.failures) == 1
    assert not taken.articles


def test_standard_input(library, monkeypatch):
    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": io.BytesIO(b"What came in by the pipe.")}))
    taken = take_in(library, ["-"])
    assert library.article(taken.articles[0][0]).text == "What came in by the pipe."


def test_bytes_from_a_page_or_a_request(library):
    taken = take_in_bytes(library, b"# Bridge\n\nIt opened.", name="bridge.md")
    assert taken.articles[0][1] == "Bridge"
    assert take_in_bytes(library, b"# Bridge\n\nIt closed.", name="bridge.md").added.replaced == 1
    refused = take_in_bytes(library, b"\x00\x01", name="bridge.exe")
    assert (len(refused.failures), refused.articles) == (1, ())


def test_an_archive_with_a_broken_member(library, tmp_path):
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as packed:
        packed.writestr("good.txt", "A good text.")
        packed.writestr("bad.pdf", "not a PDF")
    taken = take_in(library, [tmp_path / "both.zip"])
    assert (len(taken.articles), len(taken.failures)) == (1, 1)


def test_stopped_and_taken_up_again_nothing_is_lost_or_doubled(tmp_path, library):
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number}.txt").write_text(f"Note {number}. " + "It says what it says at some length. " * 60)

    def stop(done, _):
        if done == 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_in(library, [folder], on_progress=stop)
    kept = len(library)
    assert 0 < kept < 60
    taken = take_in(library, [folder])
    assert (taken.added.unchanged, taken.added.added, len(library)) == (kept, 60 - kept, 60)


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_ctrl_c_says_how_to_go_on(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(2_000):
        # no two passages alike: those would be embedded once, and all be over before the signal
        lines = (f"Note {number} says in line {line} what it says. " for line in range(60))
        (folder / f"{number}.txt").write_text("".join(lines))
    command = [sys.executable, "-m", "app", "add", str(folder), "--library", str(tmp_path / "library")]
    child = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - in the background it is ignored
    )
    database = tmp_path / "library" / "library.sqlite"
    for _ in itertools.takewhile(lambda _: child.poll() is None, range(600)):
        if database.exists():
            with Library.open(tmp_path / "library") as library:
                if len(library):
                    break
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert said.splitlines()[-1].startswith("articleqa: stopped; the library holds ")

"""Whatever people name goes into the library by one way: files, folders, web addresses, standard input, bytes."""

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import HashEmbedder
from formats import paragraph, pdf, word

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


BROKEN = 10


def mixed_files(folder: Path, count: int) -> None:
    """Articles in the five commonest formats, no two alike, in folders; and `BROKEN` files that hold none."""
    for number in range(count):
        story = f"Pier {number} was opened on Monday. It carries {number + 40} trains a day, the harbour board said."
        name = folder / f"part {number % 7}" / f"pier-{number}"
        name.parent.mkdir(parents=True, exist_ok=True)
        match number % 5:
            case 0:
                name.with_suffix(".txt").write_text(story)
            case 1:
                name.with_suffix(".md").write_text(f"# Pier {number}\n\n{story}")
            case 2:
                name.with_suffix(".html").write_text(PAGE.format(f"Pier {number}"))
            case 3:
                name.with_suffix(".pdf").write_bytes(pdf([(72, 700, story)], title=f"Pier {number}"))
            case _:
                body = paragraph(f"Pier {number}", "Heading1") + paragraph(story)
                name.with_suffix(".docx").write_bytes(word(body=body))
    for number in range(BROKEN):
        (folder / f"broken-{number}.pdf").write_bytes(b"%PDF-1.7\nand no more")


def until_ctrl_c(command: Sequence[str], share: float) -> tuple[int, str]:
    """Run a command on a terminal and type Ctrl-C when its progress bar is so far; the exit code, what was shown."""
    typed, terminal = pty.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # in the background it is ignored

    child = subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=take_terminal,  # noqa: PLW1509
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(terminal)
    shown, stopped = "", False
    with contextlib.suppress(OSError):  # EIO: the child has left the terminal
        while seen := os.read(typed, 4096):
            shown += seen.decode(errors="replace")
            bar = re.findall(r"(\d+)/(\d+)", shown)
            if not stopped and bar and int(bar[-1][0]) >= share * int(bar[-1][1]):
                os.write(typed, b"\x03")
                stopped = True
    os.close(typed)
    return child.wait(60), shown


def test_a_thousand_files_show_progress_and_can_be_stopped_and_taken_up_again(tmp_path):
    """Nothing is lost or doubled, however often it is stopped, and what is broken holds nothing up."""
    count = 1_000
    mixed_files(tmp_path / "piers", count)
    library = str(tmp_path / "library")
    add = [sys.executable, "-m", "app", "add", str(tmp_path / "piers"), "--library", library]
    held = [0]
    for share in (0.3, 0.7):
        code, shown = until_ctrl_c(add, share)
        assert code == 130, shown[-1_000:]
        assert re.search(rf"adding .*\d+/{count + BROKEN}", shown)
        said = re.search(r"stopped; the library holds (\d+) articles, and the same command goes on", shown)
        assert said, shown[-1_000:]
        held.append(int(said[1]))
    assert 0 < held[1] < held[2] < count
    done = subprocess.run([*add, "--json"], capture_output=True, text=True, check=False, timeout=300)
    told = json.loads(done.stdout)
    assert (done.returncode, len(told["failures"])) == (2, BROKEN)
    assert (told["added"], told["replaced"], told["unchanged"]) == (count - held[2], 0, held[2])
    with Library.open(library) as opened:
        sources = [info.source for info in opened.articles()]
    expected = [str(path) for path in (tmp_path / "piers").rglob("pier-*.*")]
    assert sorted(sources) == sorted(expected)
    assert len(expected) == count

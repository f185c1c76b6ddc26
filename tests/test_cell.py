"""The parser cell: files parsed in a child process, which may hang, crash, swell or lie."""

import io
import json
import os
import signal
import threading
import zipfile
from pathlib import Path

import pytest

from corpus import ArticleFileError, find_files, load_bytes, read_file
from corpus.cell import Cell
from corpus.loading import SAMPLES
from corpus.wire import loaded_from, told_of

posix = pytest.mark.skipif(os.name != "posix", reason="limits of memory and signals are those of POSIX")


@pytest.fixture(scope="module")
def cell():
    with Cell() as cell:
        yield cell


@pytest.fixture
def impatient():
    with Cell(seconds=0.5) as cell:
        yield cell


def pid(cell):
    return cell._running().pid


@pytest.mark.parametrize("path", find_files([SAMPLES]), ids=lambda path: path.stem[:12])
def test_parses_as_we_do(cell, path):
    assert cell.read_file(path) == read_file(path)
    data = path.read_bytes()
    assert cell.load_bytes(data, source=str(path)) == load_bytes(data, source=str(path))


def test_says_what_a_loader_says(cell, tmp_path):
    (tmp_path / "empty.txt").write_text(" ")
    (tmp_path / "odd.xyz").write_text("text")
    for name in ("empty.txt", "odd.xyz", "none.txt"):
        with pytest.raises(ArticleFileError) as ours:
            read_file(tmp_path / name)
        with pytest.raises(ArticleFileError) as told:
            cell.read_file(tmp_path / name)
        assert str(told.value) == str(ours.value)


def test_what_passes_between_the_two_is_the_same_after_it():
    for path in find_files([SAMPLES]):
        loaded = read_file(path)
        assert loaded_from(json.loads(json.dumps(told_of(loaded)))) == loaded


@pytest.mark.parametrize(
    "told",
    [
        None, [], 7, {}, {"articles": 1, "links": [], "failures": []}, {"error": 3},
        {"articles": [{"text": "a"}], "links": [], "failures": []},
        {"articles": [], "links": [1], "failures": []},
        {"articles": [dict.fromkeys(("id", "title", "text", "source"), "a") | {"pages": [5], "anchors": []}],
         "links": [], "failures": []},
        {"articles": [dict.fromkeys(("id", "title", "text", "source"), "a") | {"pages": [True], "anchors": []}],
         "links": [], "failures": []},
    ],
)  # fmt: skip
def test_a_child_that_talks_nonsense_is_not_believed(told):
    with pytest.raises((TypeError, ValueError, ArticleFileError)):
        loaded_from(told)


@posix
def test_a_child_that_is_killed_costs_one_file(cell):
    child, first = cell._running(), pid(cell)
    child.kill()
    child.wait()
    assert cell.load_bytes(b"A text.", source="a.txt").articles[0].text == "A text."
    assert pid(cell) != first


@posix
def test_a_file_that_takes_too_long_is_given_up_and_the_next_is_read(impatient):
    os.kill(pid(impatient), signal.SIGSTOP)
    with pytest.raises(ArticleFileError, match=r"^a.txt: reading it took more than 0.5 s and was stopped; "):
        impatient.load_bytes(b"A text.", source="a.txt")
    assert impatient.load_bytes(b"A text.", source="a.txt").articles


@posix
def test_a_child_that_dies_while_it_reads_says_how(impatient):
    child = pid(impatient)
    os.kill(child, signal.SIGSTOP)
    threading.Timer(0.1, lambda: (os.kill(child, signal.SIGSEGV), os.kill(child, signal.SIGCONT))).start()
    with pytest.raises(ArticleFileError, match=r"^a.txt: reading it crashed the parser \(SIGSEGV\); "):
        impatient.load_bytes(b"A text.", source="a.txt")


@posix
def test_a_file_that_needs_too_much_memory_is_refused():
    with Cell(memory=200 * 2**20) as cell:
        page = b"<html><body><p>A page.</p>" + b"<p>x" * 3_000_000
        with pytest.raises(ArticleFileError, match=r"^a.html: .*; (split|save) "):
            cell.load_bytes(page, source="a.html")
        assert cell.load_bytes(b"A text.", source="a.txt").articles


@posix
def test_the_child_has_its_limits(cell):
    limits = Path(f"/proc/{pid(cell)}/limits")
    if not limits.exists():
        pytest.skip("limits are looked up in /proc")
    told = {line[:25].strip(): line[26:].split()[0] for line in limits.read_text().splitlines()[1:]}
    assert told["Max address space"] == str(512 * 2**20)
    assert (told["Max file size"], told["Max core file size"]) == ("0", "0")
    environment = Path(f"/proc/{pid(cell)}/environ").read_bytes().split(b"\0")
    assert not any(b"KEY" in one or b"TOKEN" in one or one.startswith(b"HOME=") for one in environment)


def test_no_child_is_left_behind(tmp_path):
    with Cell() as cell:
        child = cell._running()
    assert child.poll() is not None


def test_threads_share_a_cell(cell):
    texts = [f"Text number {number}." for number in range(40)]
    found = {}

    def read(text):
        found[text] = cell.load_bytes(text.encode(), source=f"{text}.txt").articles[0].text

    threads = [threading.Thread(target=read, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {text: text for text in texts}


def test_archives_keep_their_failures(cell):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("good.txt", "A good text.")
        file.writestr("bad.pdf", "not a PDF")
    loaded = cell.load_bytes(packed.getvalue(), source="both.zip")
    assert [article.text for article in loaded.articles] == ["A good text."]
    assert len(loaded.failures) == 1

"""A kill at any moment leaves the library as it was before or after the change that was under way, never between."""

import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import HashEmbedder, article

from corpus import Article
from index import Library

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

FRUITS = [article(f"fruit-{number}", f"Fruit number {number} was picked. " * 60) for number in range(12)]

# It forks a child for every line "FOLDER POINT FIRST", so that the libraries are imported once. The child makes the
# changes of `changes()` from number FIRST on, writing the number of each when it has returned, and is killed by SIGKILL
# just before its POINT-th operation that changes a folder or file; at point 0 the test kills it.
CHILD = """
import os, signal, sys
import faiss, filelock, sqlite3, tantivy
import test_crash

CHANGING = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "fcntl.flock", "sqlite3.connect"}

for line in sys.stdin:
    folder, point, first = line.split()
    if os.fork():
        os.wait()
        os.write(1, b"end\\n")
        continue
    os.write(1, b"pid %d\\n" % os.getpid())
    operations = 0
    def count(event, about):
        global operations
        if event in CHANGING or event == "open" and about[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            operations += 1
            if operations == int(point):
                os.kill(os.getpid(), signal.SIGKILL)
    if int(point):
        sys.addaudithook(count)
    library = test_crash.opened(folder)
    for number, change in list(enumerate(test_crash.changes()))[int(first):]:
        change(library)
        os.write(1, b"done %d %d\\n" % (number, operations))
    os._exit(0)
"""


def opened(folder: Path | str) -> Library:
    return Library.open(folder, embedder=HashEmbedder())


def steps() -> Iterator[tuple[str, Article]]:
    """What is done, one after another: articles are added; every fourth is replaced, every sixth removed."""
    for number, fruit in enumerate(FRUITS):
        yield "add", fruit
        if number % 4 == 3:
            yield "add", replace(fruit, text=f"{fruit.text}It was replaced.")
        if number % 6 == 5:
            yield "remove", FRUITS[number - 1]


def changes():
    for what, fruit in steps():
        yield (
            lambda library, what=what, fruit=fruit: library.add([fruit]) if what == "add" else library.remove(fruit.id)
        )


def state(count: int) -> dict[str, Article]:
    """The articles that there must be after the first `count` changes."""
    articles: dict[str, Article] = {}
    for what, fruit in list(steps())[:count]:
        if what == "add":
            articles[fruit.id] = fruit
        else:
            del articles[fruit.id]
    return articles


ALL = len(list(steps()))


class Writer:
    """Children that write to libraries, to be killed."""

    def __init__(self, child: str = CHILD) -> None:
        path = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
        command = [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{child}"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.lines = b""

    def start(self, folder: Path, point: int = 0, first: int = 0) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{folder} {point} {first}\n".encode())
        word, pid = self.line()
        assert word == "pid"
        return int(pid)

    def line(self, wait: float | None = None) -> list[str]:
        """The next line; ["late"] when none came in `wait` seconds."""
        assert self.process.stdout is not None
        while b"\n" not in self.lines:
            if not select.select([self.process.stdout], [], [], wait)[0]:
                return ["late"]
            more = os.read(self.process.stdout.fileno(), 65536)
            assert more, "the writer went away"
            self.lines += more
        line, _, self.lines = self.lines.partition(b"\n")
        return line.decode().split()

    def finish(self) -> list[int]:
        """Wait for the child's end: how many operations it had made after each of the changes that it told of since."""
        told = []
        while (line := self.line())[0] != "end":
            told.append(int(line[2]))
        return told


@pytest.fixture
def folder(tmp_path: Path):
    """In memory where there is such a place: a kill, unlike a power cut, loses nothing that was not synced."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else tmp_path) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def writer():
    writer = Writer()
    yield writer
    writer.process.stdin.close()
    assert writer.process.wait() == 0
    writer.process.stdout.close()


def check(folder: Path, told: int) -> None:
    """After a kill, the library is as after `told` changes or as after one more, and works."""
    with opened(folder) as library:
        library.check()
        kept = {info.id: library.article(info.id) for info in library.articles()}
        assert kept in (state(told), state(told + 1)), f"{sorted(kept)} after {told} changes"
        rows = library._database.passage_rows().tolist()
        assert library._indexes.current().dense.rows().tolist() == rows
        hits = library.search("what fruit number was picked", k=1000)
        assert len(hits) == len(rows)
        assert {hit.article.id: hit.article for hit in hits} == kept
        for hit in hits:
            assert hit.article.text[hit.passage.start : hit.passage.end] == hit.passage.text
            assert hit.lexical > 0
    with opened(folder) as library:
        library.add([article("after")])
        assert library.search("about after", k=1)[0].article.id == "after"
    left = {path.name[0] for path in (folder / "snapshots").iterdir() if path.is_dir()}
    assert left == {"g"}
    assert len([path for path in (folder / "snapshots").iterdir() if path.is_dir()]) == 1


def test_a_writer_that_is_not_killed_does_it_all(writer, folder):
    writer.start(folder)
    assert len(writer.finish()) == ALL
    check(folder, ALL)


@pytest.mark.parametrize("seed", range(15))
def test_killed_at_a_random_moment(writer, folder, seed):
    chance = random.Random(seed)
    pid = writer.start(folder)
    told = 0
    for _ in range(chance.randrange(ALL - 1)):
        assert writer.line()[0] == "done"
        told += 1
    told += writer.line(chance.uniform(0, 0.05))[0] == "done"
    os.kill(pid, signal.SIGKILL)
    told += len(writer.finish())
    check(folder, told)


def test_killed_before_every_file_operation(writer, folder):
    """Exhaustive over the first change, which makes the library, and the second, which builds on it."""
    writer.start(folder / "whole", 10**9)
    after = writer.finish()
    assert 10 < after[0] < after[1]
    for point in range(1, after[1] + 1):
        killed = folder / str(point)
        writer.start(killed, point)
        told = len(writer.finish())
        assert told == (point > after[0])
        check(killed, told)
        shutil.rmtree(killed, ignore_errors=True)  # tantivy may still be tidying up

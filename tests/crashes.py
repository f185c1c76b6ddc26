"""Kills, flipped bytes, failing disks and crowds: `python tests/crashes.py [kills|syncs|flips|faults|crowd]`.

kills   SIGKILL at a random moment of adding, replacing and removing; the library is as before or after the change
syncs   SIGKILL at a random moment of a sync; each article is as before or after it, and the next sync does the rest
flips   every byte of a small library changed, one after the other: refused, or of no consequence, never a wrong text
faults  every n-th call that writes fails as on a full or broken disk; what was stored before stays, what follows works
crowd   2 writers and 8 readers at once; every search is answered from one generation
"""

from __future__ import annotations

import argparse
import errno
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import test_crash
from conftest import HashEmbedder, article

from app.sync import sync
from corpus import Article, LibraryError

QUESTIONS = ("what fruit number was picked", "number three", "about fruit")


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder in memory where there is such a place."""
    return tempfile.TemporaryDirectory(
        dir="/dev/shm" if Path("/dev/shm").is_dir() else None, ignore_cleanup_errors=True
    )


def kills(count: int, seed: int = 0) -> Counter[str]:
    """Kill a writer `count` times; how often which change was under way. Raises `AssertionError` on any loss."""
    chance, outcomes, writer = random.Random(seed), Counter[str](), test_crash.Writer()
    try:
        with scratch() as name:
            made = [_made(Path(name), told) for told in range(test_crash.ALL)]
            for number in range(count):
                folder, told = Path(name, f"killed-{number}"), chance.randrange(test_crash.ALL)
                shutil.copytree(made[told], folder)
                pid = writer.start(folder, first=told)
                told += writer.line(chance.uniform(0, 0.04))[0] == "done"
                with suppress(ProcessLookupError):  # after the last change it ends by itself
                    os.kill(pid, signal.SIGKILL)
                told += len(writer.finish())
                brief_check(folder, told) if number % 20 else test_crash.check(folder, told)
                outcomes[f"after change {told}"] += 1
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        writer.process.communicate()  # the end of its input is its end
    return outcomes


def _made(folder: Path, told: int) -> Path:
    """A library as it is after the first `told` changes."""
    made = folder / f"after-{told}"
    with test_crash.opened(made) as library:
        for _, change in zip(range(told), test_crash.changes(), strict=False):
            change(library)
    return made


def brief_check(folder: Path, told: int) -> None:
    """The articles are those after `told` changes or one more, whole, and each is found."""
    with test_crash.opened(folder) as library:
        kept = {info.id: library.article(info.id) for info in library.articles()}
        assert kept in (test_crash.state(told), test_crash.state(told + 1)), f"{sorted(kept)} after {told} changes"
        hits = library.search("what fruit number was picked", k=1000)
        assert {hit.article.id: hit.article for hit in hits} == kept


SYNCING = """
import os, sys
import faiss, filelock, sqlite3, tantivy
import crashes

for line in sys.stdin:
    if os.fork():
        os.wait()
        os.write(1, b"end\\n")
        continue
    os.write(1, b"pid %d\\n" % os.getpid())
    crashes.synced(line.split()[0])
    os._exit(0)
"""


def syncs(count: int, seed: int = 0) -> Counter[str]:
    """Kill `count` syncs; how many articles of how many were new by then. Raises `AssertionError` on any loss."""
    chance, outcomes, writer = random.Random(seed), Counter[str](), test_crash.Writer(SYNCING)
    try:
        with scratch() as name:
            before, place = Path(name, "before"), Path(name, "place")
            _files(place / "files", [(one.id, one.text) for one in test_crash.FRUITS[:6]])
            old = synced(place)
            shutil.copytree(place, before)
            after = [(one.id, f"{one.text}It was replaced.") for one in test_crash.FRUITS[2:5]]
            after += [(one.id, one.text) for one in test_crash.FRUITS[5:9]]
            begun = time.monotonic()
            _files(place / "files", after)
            new = synced(place)
            seconds = time.monotonic() - begun
            assert len(old) == 6, old
            assert len(new) == 7, new
            for _ in range(count):
                shutil.rmtree(place)
                shutil.copytree(before, place)
                _files(place / "files", after)
                pid = writer.start(place)
                time.sleep(chance.uniform(0, seconds))
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                writer.finish()
                with test_crash.opened(place / "library") as library:
                    library.check()
                    found = {info.id: library.article(info.id) for info in library.articles()}
                assert all(one in (old.get(key), new.get(key)) for key, one in found.items()), "another article"
                assert old.keys() & new.keys() <= found.keys(), "an article is gone"
                outcomes[f"{sum(one == new.get(key) for key, one in found.items())} of {len(new)}"] += 1
                assert synced(place) == new
    finally:
        writer.process.communicate()
    return outcomes


def synced(place: Path | str) -> dict[str, Article]:
    """The articles of the library in a place once it is in step with the files there."""
    with test_crash.opened(Path(place, "library")) as library:
        assert not sync(library, Path(place, "files")).failures
        return {info.id: library.article(info.id) for info in library.articles()}


def _files(folder: Path, texts: list[tuple[str, str]]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in texts:
        (folder / f"{name}.txt").write_text(text)


def flips(stride: int = 1, seed: int = 0) -> Counter[str]:
    """Change every `stride`-th byte of a library's files; how many were refused, found by `check`, or harmless."""
    chance, outcomes = random.Random(seed), Counter[str]()
    fruits = {one.id: one for one in test_crash.FRUITS[:2]}
    with scratch() as name:
        whole = Path(name, "whole")
        with test_crash.opened(whole) as library:
            library.add(fruits.values())
        files = [path for path in sorted(whole.rglob("*")) if path.is_file() and not path.name.endswith(".lock")]
        for file in files:
            data = file.read_bytes()
            for at in range(chance.randrange(stride), len(data), stride):
                folder = Path(name, f"{file.name} {at}")
                shutil.copytree(whole, folder)
                flipped = bytearray(data)
                flipped[at] ^= 1 << chance.randrange(8)
                (folder / file.relative_to(whole)).write_bytes(flipped)
                kind = "library.sqlite" if file.name == "library.sqlite" else "snapshot"
                outcomes[f"{kind}: {_flipped(folder, fruits)}"] += 1
                shutil.rmtree(folder, ignore_errors=True)  # tantivy's threads may still be at it
    return outcomes


def _flipped(folder: Path, fruits: dict) -> str:  # type: ignore[type-arg]
    try:
        with test_crash.opened(folder) as library:
            for question in QUESTIONS:
                for hit in library.search(question, k=10):
                    true = fruits[hit.article.id]
                    assert hit.article == true, "a wrong article was given"
                    assert true.text[hit.passage.start : hit.passage.end] == hit.passage.text, "a wrong text was given"
            try:
                library.check()
            except LibraryError:
                return "found by check"
            assert {info.id for info in library.articles()} <= fruits.keys()
            return "harmless" if len(library) == len(fruits) else "AN ARTICLE IS GONE"
    except LibraryError:
        return "refused"


FAULTS = (errno.ENOSPC, errno.EIO)
CALLS = ("write", "fsync", "replace", "rename", "mkdir", "open")


def faults() -> Counter[str]:
    """Let each call of `os` that writes fail in turn while articles are added; raises `AssertionError` on any loss."""
    outcomes = Counter[str]()
    before, then = test_crash.FRUITS[:2], test_crash.FRUITS[2]
    for name in CALLS:
        for code in FAULTS:
            number = 0
            while True:
                number += 1
                with scratch() as folder:
                    with test_crash.opened(folder) as library:
                        library.add(before)
                    failed = _with_fault(Path(folder), then, name, number, code)
                    with test_crash.opened(folder) as library:
                        library.check()
                        ids = {info.id for info in library.articles()}
                        assert {one.id for one in before} <= ids <= {one.id for one in (*before, then)}
                        library.add([article("after")])
                        assert library.search("about after", k=1)[0].article.id == "after"
                outcomes[f"{name}: {'failed' if failed else 'not reached'}"] += 1
                if not failed:
                    break
    return outcomes


def _with_fault(folder: Path, add: object, name: str, number: int, code: int) -> bool:
    """Add an article while the `number`-th call of `os.name` fails; whether it came to that."""
    real, calls = getattr(os, name), 0

    def failing(*given: object, **named: object) -> object:
        nonlocal calls
        if name == "open" and not (len(given) > 1 and given[1] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):  # type: ignore[operator]
            return real(*given, **named)
        calls += 1
        if calls == number:
            raise OSError(code, os.strerror(code), str(given[0]))
        return real(*given, **named)

    setattr(os, name, failing)
    try:
        with test_crash.opened(folder) as library:
            library.add([add])  # type: ignore[list-item]
    except (OSError, LibraryError):
        pass
    finally:
        setattr(os, name, real)
    return calls >= number


def crowd(searches: int, readers: int = 8, writers: int = 2) -> Counter[str]:
    """Search in `readers` processes, `searches` in all, while `writers` add, replace and remove."""
    context = get_context("spawn")
    with scratch() as folder:
        with test_crash.opened(folder) as library:
            library.add(test_crash.FRUITS)
        stop, results = context.Event(), context.Queue()
        writing = [context.Process(target=_write, args=(folder, number, stop)) for number in range(writers)]
        reading = [context.Process(target=_read, args=(folder, searches // readers, results)) for _ in range(readers)]
        for one in (*writing, *reading):
            one.start()
        outcomes = Counter[str]()
        for _ in reading:
            outcomes += results.get()
        stop.set()
        for one in (*writing, *reading):
            one.join()
            assert one.exitcode == 0, f"a process ended with {one.exitcode}"
        with test_crash.opened(folder) as library:
            library.check()
    return outcomes


def _write(folder: str, number: int, stop) -> None:  # type: ignore[no-untyped-def]
    chance, generation = random.Random(number), 0
    with test_crash.opened(folder) as library:
        while not stop.is_set():
            generation += 1
            name = f"writer-{number}-{chance.randrange(5)}"
            if chance.random() < 0.7:
                library.add([article(name, f"{name} wrote version {generation}. " * 30)])
            elif name in {info.id for info in library.articles()}:
                library.remove(name)


def _read(folder: str, searches: int, results) -> None:  # type: ignore[no-untyped-def]
    outcomes = Counter[str]()
    with test_crash.opened(folder) as library:
        for number in range(searches):
            hits = library.search(QUESTIONS[number % len(QUESTIONS)], k=20)
            versions: dict[str, str] = {}
            for hit in hits:
                text = hit.article.text
                assert text[hit.passage.start : hit.passage.end] == hit.passage.text
                assert versions.setdefault(hit.article.id, text) == text, "two versions of an article in one answer"
            fruits = {hit.article.id for hit in hits if hit.article.id.startswith("fruit")}
            outcomes["answered" if hits and fruits else "EMPTY"] += 1
    results.put(outcomes)


def main() -> None:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["kills", "syncs", "flips", "faults", "crowd", "all"], default="all")
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--syncs", type=int, default=500)
    parser.add_argument("--stride", type=int, default=1, help="flip every so many bytes")
    parser.add_argument("--searches", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    kinds = {
        "kills": lambda: kills(options.kills, options.seed),
        "syncs": lambda: syncs(options.syncs, options.seed),
        "flips": lambda: flips(options.stride, options.seed),
        "faults": faults,
        "crowd": lambda: crowd(options.searches),
    }
    for name, run in kinds.items():
        if options.what in (name, "all"):
            begun = time.monotonic()
            found = run()
            if name == "kills":
                found = Counter({"kills": found.total()})
            print(name, dict(sorted(found.items())), f"{time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201


if __name__ == "__main__":
    assert HashEmbedder  # what the children import
    main()

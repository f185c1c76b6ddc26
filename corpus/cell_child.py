"""The child's side of `corpus.cell`: limits itself, then parses what it is given, one file after the other."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, BinaryIO

from corpus.errors import ArticleFileError
from corpus.loading import parse
from corpus.raw import Raw
from corpus.wire import HEADER, frame, told_of

_OPEN_FILES = 64


def limit(memory: int) -> None:
    """Bound the address space in bytes, and allow no files to be written and no core dumps, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: the parent's clock alone watches over it
        return
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        _, hard = resource.getrlimit(what)
        try:
            resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard),) * 2)
        except (ValueError, OSError):  # macOS has no limit on address space
            continue


def limit_time(seconds: int) -> None:
    """Let the system end this process once it has computed for so many more seconds, even when its parent is gone."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 2, hard))


def answer(about: dict[str, Any], data: bytes) -> dict[str, Any]:
    """What a file holds, or the error that says why it cannot be read."""
    raw = Raw(data, about["name"], about["source"], about["content_type"])
    try:
        return told_of(parse(raw))
    except ArticleFileError as error:
        return {"error": str(error)}
    except MemoryError:
        pass
    except RecursionError:
        return {"error": str(raw.refused("nested too deeply to be read; save it in a simpler form"))}
    return {"error": str(raw.refused("reading it needs too much memory; split it into several"))}


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        sys.exit(0)  # the parent is gone
    return data


def main() -> None:
    """Serve the parent: `MEMORY SECONDS`, in bytes and seconds for each file."""
    memory, seconds = map(int, sys.argv[1:])
    given, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    limit(memory)
    told: dict[str, Any] = {}
    while True:
        replies.write(frame(told))
        replies.flush()
        size, length = HEADER.unpack(_exactly(given, HEADER.size))
        about, data = json.loads(_exactly(given, size)), _exactly(given, length)
        limit_time(seconds)
        try:
            told = answer(about, data)
        except MemoryError:  # while its own answer was put together
            told = {"error": f"{about['source']}: reading it needs too much memory; split it into several"}
        del data


if __name__ == "__main__":
    main()

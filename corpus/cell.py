"""The parser cell: a child process that files are parsed in, with limits on its memory, its time and what it may open.

A file that makes a parser hang, crash or eat memory costs that process, and one line that says so; the next file gets a
new one. The two talk in frames of JSON over pipes, and the parent takes nothing on trust: a hostile file might have
taken the child over.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from corpus.errors import ArticleFileError
from corpus.loading import raw_file, raw_of_bytes
from corpus.raw import Loaded, Raw
from corpus.wire import HEADER, frame, loaded_from

MEMORY = 512 * 2**20
"""The most address space of a cell, in bytes."""

SECONDS = 10.0
"""The longest that parsing one file may take."""

_MAX_REPLY = 512 * 2**20
_CHUNK = 2**20
_FILES = 2000
_START_SECONDS = 20.0
_ROOT = Path(__file__).parents[1]


class Cell:
    """Parses files as `corpus.read_file` and `corpus.load_bytes` do, in a child process. Safe to use from threads."""

    def __init__(self, *, memory: int = MEMORY, seconds: float = SECONDS) -> None:
        """Nothing is started before the first file. `memory` is in bytes."""
        self.memory, self.seconds = memory, seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._left = 0

    def __enter__(self) -> Self:
        """The cell itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the child."""
        self.close()

    def read_file(self, path: Path, *, inside: Path | None = None) -> Loaded:
        """What one file holds; with the folder it was found in, it is opened without following links from there on.

        Raises `ArticleFileError` when nothing of it can be read within the limits.
        """
        return self._parsed(raw_file(path, inside=inside))

    def load_bytes(self, data: bytes, *, source: str, name: str | None = None, content_type: str = "") -> Loaded:
        """What bytes hold, see `corpus.load_bytes`. Raises `ArticleFileError` as `read_file` does."""
        return self._parsed(raw_of_bytes(data, source=source, name=name, content_type=content_type))

    def close(self) -> None:
        """End the child; the next file starts another."""
        with self._lock:
            self._end()

    def _parsed(self, raw: Raw) -> Loaded:
        about = {"name": raw.name, "source": raw.source, "content_type": raw.content_type}
        request = frame(about, raw.data)
        with self._lock:
            child = self._running()
            try:
                told = _exchange(child, request, time.monotonic() + self.seconds)
                loaded = loaded_from(told)
            except TimeoutError as error:
                self._end()
                raise raw.refused(
                    f"reading it took more than {self.seconds:g} s and was stopped; split it or save it anew"
                ) from error
            except (EOFError, OSError, TypeError, ValueError, RecursionError) as error:
                code = self._end()
                raise raw.refused(f"{_death(code, error)}; save it anew or in another format") from error
            except BaseException:  # such as Ctrl-C: what the child says next is no answer to the next file
                self._end()
                raise
            self._left -= 1
            return loaded

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None or self._left < 1:
            self._end()
            self._child, self._left = self._started(), _FILES
        return self._child

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "corpus.cell_child", str(self.memory), str(max(1, round(self.seconds)))]
        pipe = subprocess.PIPE
        child = subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=_environment(),
            cwd=_ROOT,
            start_new_session=True,  # Ctrl-C at the terminal is the parent's to handle
        )
        for stream in (child.stdin, child.stdout):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
        try:
            _exchange(child, b"", time.monotonic() + _START_SECONDS)
        except BaseException as error:
            _kill(child)
            if isinstance(error, (TimeoutError, EOFError, OSError, ValueError)):
                raise ArticleFileError(
                    f"the process that parses files cannot be started ({error}); run `articleqa doctor`"
                ) from error
            raise
        return child

    def _end(self) -> int | None:
        """The exit code of the child, None when there was none."""
        child, self._child = self._child, None
        return _kill(child) if child else None


def _kill(child: subprocess.Popen[bytes]) -> int | None:
    for stream in (child.stdin, child.stdout):
        if stream:
            stream.close()
    with suppress(subprocess.TimeoutExpired):  # of itself, when it has ended or is about to: its code says why
        child.wait(0.05)
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    return child.wait()


def _environment() -> dict[str, str]:
    """No more of our surroundings than Python needs to start."""
    kept = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP")
    given = {name: os.environ[name] for name in kept if name in os.environ}
    return given | {"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"}


def _exchange(child: subprocess.Popen[bytes], request: bytes, deadline: float) -> Any:  # noqa: ANN401 - not yet checked
    """Write the request and read one reply, as JSON; raises `TimeoutError`, or `EOFError` when the child has ended."""
    assert child.stdin is not None
    assert child.stdout is not None
    reply, needed, unsent = bytearray(), HEADER.size, memoryview(request)
    with selectors.DefaultSelector() as ready:
        ready.register(child.stdout, selectors.EVENT_READ)
        if unsent:
            ready.register(child.stdin, selectors.EVENT_WRITE)
        while len(reply) < needed:
            events = ready.select(max(0.0, deadline - time.monotonic()))
            if not events:
                raise TimeoutError("no answer in time")
            for key, _ in events:
                if key.fileobj is child.stdin:
                    unsent = unsent[os.write(child.stdin.fileno(), unsent[:_CHUNK]) :]
                    if not unsent:
                        ready.unregister(child.stdin)
                    continue
                part = os.read(child.stdout.fileno(), min(_CHUNK, needed - len(reply)))
                if not part:
                    raise EOFError("it ended")
                reply += part
                if len(reply) == HEADER.size:
                    size, data = HEADER.unpack(reply)
                    if size > _MAX_REPLY or data:
                        raise ValueError("its answer is too long")
                    needed += size
    return json.loads(bytes(reply[HEADER.size :]))


def _death(code: int | None, error: Exception) -> str:
    """Why a child is gone."""
    if code is not None and code < 0 and code != -signal.SIGKILL:
        if code == -getattr(signal, "SIGXCPU", 0):
            return "reading it took too long and was stopped"
        return f"reading it crashed the parser ({signal.Signals(-code).name})"
    return f"reading it failed ({error})" if code == -signal.SIGKILL else "reading it ended the parser"

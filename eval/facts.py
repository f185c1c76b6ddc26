"""What a figure depends on besides the code: the command, the day, the version, the models and the machine."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True, slots=True)
class Facts:
    """The circumstances of one run; `date` is ISO 8601 in UTC, `cpus` the processors this process may use.

    `embedder` and `passages` (how many the library holds) are None when the reader was measured alone. `seconds` is the
    wall time of an evaluation end to end, from loading the models to the last question.
    """

    command: str
    date: str
    version: str
    platform: str
    python: str
    cpus: int
    reader: str
    embedder: str | None = None
    passages: int | None = None
    seconds: float | None = None


def collect(reader: str, *, embedder: str | None = None, passages: int | None = None) -> Facts:
    """The circumstances of this very run, started from the command line."""
    return Facts(
        command=f"articleqa {shlex.join(sys.argv[1:])}".strip(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        version=_version(),
        platform=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        cpus=_cpus(),
        reader=reader,
        embedder=embedder,
        passages=passages,
    )


def _version() -> str:
    try:
        return version("articleqa")
    except PackageNotFoundError:
        return "not installed (run from its source)"


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

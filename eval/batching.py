"""Whether questions that arrive together should be read in one batch: `python -m eval.batching [--json FILE]`.

Windows of different questions over the bundled articles are read one at a time and in padded batches, in turns. Shown
are the processor time of a window, the least of all rounds, and for how many windows the best start or end is another.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from rich.console import Console

from corpus.errors import exit_code
from eval.commands import print_tables
from eval.dataset import BUNDLED_QUESTIONS, load_questions
from eval.facts import collect
from eval.figures import Table, markdown
from eval.output import check_output, write_output
from index.modelfiles import verify
from index.onnx_model import STATES, OnnxModel, processors, session
from qa import ArticleQA
from qa.reader import BUNDLED_READER, Window, WindowInput, windows

SIZES = (1, 2, 4, 8)


def inputs_of(bot: ArticleQA, model: OnnxModel, questions: int) -> list[WindowInput]:
    """The window of the best passage of each question: what would wait together when as many ask at once."""
    asked = [one.question for one in load_questions(BUNDLED_QUESTIONS) if not one.history][:questions]
    found = [bot.library.search(question, k=1)[0].passage.text for question in asked]
    return [windows(model.tokenizer, question, [text])[0] for question, text in zip(asked, found, strict=True)]


def read(parts: Sequence[onnxruntime.InferenceSession], inputs: Sequence[WindowInput]) -> list[Window]:
    """The windows of one batch, padded to the longest, read by the reader's `parts` in turn, each to the end."""
    longest = max(len(one.encoding.ids) for one in inputs)
    feed: dict[str, Any] = {"input_ids": [], "attention_mask": [], "token_type_ids": []}
    for one in inputs:
        padding = [0] * (longest - len(one.encoding.ids))
        feed["input_ids"].append(one.encoding.ids + padding)
        feed["attention_mask"].append(one.encoding.attention_mask + padding)
        feed["token_type_ids"].append(one.encoding.type_ids + padding)
    feed = {name: np.array(rows, np.int64) for name, rows in feed.items()}
    for part in parts:
        names = [node.name for node in part.get_outputs()]
        wanted = {node.name: feed[node.name] for node in part.get_inputs()}
        made = part.run(None, wanted)
        feed |= dict(zip(names, made, strict=True)) | {STATES: made[0]}
    return [one.scored(feed["start_logits"][row], feed["end_logits"][row]) for row, one in enumerate(inputs)]


def measure(inputs: Sequence[WindowInput], rounds: int) -> list[dict[str, Any]]:
    """For each size of batch: the milliseconds of a window, these beside size 1, and how many best spans differ."""
    card, _ = verify(BUNDLED_READER, "reader")
    parts = [session(BUNDLED_READER / name, threads=processors()) for name in card.pieces]
    took = dict.fromkeys(SIZES, float("inf"))
    spans: dict[int, list[Any]] = {}
    for _ in range(rounds + 1):
        for size in SIZES:
            begun = time.process_time()
            done = [
                window for first in range(0, len(inputs), size) for window in read(parts, inputs[first : first + size])
            ]
            took[size] = min(took[size], 1000 * (time.process_time() - begun) / len(inputs))
            spans[size] = [_best(window) for window in done]
    return [
        {
            "batch": size,
            "cpu_ms_per_window": round(took[size], 2),
            "beside_alone": round(took[size] / took[1], 3),
            "other_best_span": sum(a != b for a, b in zip(spans[size], spans[1], strict=True)),
            "windows": len(inputs),
        }
        for size in SIZES
    ]


def _best(window: Window) -> tuple[int, int]:
    return int(window.start_logits.argmax()), int(window.end_logits.argmax())


@exit_code
def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m eval.batching", description=__doc__)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here as JSON, and a .md beside it")
    options = parser.parse_args()
    check_output(options.json)
    model = OnnxModel(BUNDLED_READER, "reader")
    with ArticleQA.open() as bot:
        rows = measure(inputs_of(bot, model, options.questions), options.rounds)
    cells = tuple(tuple(str(value) for value in row.values()) for row in rows)
    columns = ("batch", "CPU ms a window", "beside alone", "other best span", "of windows")
    table = Table("Windows read together", columns, cells)
    print_tables(Console(), [table])
    if options.json:
        facts = replace(collect(model.card.name), command=f"python -m eval.batching {shlex.join(sys.argv[1:])}")
        record = {"kind": "batching", "rows": rows, "run": asdict(facts)}
        write_output(options.json, record, markdown("Reading questions together", facts, [table]))


if __name__ == "__main__":
    raise SystemExit(main())

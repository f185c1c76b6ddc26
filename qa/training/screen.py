"""A screen for an exported reader: `python -m qa.training.screen READER --data FILE[:QUESTIONS] … --out FOLDER`.

Most passages that a search finds do not answer the question, and the reader's first layers can tell most of these. The
screen guesses, from the states after some layers, what the best span of a passage will score; where that is far below
what is to beat, the other layers are not run (early exit, between passages as in Xin et al. 2020, "Early Exiting BERT
for Efficient Document Ranking"). A passage that is read to the end gets the very same logits as without a screen.

The reader learns nothing here: its graph is cut in two, and a small head is fitted on what it says of the passages that
the library finds for training questions. The margin is then chosen on a quarter of the questions, kept apart.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from corpus import Article, QuestionError
from corpus.errors import exit_code
from eval.dataset import load_passages
from index import Library
from index.arrays import Floats
from index.modelfiles import SCREEN
from index.onnx_model import OnnxModel
from qa.assistant import Settings
from qa.reader import WINDOW_TOKENS, windows
from qa.training.examples import Source
from qa.training.graphs import add_head, cut, take_screen

if TYPE_CHECKING:
    import torch

_MARGINS = np.arange(0.0, 20.5, 0.5)
_WIDTH, _PASSES, _BATCH, _RATE = 24, 6, 32, 4e-3
_QUANTILE = 0.9
_FAR = 12.0
_OUTSIDE = -30.0
_APART = 4
"""One question in so many is kept apart, for the margin."""


@dataclass(frozen=True, slots=True)
class Look:
    """A window as the screen sees it: states of shape (tokens, width), and which tokens are of type 1, the passage's.

    `question` numbers its question; `score` is that of the best span when it is read to the end, and `guess` what the
    screen guesses, if it has a head.
    """

    question: int
    states: npt.NDArray[np.float16]
    types: npt.NDArray[np.int64]
    score: float
    guess: float = math.inf


def filled(library: Library, sources: Sequence[Source], seed: int) -> list[str]:
    """Add the sources' passages to a library, and draw as many questions of each as it says."""
    rng = random.Random(seed)
    asked: list[str] = []
    for source in sources:
        passages, name = load_passages(source.path), source.path.name
        library.add(Article(f"{name}-{n}", one.title, one.text, f"{name}/{n}") for n, one in enumerate(passages))
        questions = [example.question for one in passages for example in one.examples if example.answerable]
        asked += rng.sample(questions, min(source.count or len(questions), len(questions)))
    return asked


def looks(model: OnnxModel, library: Library, asked: Mapping[int, str]) -> Iterator[Look]:
    """The passages that the library finds for the questions, by number, read to the end."""
    limit = min(WINDOW_TOKENS, model.card.max_tokens)
    for number, question in asked.items():
        found = [hit.passage.text for hit in library.search(question, k=Settings().passages)]
        for one in windows(model.tokenizer, question, found, max_tokens=limit):
            states, guess = model.screen(one.encoding)
            window = one.scored(*model.run(one.encoding, states))
            yield Look(number, states.astype(np.float16), np.array(one.encoding.type_ids), window.best, guess)


def fit(seen: Sequence[Look], seed: int) -> torch.nn.Module:
    """A head fitted so that nine in ten windows score less than its guess (pinball loss, scores within 12 of 0)."""
    import torch

    class Head(torch.nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.norm = torch.nn.LayerNorm(width)
            self.token, self.whole = torch.nn.Linear(width, _WIDTH), torch.nn.Linear(width, _WIDTH)
            self.out = torch.nn.Sequential(torch.nn.GELU(), torch.nn.Dropout(0.1), torch.nn.Linear(2 * _WIDTH, 1))

        def forward(self, states: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
            states = self.norm(states)
            tokens = self.token(states) + (1 - types).unsqueeze(-1) * _OUTSIDE
            features = torch.cat([tokens.amax(1), self.whole(states[:, 0])], -1)
            guess: torch.Tensor = self.out(features).squeeze(-1) * _FAR
            return guess

    torch.manual_seed(seed)
    head = Head(seen[0].states.shape[1])
    optimiser = torch.optim.AdamW(head.parameters(), weight_decay=0.05)
    steps = _PASSES * -(-len(seen) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
    rng = np.random.default_rng(seed)
    for _ in range(_PASSES):
        order = rng.permutation(len(seen))
        for first in range(0, len(order), _BATCH):
            some = [seen[place] for place in order[first : first + _BATCH]]
            short = head(*_padded(some)) - torch.tensor([one.score for one in some]).clamp(-_FAR, _FAR)
            optimiser.zero_grad()
            loss: Any = torch.maximum(-_QUANTILE * short, (1 - _QUANTILE) * short).mean()
            loss.backward()
            optimiser.step()
            schedule.step()
    return head.eval()


def guesses(head: torch.nn.Module, seen: Sequence[Look]) -> Floats:
    """The head's guess at every window, shape (n,)."""
    import torch

    with torch.inference_mode():
        made = [head(*_padded(seen[first : first + _BATCH])) for first in range(0, len(seen), _BATCH)]
    found: Floats = torch.cat(made).numpy()
    return found


def _padded(seen: Sequence[Look]) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    longest = max(len(one.types) for one in seen)
    states = torch.zeros(len(seen), longest, seen[0].states.shape[1])
    types = torch.zeros(len(seen), longest, dtype=torch.long)
    for row, one in enumerate(seen):
        states[row, : len(one.types)] = torch.from_numpy(one.states).float()
        types[row, : len(one.types)] = torch.from_numpy(one.types)
    return states, types


def outcome(seen: Sequence[Look], guessed: Floats, margin: float) -> tuple[float, float]:
    """At a margin: for which share of the questions the best window is left out, and which share of windows is read."""
    lost, read = [], 0
    for _, group in groupby(range(len(seen)), key=lambda row: seen[row].question):
        rows = list(group)
        to_beat, best = -np.inf, max(rows, key=lambda row: seen[row].score)
        done = []
        for row in sorted(rows, key=lambda row: -guessed[row]):
            if guessed[row] + margin < to_beat:
                break
            done.append(row)
            to_beat = max(to_beat, seen[row].score)
        lost.append(best not in done)
        read += len(done)
    return float(np.mean(lost)), read / len(seen)


@exit_code
def main(arguments: list[str] | None = None) -> None:
    """Make a screen as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m qa.training.screen", description=__doc__)
    parser.add_argument("reader", type=Path, help="a reader that `python -m qa.export` has written")
    parser.add_argument("--data", type=Source.parse, nargs="+", required=True, help="files of training questions")
    parser.add_argument("--layer", type=int, default=6, help="how many layers come before the screen (6)")
    parser.add_argument(
        "--lost", type=float, default=0.01, help="the share of best passages that may be left out (0.01)"
    )
    parser.add_argument(
        "--like",
        type=Path,
        help="a reader with the same first layers: its screen is taken, the margin chosen anew",
    )
    parser.add_argument("--name", help="the name that answers and reports give it (default: the reader's)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="where to write the reader with its screen")
    options = parser.parse_args(arguments)
    card = cut(options.reader, options.out, options.layer)
    card = replace(card, name=options.name or card.name, margin=_FAR)
    if options.like:
        take_screen(options.like, options.out)
    card.write(options.out)
    model = OnnxModel(options.out, "reader")
    with Library.in_memory() as library:
        asked = dict(enumerate(filled(library, options.data, options.seed)))
        if len(asked) < _APART:
            raise QuestionError(f"{len(asked)} questions are too few for a screen; give --data with more")
        kept = set(random.Random(options.seed).sample(range(len(asked)), len(asked) // _APART))
        apart = list(looks(model, library, {number: asked[number] for number in sorted(kept)}))
        if options.like:
            guessed = np.array([one.guess for one in apart])
        else:
            rest = {number: question for number, question in asked.items() if number not in kept}
            head = fit(list(looks(model, library, rest)), options.seed)
            guessed = guesses(head, apart)
            add_head(options.out / SCREEN, head, apart[0].states.shape[1])
    by_margin = {float(margin): outcome(apart, guessed, margin) for margin in _MARGINS}
    margin = next((margin for margin, (lost, _) in by_margin.items() if lost <= options.lost), float(_MARGINS[-1]))
    replace(card, margin=margin).write(options.out)
    lost, read = by_margin[margin]
    told: dict[str, Any] = {
        "layer": options.layer,
        "like": options.like.name if options.like else None,
        "questions": len(asked),
        "margin": margin,
        "kept_apart": {
            "questions": len(kept),
            "windows": len(apart),
            "best_left_out": round(lost, 4),
            "windows_read": round(read, 4),
        },
        "seed": options.seed,
    }
    (options.out / "screen.json").write_text(json.dumps(told, indent=1) + "\n")
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    sys.exit(main())

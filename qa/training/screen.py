"""Screens for an exported reader: `python -m qa.training.screen READER --data FILE[:QUESTIONS] … --out FOLDER`.

Most passages that a search finds do not answer the question, and the reader's first layers can tell most of these. A
screen guesses, from the states after some layers, what the best span of a passage will score; where that is far below
what is to beat, the layers after it are not run (`qa.screening`). A passage that is read to the end gets the very same
logits as without screens.

The reader learns nothing here: its graph is cut in pieces, and small heads are fitted on what it says of the passages
that the library finds for training questions. The margins are then chosen on a quarter of the questions, kept apart.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from corpus import Article, QuestionError
from corpus.errors import exit_code
from eval.dataset import load_passages
from index import Library
from index.arrays import Floats
from index.modelfiles import UNROUNDED, screen_file
from index.onnx_model import OnnxModel
from qa.assistant import Settings
from qa.reader import WINDOW_TOKENS, windows
from qa.screening import best_first
from qa.training.examples import Source
from qa.training.graphs import add_head, cut, take_heads
from qa.training.heads import Look, fit, guesses
from qa.training.unrounded import write_twin

_MARGINS = np.arange(0.0, 20.5, 0.5)
_APART = 4
"""One question in so many is kept apart, for the margins."""


def filled(library: Library, sources: Sequence[Source], seed: int) -> list[str]:
    """Add the sources' passages to a library, and draw as many questions of each as it says."""
    rng = random.Random(seed)
    asked: list[str] = []
    for source in sources:
        passages, name = load_passages(source.path), source.path.name
        library.add(Article(f"{name}-{n}", one.title, one.text, f"{name}/{n}") for n, one in enumerate(passages))
        questions = [example.question for one in passages for example in one.examples if example.answerable]
        asked += source.draw(questions, rng)
    return asked


def looks(model: OnnxModel, library: Library, asked: Mapping[int, str]) -> Iterator[Look]:
    """The passages that the library finds for the questions, by number, read to the end."""
    limit = min(WINDOW_TOKENS, model.card.max_tokens)
    for number, question in asked.items():
        found = [hit.passage.text for hit in library.search(question, k=Settings().passages)]
        for one in windows(model.tokenizer, question, found, max_tokens=limit):
            states: Floats | None = None
            kept, guesses = [], []
            for screen in range(len(model.card.margins)):
                states, guess = model.screen(one.encoding, screen, states)
                kept.append(states.astype(np.float16))
                guesses.append(guess)
            window = one.scored(*model.run(one.encoding, states))
            yield Look(number, tuple(kept), np.array(one.encoding.type_ids), window.best, tuple(guesses))


@dataclass(frozen=True, slots=True)
class Outcome:
    """For which share of the questions the best window is left out, and which share of windows each part runs on."""

    lost: float
    run: tuple[float, ...]


def outcome(seen: Sequence[Look], guessed: Sequence[Floats], margins: Sequence[float]) -> Outcome:
    """What comes of the margins, one for each screen; `guessed` has the guesses of each, shape (n,)."""
    run = np.zeros(len(margins) + 1)
    lost = []

    def advance(place: int, part: int) -> float:
        run[part] += 1
        if part < len(margins):
            return float(guessed[part][place])
        done.add(place)
        return seen[place].score

    for _, group in groupby(range(len(seen)), key=lambda place: seen[place].question):
        places = list(group)
        done: set[int] = set()
        best_first(places, margins, advance)
        lost.append(max(places, key=lambda place: seen[place].score) not in done)
    return Outcome(float(np.mean(lost)), tuple(float(share) for share in run / len(seen)))


def choose(seen: Sequence[Look], guessed: Sequence[Floats], lost: float) -> tuple[float, ...]:
    """The smallest margins, one screen after the other, with which each leaves out its part of `lost`."""
    margins: tuple[float, ...] = ()
    for number in range(1, len(guessed) + 1):
        allowed = lost * number / len(guessed)
        tried = ((*margins, float(margin)) for margin in _MARGINS)
        margins = next(
            (some for some in tried if outcome(seen, guessed[:number], some).lost <= allowed),
            (*margins, float(_MARGINS[-1])),
        )
    return margins


@exit_code
def main(arguments: list[str] | None = None) -> None:
    """Make screens as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m qa.training.screen", description=__doc__)
    parser.add_argument("reader", type=Path, help="a reader that `python -m qa.training.export` has written")
    parser.add_argument("--data", type=Source.parse, nargs="+", required=True, help="files of training questions")
    parser.add_argument(
        "--layers", type=int, nargs="+", default=[3, 6], help="how many layers come before each screen (3 6)"
    )
    parser.add_argument(
        "--lost", type=float, default=0.005, help="the share of best passages that may be left out (0.005)"
    )
    parser.add_argument(
        "--like",
        type=Path,
        help="a reader with nearly the same first layers: its heads are taken, the margins chosen anew",
    )
    parser.add_argument("--name", help="the name that answers and reports give it (default: the reader's)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="where to write the reader with its screens")
    options = parser.parse_args(arguments)
    import onnx

    card = cut(options.reader, options.out, options.layers)
    card = replace(card, name=options.name or card.name)
    open_margins = (float(_MARGINS[-1]),) * len(options.layers)
    if options.like:
        take_heads(options.like, options.out, options.layers)
    replace(card, margins=open_margins, resolution=0.0).write(options.out)
    model = OnnxModel(options.out, "reader")
    with Library.in_memory() as library:
        asked = dict(enumerate(filled(library, options.data, options.seed)))
        if len(asked) < _APART:
            raise QuestionError(f"{len(asked)} questions are too few for a screen; give --data with more")
        kept = set(random.Random(options.seed).sample(range(len(asked)), len(asked) // _APART))
        apart = list(looks(model, library, {number: asked[number] for number in sorted(kept)}))
        if options.like:
            guessed = list(np.array([one.guesses for one in apart], np.float32).T)
        else:
            rest = {number: question for number, question in asked.items() if number not in kept}
            seen = list(looks(model, library, rest))
            guessed = []
            for screen in range(len(options.layers)):
                head = fit(seen, screen, options.seed)
                guessed.append(guesses(head, apart, screen))
                add_head(options.out / screen_file(screen), head, apart[0].states[screen].shape[1])
    margins = choose(apart, guessed, options.lost)
    card = replace(card, margins=margins)
    if card.resolution:
        whole = onnx.load(str(options.reader / "model.onnx"))
        write_twin(whole, [options.out / name for name in card.pieces], options.out / UNROUNDED)
    card.write(options.out)
    reached = outcome(apart, guessed, margins)
    told: dict[str, Any] = {
        "layers": options.layers,
        "like": options.like.name if options.like else None,
        "questions": len(asked),
        "margins": margins,
        "kept_apart": {
            "questions": len(kept),
            "windows": len(apart),
            "best_left_out": round(reached.lost, 4),
            "windows_run": [round(share, 4) for share in reached.run],
        },
        "seed": options.seed,
    }
    (options.out / "screen.json").write_text(json.dumps(told, indent=1) + "\n")
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    sys.exit(main())

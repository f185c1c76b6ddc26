"""The bundled calibrator's fit: `python -m eval.fit_confidence QUESTIONS... --out FILE [--distractors FILE]`.

Every passage of a reading data set (see `eval.dataset`) becomes an article of one library, and the assistant answers
questions about it under these conditions: as it is; with the article that answers taken away; in a library where every
article has lost the sentence that answers; and, where the file has such questions, one that its article does not
answer although it sounds so. Several data sets count together, each in a library of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from corpus import Article
from corpus.sentences import without
from eval.dataset import ReadingExample, ReadingPassage, load_passages
from eval.metrics import CORRECT_F1, f1
from eval.plots import reliability_diagram
from eval.thresholds import Floats, Labelled, folds, observed_level, outcome
from index import Hit, Library
from index.searcher import heading
from qa import ArticleQA
from qa.confidence import Signals, fit
from qa.ranking import signals

_CONDITIONS = ("answerable", "article removed", "sentence removed", "near miss")
_ANSWERABLE, _REMOVED, _CUT, _NEAR = _CONDITIONS
_DISTRACTORS = 400


@dataclass(frozen=True, slots=True)
class Trial:
    """One question asked under one condition: its best span's signals, and whether that span is right."""

    condition: str
    signals: Signals
    right: bool


def trials(passages: Sequence[ReadingPassage], distractors: Sequence[Article]) -> Iterator[Trial]:
    """Ask the questions under every condition; a thousand take some minutes.

    As many answerable as unanswerable questions are asked about a passage, as far as it has them.
    """
    asked = {one.text: one for one in passages if any(example.answerable for example in one.examples)}
    articles = {text: Article(f"p{number}", one.title, text, "") for number, (text, one) in enumerate(asked.items())}
    cut = [replace(article, text=_without_answer(_answered(asked[text])[0])) for text, article in articles.items()]
    whole, lost = (ArticleQA(Library.in_memory()) for _ in range(2))
    whole.library.add([*articles.values(), *distractors])
    lost.library.add([*(article for article in cut if article.text.strip()), *distractors])
    count = whole.settings.passages
    for text, passage in asked.items():
        answered, near = _answered(passage), [one for one in passage.examples if not one.answerable]
        for example in answered[: 2 + len(near)]:
            hits = whole.library.search(example.question, k=count)
            yield _trial(_ANSWERABLE, whole, example.question, hits, example.answers)
        question = answered[0].question
        others = whole.library.search(question, k=2 * count)
        others = [hit for hit in others if hit.article.id != articles[text].id][:count]
        if others:
            yield _trial(_REMOVED, whole, question, others, ())
        if found := lost.library.search(question, k=count):
            yield _trial(_CUT, lost, question, found, ())
        for example in near:
            yield _trial(_NEAR, whole, example.question, whole.library.search(example.question, k=count), ())


def _answered(passage: ReadingPassage) -> list[ReadingExample]:
    return [one for one in passage.examples if one.answerable]


def out_of_fold(trials: Sequence[Trial]) -> Floats:
    """Each trial's probability by a calibrator fitted without its fifth of the trials, shape (n,)."""
    p = np.empty(len(trials))
    for held_out in folds(len(trials)):
        rest = [trial for trial, out in zip(trials, held_out, strict=True) if not out]
        fitted = fit([one.signals for one in rest], [one.right for one in rest], threshold=0.5)
        p[held_out] = [fitted.probability(one.signals) for one, out in zip(trials, held_out, strict=True) if out]
    return p


def labelled(p: Floats, trials: Sequence[Trial]) -> Labelled:
    """The trials with these probabilities."""
    return Labelled(
        p, np.array([one.right for one in trials]), np.array([one.condition == _ANSWERABLE for one in trials])
    )


def _trial(condition: str, bot: ArticleQA, question: str, hits: Sequence[Hit], answers: tuple[str, ...]) -> Trial:
    candidates = bot.read(question, hits)
    best = candidates[0]
    right = bool(answers) and f1(best.span.text, answers) >= CORRECT_F1
    return Trial(condition, signals(best, candidates, question, heading(best.hit.article)), right)


def _without_answer(example: ReadingExample) -> str:
    """The passage without every sentence that holds an accepted answer."""
    text = example.passage
    for answer in example.answers:
        text = without(text, answer)
    return text


def main() -> None:
    """Fit and write the calibrator."""
    parser = argparse.ArgumentParser(prog="python -m eval.fit_confidence", description=__doc__)
    parser.add_argument("questions", type=Path, nargs="+", help="reading data sets that the reader was not trained on")
    parser.add_argument("--out", type=Path, required=True, help="the calibrator's JSON file")
    parser.add_argument("--distractors", type=Path, help="a reading data set whose passages join the library")
    parser.add_argument("--false-answers", type=float, default=0.1, help="share answered where the articles are others")
    parser.add_argument("--diagram", type=Path, help="a PNG file for the reliability diagram, which needs matplotlib")
    options = parser.parse_args()
    texts = dict.fromkeys(one.text for one in load_passages(options.distractors)) if options.distractors else {}
    others = [Article(f"d{number}", "", text, "") for number, text in enumerate(list(texts)[:_DISTRACTORS])]
    sets = {path.name: list(trials(load_passages(path), others)) for path in options.questions}
    found = [one for some in sets.values() for one in some]
    asked = labelled(out_of_fold(found), found)
    removed = np.array([one.condition == _REMOVED for one in found])
    threshold = observed_level(asked.p[removed], options.false_answers)
    calibrator = fit([one.signals for one in found], [one.right for one in found], threshold=threshold)
    answered = _answered_by_condition(asked, found, threshold)
    figures: dict[str, Any] = outcome(asked, threshold).to_dict() | {"answered_by_condition": answered}
    first = 0
    for name, some in sets.items():
        part = slice(first, first + len(some))
        figures[name] = outcome(Labelled(asked.p[part], asked.right[part], asked.answerable[part]), threshold).to_dict()
        first += len(some)
    calibrator.save(options.out, fitted_on=list(sets), trials=len(found), cross_validated=figures)
    if options.diagram:
        reliability_diagram(asked.p, asked.right, options.diagram, title="Confidence, cross-validated")


def _answered_by_condition(asked: Labelled, found: Sequence[Trial], threshold: float) -> dict[str, float]:
    """The share of the questions of each condition that get an answer."""
    given = asked.p >= threshold
    which = {name: np.array([one.condition == name for one in found]) for name in _CONDITIONS}
    return {name: round(float(given[mask].mean()), 4) for name, mask in which.items() if mask.any()}


if __name__ == "__main__":
    main()

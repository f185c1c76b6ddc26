"""The bundled calibrator's fit: `python -m eval.fit_confidence QUESTIONS OUT [--distractors FILE] [--diagram PNG]`.

Every passage of a reading data set (see `eval.dataset`) becomes an article of one library, and the assistant answers
questions about it under three conditions: as it is; with the article that answers taken away; and in a library where
every article has lost the sentence that answers, which is the nearest miss there can be.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from corpus import Article
from corpus.sentences import without
from eval.dataset import ReadingExample, load_reading
from eval.metrics import CORRECT_F1, f1
from eval.plots import reliability_diagram
from eval.thresholds import Floats, Labelled, folds, observed_level, outcome
from index import Hit, Library
from index.searcher import heading
from qa import ArticleQA
from qa.confidence import Signals, fit
from qa.ranking import signals

_PER_PASSAGE = 2
_UNANSWERABLE = ("article removed", "sentence removed")
_DISTRACTORS = 400


@dataclass(frozen=True, slots=True)
class Trial:
    """One question asked under one condition: its best span's signals, and whether that span is right."""

    condition: str
    signals: Signals
    right: bool


def trials(examples: Sequence[ReadingExample], distractors: Sequence[Article]) -> Iterator[Trial]:
    """Ask the questions under the three conditions; a thousand take some minutes."""
    by_passage: dict[str, list[ReadingExample]] = {}
    for example in examples:
        by_passage.setdefault(example.passage, []).append(example)
    articles = {text: Article(f"p{number}", "", text, "") for number, text in enumerate(by_passage)}
    cut = [replace(article, text=_without_answer(by_passage[text][0])) for text, article in articles.items()]
    whole, lost = (ArticleQA(Library.in_memory()) for _ in range(2))
    whole.library.add([*articles.values(), *distractors])
    lost.library.add([*(article for article in cut if article.text.strip()), *distractors])
    passages = whole.settings.passages
    for text, asked in by_passage.items():
        for example in asked[:_PER_PASSAGE]:
            hits = whole.library.search(example.question, k=passages)
            yield _trial("answerable", whole, example.question, hits, example.answers)
        question = asked[0].question
        others = whole.library.search(question, k=2 * passages)
        others = [hit for hit in others if hit.article.id != articles[text].id][:passages]
        yield _trial(_UNANSWERABLE[0], whole, question, others, ())
        yield _trial(_UNANSWERABLE[1], lost, question, lost.library.search(question, k=passages), ())


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
        p, np.array([one.right for one in trials]), np.array([one.condition == "answerable" for one in trials])
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
    parser.add_argument("questions", type=Path, help="a reading data set that the reader was not trained on")
    parser.add_argument("out", type=Path, help="the calibrator's JSON file")
    parser.add_argument("--distractors", type=Path, help="a reading data set whose passages join the library")
    parser.add_argument("--false-answers", type=float, default=0.1, help="share answered where the articles are others")
    parser.add_argument("--diagram", type=Path, help="a PNG file for the reliability diagram, which needs matplotlib")
    options = parser.parse_args()
    texts = dict.fromkeys(one.passage for one in load_reading(options.distractors)) if options.distractors else {}
    others = [Article(f"d{number}", "", text, "") for number, text in enumerate(list(texts)[:_DISTRACTORS])]
    found = list(trials(load_reading(options.questions), others))
    asked = labelled(out_of_fold(found), found)
    wrong, near = (np.array([one.condition == which for one in found]) for which in _UNANSWERABLE)
    threshold = observed_level(asked.p[wrong], options.false_answers)
    calibrator = fit([one.signals for one in found], [one.right for one in found], threshold=threshold)
    figures = outcome(asked, threshold).to_dict() | {
        "wrong_passages_answered": round(float((asked.p[wrong] >= threshold).mean()), 4),
        "near_misses_answered": round(float((asked.p[near] >= threshold).mean()), 4),
    }
    calibrator.save(options.out, fitted_on=options.questions.name, trials=len(found), cross_validated=figures)
    if options.diagram:
        reliability_diagram(asked.p, asked.right, options.diagram, title="Confidence, cross-validated")


if __name__ == "__main__":
    main()

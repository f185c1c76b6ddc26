"""The reader alone, on its gold passages: the upper bound of what answers can reach."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from corpus import Passage
from eval.dataset import ReadingExample
from eval.metrics import (
    CORRECT_F1,
    Scores,
    Threshold,
    best_threshold,
    bootstrap_interval,
    exact_match,
    f1,
    mean_scores,
    roc_area,
)
from qa.reader import Reader
from qa.spans import best_spans

ReadingFailure = Literal["wrong span", "refused", "false answer"]
READING_FAILURES: tuple[ReadingFailure, ...] = get_args(ReadingFailure)
_GOLD = "gold"


@dataclass(frozen=True, slots=True)
class Reading:
    """The best span found in one gold passage, whether or not its score is over the threshold.

    `text` is "" and `score` minus infinity when the reader found no span at all. `exact_match` and `f1` (0 to 1) are
    those of `text` against the accepted answers.
    """

    example: ReadingExample
    text: str
    score: float
    exact_match: float
    f1: float

    @property
    def failure(self) -> ReadingFailure | None:
        """What is wrong with it, if anything: below an F1 of 0.5, refused, or an answer where there is none."""
        if not self.example.answerable:
            return "false answer" if self.text else None
        if self.f1 >= CORRECT_F1:
            return None
        return "wrong span" if self.text else "refused"

    @property
    def correct(self) -> bool:
        """Whether the span, or the refusal, is right."""
        return self.failure is None


@dataclass(frozen=True, slots=True)
class ReadingReport:
    """The numbers of one reader on one data set, all shares from 0 to 1.

    `readings` are the best spans, and `final` what counts: the same, but refused ("") when they score less than
    `threshold`; None refuses nothing. The scores are those of `final`. `best_exact_match` and `best_f1` are what the
    best threshold would reach, chosen on these very questions; `roc_area` is how well the span score tells the
    answerable from the unanswerable, None when one kind is missing. `seconds` is the wall time of it all.
    """

    readings: tuple[Reading, ...]
    final: tuple[Reading, ...]
    threshold: float | None
    overall: Scores
    answerable: Scores
    unanswerable: Scores
    exact_match_interval: tuple[float, float]
    f1_interval: tuple[float, float]
    best_exact_match: Threshold
    best_f1: Threshold
    roc_area: float | None
    failures: Mapping[str, int]
    seconds: float

    @property
    def questions_per_second(self) -> float:
        """How many questions were read in a second; 0 when the time was too short to measure."""
        return len(self.readings) / self.seconds if self.seconds > 0 else 0.0


def evaluate_reader(
    reader: Reader,
    examples: Iterable[ReadingExample],
    *,
    threshold: float | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> ReadingReport:
    """Read every gold passage and report exact match and F1 at `threshold`, on the scale of span scores.

    Without a threshold it is 0 (the reader's own view of answer against no answer) when some questions are
    unanswerable, and none at all, so that every question gets an answer, when all are answerable. `on_progress` is
    called with the number of questions finished since the last call. Raises `ValueError` without examples.
    """
    readings: list[Reading] = []
    begun = time.perf_counter()
    for example in examples:
        readings.append(_read(reader, example))
        if on_progress is not None:
            on_progress(1)
    seconds = time.perf_counter() - begun
    if not readings:
        raise ValueError("a report over 0 examples is not defined; give at least 1")
    if threshold is None and not all(reading.example.answerable for reading in readings):
        threshold = 0.0
    return _report(readings, threshold, seconds)


def _read(reader: Reader, example: ReadingExample) -> Reading:
    passage = Passage(_GOLD, 0, len(example.passage), example.passage)
    spans = best_spans(reader.read(example.question, [passage.text]), [passage], question=example.question)
    text, score = (spans[0].text, spans[0].score) if spans else ("", -np.inf)
    return Reading(example, text, score, exact_match(text, example.answers), f1(text, example.answers))


def _at(reading: Reading, threshold: float | None) -> Reading:
    if threshold is None or reading.score >= threshold:
        return reading
    refused = exact_match("", reading.example.answers), f1("", reading.example.answers)
    return Reading(reading.example, "", reading.score, *refused)


def _report(readings: list[Reading], threshold: float | None, seconds: float) -> ReadingReport:
    final = [_at(reading, threshold) for reading in readings]
    failures = Counter(reading.failure for reading in final)
    span_scores = [reading.score for reading in readings]
    answerable = np.array([reading.example.answerable for reading in readings])
    return ReadingReport(
        readings=tuple(readings),
        final=tuple(final),
        threshold=threshold,
        overall=mean_scores(final),
        answerable=mean_scores([reading for reading in final if reading.example.answerable]),
        unanswerable=mean_scores([reading for reading in final if not reading.example.answerable]),
        exact_match_interval=bootstrap_interval([reading.exact_match for reading in final]),
        f1_interval=bootstrap_interval([reading.f1 for reading in final]),
        best_exact_match=best_threshold(span_scores, [reading.exact_match for reading in readings], answerable),
        best_f1=best_threshold(span_scores, [reading.f1 for reading in readings], answerable),
        roc_area=roc_area(span_scores, answerable),
        failures={failure: failures[failure] for failure in READING_FAILURES},
        seconds=seconds,
    )

"""Models that read the first passages found and put them in another order."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from corpus import Passage
from eval.retrieval_methods import CUTS, Quality, quality
from eval.retrieval_sets import RetrievalSet
from eval.retrieval_vectors import PlainOnnx
from index import Library
from qa.ranking import RETRIEVAL_WEIGHT, SATURATION
from qa.reader import load_reader
from qa.spans import best_spans

FIRST = 10
_TOKENS = 384

Score = Callable[[str, Passage, float], float]


def reranked(library: Library, one: RetrievalSet, score: Score) -> Quality:
    """The worth of a set's first 10 passages put in the order of `score(question, passage, retrieval score)`."""
    places = {(p.article_id, p.start, p.end): i for i, p in enumerate(one.collection.passages)}
    rankings = []
    started = time.perf_counter()
    for asked in one.questions:
        hits = library.search(asked.text, k=max(CUTS))
        scores = [score(asked.text, hit.passage, hit.score) for hit in hits[:FIRST]]
        order = np.argsort(-np.array(scores), kind="stable").tolist()
        best = [hits[i].passage for i in order] + [hit.passage for hit in hits[FIRST:]]
        rankings.append([places[p.article_id, p.start, p.end] for p in best])
    seconds = time.perf_counter() - started
    return quality(rankings, [asked.relevant for asked in one.questions], seconds)


def cross_encoder(folder: Path) -> Score:
    """The relevance a cross-encoder gives to question and passage read together."""
    model = PlainOnnx(folder, max_tokens=_TOKENS)
    return lambda question, passage, _: float(model.run(question, passage.text)[0])


def reader_margin() -> Score:
    """The bundled reader's margin over null and the retrieval score, as answers are ranked."""
    reader = load_reader()

    def score(question: str, passage: Passage, retrieval: float) -> float:
        spans = best_spans(reader.read(question, [passage.text]), [passage], question=question)
        margin = max((span.score for span in spans), default=-SATURATION)
        return min(margin, SATURATION) + RETRIEVAL_WEIGHT * retrieval

    return score

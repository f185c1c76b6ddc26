"""Retrieval measured apart: `python -m eval.retrieval --data FOLDER [--limit N] [--json OUT]`.

Compares ways of combining the two searches, embedders, passage lengths, headings, re-rankers and misspelt questions.
Weights were chosen on the sets whose role is training; what counts are the development sets. recall@k is the share of
questions with a passage that holds an accepted answer, in an article that is asked just this, among the first k.
policyqa's questions do not say whose policy they mean: up to 111 passages are asked the same, and answer it.
The two searches then put different ones first, and no way of combining them is above both at 1; the reader's order,
which is that of answers, is.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from corpus import Article, ArticleQAError, Passage, split
from eval import retrieval_methods as methods
from eval.dataset import BUNDLED_QUESTIONS
from eval.facts import collect
from eval.output import check_output, write_output
from eval.retrieval_methods import CUTS, Method, Quality
from eval.retrieval_rerank import Score, cross_encoder, reader_margin, reranked
from eval.retrieval_sets import OTHER_FILES, RetrievalSet, bundled_set, joined_sets, open_sets, other_sets
from eval.retrieval_vectors import BgeEmbedder, PreparedEmbedder, VectorCache
from index import Library
from index.arrays import Floats
from index.embedder import Embedder, load_embedder
from index.lexical import LexicalIndex
from index.searcher import heading, indexed_text

POOL = 50
METHODS: dict[str, Method] = {
    "dense alone": methods.dense_alone,
    "BM25 alone": methods.lexical_alone,
    "reciprocal ranks (60)": methods.reciprocal_ranks,
    "reciprocal ranks, 0.3 dense": methods.weighted_ranks(0.3),
    "min-max, 0.3 dense": methods.min_max(0.3),
    "min-max, 0.5 dense": methods.min_max(0.5),
    "z-scores, 0.3 dense": methods.z_scores(0.3),
    "saturated at 10, 0.3 dense": methods.saturated(0.3, 10),
    "saturated at 10, 0.2 dense": methods.saturated(0.2, 10),
    "saturated at 40, 0.15 dense": methods.saturated(0.15, 40),
    "weighted, 0.3 dense": methods.plain(0.3),
    "weighted, 0.4 dense": methods.plain(0.4),
    "weighted, 0.5 dense": methods.plain(0.5),
}
LENGTHS = (240, 400, 600, 800, 1000)
_SHIPPED = "the library as shipped"
_JOINED = 200
_RERANKED = 100

Row = tuple[str, str, str, Quality]  # table, set, what was measured, its worth


class Bench:
    """Measures sets with one embedder and one cache of vectors."""

    def __init__(self, embedder: Embedder, cache: VectorCache) -> None:
        """Vectors of the embedder are kept in the cache."""
        self.embedder, self.cache = embedder, cache

    def vectors(
        self, one: RetrievalSet, text: Callable[[Article, Passage], str] = indexed_text
    ) -> tuple[Floats, Floats]:
        """Of the passages, (n, d), and of the questions, (m, d)."""
        texts = [text(a, p) for a, p in zip(one.collection.articles, one.collection.passages, strict=True)]
        return self.cache.passages(self.embedder, texts), self.cache.questions(
            self.embedder, [q.text for q in one.questions]
        )

    def fusions(self, one: RetrievalSet, table: str, names: Sequence[str], *, titled: bool = True) -> Iterator[Row]:
        """The worth of several ways to combine the two searches."""
        lexical = LexicalIndex(None)
        cut = zip(one.collection.articles, one.collection.passages, strict=True)
        lexical.change(remove=(), add=[(i, heading(a) if titled else "", p.text) for i, (a, p) in enumerate(cut)])
        passages, questions = self.vectors(one, indexed_text if titled else lambda _, passage: passage.text)
        lists = methods.search_lists(one, passages, questions, lexical)
        for name in names:
            yield table, one.name, name, methods.measure(METHODS[name], lists, POOL)

    def library(self, one: RetrievalSet) -> Library:
        """A library of the set's articles, cut as libraries cut them."""
        passages, questions = self.vectors(one)
        texts = [indexed_text(a, p) for a, p in zip(one.collection.articles, one.collection.passages, strict=True)]
        known = dict(zip(texts, passages, strict=True)) | dict(
            zip([q.text for q in one.questions], questions, strict=True)
        )
        library = Library.in_memory(PreparedEmbedder(self.embedder, known))
        library.add({article.id: article for article in one.collection.articles}.values())
        return library


def shipped(
    library: Library, one: RetrievalSet, *, name: str = _SHIPPED, table: str = "Fusion", literal: bool = False
) -> Row:
    """The worth of `Library.search`, with its time but for the embedding of the questions."""
    places = {(p.article_id, p.start, p.end): i for i, p in enumerate(one.collection.passages)}
    library.search("warm up", k=1)
    started = time.perf_counter()
    found = [library.search(asked.text, k=max(CUTS), literal=literal) for asked in one.questions]
    seconds = time.perf_counter() - started
    rankings = [[places[h.passage.article_id, h.passage.start, h.passage.end] for h in hits] for hits in found]
    return table, one.name, name, methods.quality(rankings, [asked.relevant for asked in one.questions], seconds)


def misspelt(question: str, seed: int) -> str:
    """The question with one of its longer words misspelt: a letter dropped, doubled, or exchanged with the next."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, nothing secret
    words = question.split(" ")
    long = [i for i, word in enumerate(words) if len(word.strip("?.,!'\"")) >= 6 and word.strip("?.,!'\"").isalpha()]
    if not long:
        return question
    place = chance.choice(long)
    word = words[place]
    at = chance.randrange(1, len(word.rstrip("?.,!'\"")) - 1)
    kinds = (
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    )
    words[place] = chance.choice(kinds)
    return " ".join(words)


def typos(bench: Bench, one: RetrievalSet) -> Iterator[Row]:
    """Misspelt questions, with and without what the library makes of them."""
    wrong = replace(one, questions=tuple(replace(q, text=misspelt(q.text, i)) for i, q in enumerate(one.questions)))
    with bench.library(one) as library:
        yield shipped(library, one, name="as asked", table="Misspelt questions")
        yield shipped(library, wrong, name="one word misspelt", table="Misspelt questions")
        name = "one word misspelt, nothing put right"
        yield shipped(library, wrong, name=name, table="Misspelt questions", literal=True)


def lengths(folder: Path, bench: Bench, limit: int) -> Iterator[Row]:
    """Passages of several lengths in characters, a quarter of each shared with the next."""
    for size in LENGTHS:
        cut = partial(split, size=size, overlap=size // 4)
        for one in joined_sets(folder, "fairytaleqa", limit, most=_JOINED, splitter=cut):
            for row in bench.fusions(one, "Passage length", ["weighted, 0.4 dense"]):
                yield *row[:2], f"{size} characters (about {size * 2 // 9} tokens)", row[3]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables and write them; 2 when an input is bad."""
    parser = argparse.ArgumentParser(prog="python -m eval.retrieval", description=__doc__)
    parser.add_argument(
        "--data", type=Path, help="the folder of reading data; without it only the bundled articles are measured"
    )
    parser.add_argument("--limit", type=int, default=1000, help="questions of a set at most")
    parser.add_argument("--bge", type=Path, help="a folder with bge-small-en-v1.5 as model.onnx and tokenizer.json")
    parser.add_argument("--cross-encoder", type=Path, help="a folder with a cross-encoder in the same form")
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "articleqa-vectors", help="keeps vectors"
    )
    parser.add_argument("--json", type=Path, help="where to write the figures; a table to read is written beside it")
    options = parser.parse_args(arguments)
    try:
        check_output(options.json)
        rows = list(_measured(options))
    except ArticleQAError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    markdown = _markdown(rows)
    sys.stdout.write(markdown)
    if options.json:
        facts = collect("-", embedder=load_embedder().name)
        record = [_record(row) for row in rows]
        write_output(
            options.json, {"kind": "retrieval", "date": facts.date, "cpus": facts.cpus, "rows": record}, markdown
        )
    return 0


def _measured(options: argparse.Namespace) -> Iterator[Row]:
    cache = VectorCache(options.cache)
    bench = Bench(load_embedder(), cache)
    bundled = bundled_set(BUNDLED_QUESTIONS)
    groups = [[bundled]]
    if options.data is None:
        sys.stderr.write("open sets are left out: name the folder of the reading data with --data\n")
    else:
        groups += [open_sets(options.data, options.limit)]
        groups += [other_sets(options.data, file, options.limit) for file in OTHER_FILES]
    for group in groups:
        for one in group:
            yield from bench.fusions(one, "Fusion", list(METHODS))
            with bench.library(one) as library:
                yield shipped(library, one)
    for titled, name in ((True, "text, title and date"), (False, "text alone")):
        for _, label, _, worth in bench.fusions(bundled, "What is indexed", ["weighted, 0.4 dense"], titled=titled):
            yield "What is indexed", label, name, worth
    yield from typos(bench, bundled)
    if options.data is not None:
        yield from lengths(options.data, bench, options.limit)
        development = groups[1][0]
        yield from bench.fusions(
            development, f"Embedder: {bench.embedder.name}", ["dense alone", "weighted, 0.4 dense"]
        )
        if options.bge:
            other = Bench(BgeEmbedder(options.bge), cache)
            for one in groups[1]:
                yield from other.fusions(
                    one,
                    "Embedder: bge-small-en-v1.5 int8",
                    ["dense alone", "weighted, 0.4 dense", "weighted, 0.5 dense"],
                )
        policies = [one for group in groups for one in group if one.name.startswith("policyqa")]
        yield from reranking(bench, development, policies, options.cross_encoder)


def reranking(
    bench: Bench, development: RetrievalSet, others: Sequence[RetrievalSet], folder: Path | None
) -> Iterator[Row]:
    """The reader on whole sets, and beside a cross-encoder, where its folder is named, on the first questions."""
    scores = {"in the reader's order, as answers are": reader_margin()}
    for one in (development, *others):
        yield from _reordered(bench, one, scores)
    if folder:
        few = replace(development, questions=development.questions[:_RERANKED])
        yield from _reordered(bench, few, scores | {"ms-marco cross-encoder": cross_encoder(folder)})


def _reordered(bench: Bench, one: RetrievalSet, scores: Mapping[str, Score]) -> Iterator[Row]:
    """The library as shipped, and with its first passages in the order of each score, by its name."""
    table = "Re-ranking the first 10"
    with bench.library(one) as library:
        yield shipped(library, one, table=table)
        for name, score in scores.items():
            yield table, one.name, name, reranked(library, one, score)


def _record(row: Row) -> dict[str, Any]:
    table, label, name, worth = row
    recalls = {f"recall@{k}": round(worth.recall[k], 4) for k in CUTS}
    return {"table": table, "set": label, "method": name, "questions": worth.questions, **recalls} | {
        "mrr": round(worth.mrr, 4),
        "ms": round(worth.milliseconds, 2),
    }


def _markdown(rows: Sequence[Row]) -> str:
    lines = ["# Retrieval", "", __doc__ or ""]
    last = ("", "")
    for table, label, name, worth in rows:
        if (table, label) != last:
            lines += ["", f"## {table}: {label} ({worth.questions} questions)", ""]
            lines += ["| | recall@1 | @5 | @10 | @20 | MRR | ms |", "|---|---|---|---|---|---|---|"]
        last = (table, label)
        cells = [*(f"{100 * worth.recall[k]:.1f}" for k in CUTS), f"{worth.mrr:.3f}", f"{worth.milliseconds:.1f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())

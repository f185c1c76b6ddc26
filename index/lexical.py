"""Words searched by BM25: the one module that touches tantivy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import tantivy

from index.arrays import Rows

HEADING_WEIGHT = 0.5
_WRITER_BYTES = 32_000_000
_MAX_WORDS = 200
_MAX_TERMS = 300_000
_LARGE = 100_000  # passages
_COMMON = 0.2  # of them
_FEW = 2_000


class LexicalIndex:
    """BM25 over numbered passages, each with its text and a heading (title and date).

    Words are lower-cased, freed of accents and stemmed (English).
    """

    def __init__(self, folder: Path | None) -> None:
        """Open the index in `folder`, or create one when it is empty; None keeps it in memory."""
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("row", stored=True, indexed=True, fast=True)
        builder.add_text_field("body", stored=False, tokenizer_name="articleqa", index_option="freq")
        builder.add_text_field("heading", stored=False, tokenizer_name="articleqa", index_option="freq")
        self._index = tantivy.Index(builder.build(), path=str(folder) if folder else None)
        # else a thread watches the folder, and writes a lock file into it even while it is being deleted
        self._index.config_reader(reload_policy="manual")
        self._analyzer = (
            tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
            .filter(tantivy.Filter.remove_long(60))
            .filter(tantivy.Filter.lowercase())
            .filter(tantivy.Filter.ascii_fold())
            .filter(tantivy.Filter.stemmer("english"))
            .build()
        )
        self._index.register_tokenizer("articleqa", self._analyzer)

    def change(self, *, remove: Iterable[int], add: Iterable[tuple[int, str, str]]) -> None:
        """Remove passages by number, then add rows of (number, heading, text)."""
        writer = self._index.writer(_WRITER_BYTES, 1)
        for row in remove:
            writer.delete_documents_by_term("row", int(row))
        for row, heading, body in add:
            document = tantivy.Document()
            document.add_integer("row", int(row))
            document.add_text("heading", heading)
            document.add_text("body", body)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def search(self, question: str, k: int, *, only: Rows | None = None) -> dict[int, float]:
        """The BM25 score of the `k` best passages for the question's words, by number; `only` limits it to these.

        In a large library, words that more than a fifth of the passages hold are left out: they cost most of the time
        and decide next to nothing.
        """
        searcher = self._index.searcher()
        words = self._deciding(searcher, list(dict.fromkeys(self._analyzer.analyze(question)))[:_MAX_WORDS])
        if not words or k < 1 or (only is not None and not len(only)):
            return {}
        schema, any_of = self._index.schema, tantivy.Occur.Should
        body = [(any_of, tantivy.Query.term_query(schema, "body", word)) for word in words]
        heading = tantivy.Query.boolean_query(
            [(any_of, tantivy.Query.term_query(schema, "heading", word)) for word in words]
        )
        query = tantivy.Query.boolean_query([*body, (any_of, tantivy.Query.boost_query(heading, HEADING_WEIGHT))])
        if only is None:
            return dict(_found(searcher, query, k))
        if len(only) <= _FEW:
            these = tantivy.Query.boost_query(tantivy.Query.term_set_query(schema, "row", only.tolist()), 0.0)
            both = [(tantivy.Occur.Must, these), (tantivy.Occur.Must, query)]
            return dict(_found(searcher, tantivy.Query.boolean_query(both), k))
        return self._limited(searcher, query, k, only)

    def _limited(self, searcher: tantivy.Searcher, query: tantivy.Query, k: int, only: Rows) -> dict[int, float]:
        """The `k` best of many passages: those among as many of the best of all as it takes."""
        kept = set(only.tolist())
        depth = 2 * k * max(1, searcher.num_docs // len(kept))
        while True:
            found = dict(_found(searcher, query, depth))
            best = dict(islice(((row, score) for row, score in found.items() if row in kept), k))
            if len(best) == k or len(found) < depth:
                return best
            depth *= 4

    def _deciding(self, searcher: tantivy.Searcher, words: list[str]) -> list[str]:
        """The words that a search goes by."""
        if searcher.num_docs < _LARGE:
            return words
        most = _COMMON * searcher.num_docs
        return [word for word in words if searcher.doc_freq("body", word) <= most] or words

    def words(self, text: str) -> list[str]:
        """A text's words as they are indexed: lower-cased, without accents, stemmed."""
        return list(self._analyzer.analyze(text))

    def terms(self) -> dict[str, int]:
        """The indexed words of texts and headings, the 300,000 most frequent, with the number of passages of each."""
        searcher = self._index.searcher()
        found = dict(searcher.terms_with_prefix("heading", "", limit=_MAX_TERMS))
        return found | dict(searcher.terms_with_prefix("body", "", limit=_MAX_TERMS))

    def weights(self, words: Iterable[str]) -> dict[str, float]:
        """How rare each word is among the texts: the idf of BM25, ln(1 + (N - n + 0.5) / (n + 0.5))."""
        searcher = self._index.searcher()
        count = searcher.num_docs
        found = {}
        for word in words:
            holding = min(count, searcher.doc_freq("body", word))
            found[word] = math.log(1 + (count - holding + 0.5) / (holding + 0.5))
        return found


def _found(searcher: tantivy.Searcher, query: tantivy.Query, k: int) -> Iterator[tuple[int, float]]:
    """The numbers and scores of the `k` best passages, best first."""
    for score, address in searcher.search(query, k, count=False).hits if k else ():
        yield int(searcher.doc(address)["row"][0]), float(score)

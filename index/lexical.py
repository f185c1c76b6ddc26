"""Words searched by BM25: the one module that touches tantivy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import tantivy

HEADING_WEIGHT = 0.5
_WRITER_BYTES = 32_000_000
_MAX_WORDS = 200


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
        self._analyzer = (
            tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
            .filter(tantivy.Filter.remove_long(60))
            .filter(tantivy.Filter.lowercase())
            .filter(tantivy.Filter.ascii_fold())
            .filter(tantivy.Filter.stemmer("english"))
            .build()
        )
        self._index.register_tokenizer("articleqa", self._analyzer)

    def change(self, *, remove: Iterable[int], add: Sequence[tuple[int, str, str]]) -> None:
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

    def search(self, question: str, k: int) -> dict[int, float]:
        """The BM25 score of the `k` best passages for the question's words, by number."""
        words = list(dict.fromkeys(self._analyzer.analyze(question)))[:_MAX_WORDS]
        if not words or k < 1:
            return {}
        schema, any_of = self._index.schema, tantivy.Occur.Should
        body = [(any_of, tantivy.Query.term_query(schema, "body", word)) for word in words]
        heading = tantivy.Query.boolean_query(
            [(any_of, tantivy.Query.term_query(schema, "heading", word)) for word in words]
        )
        query = tantivy.Query.boolean_query([*body, (any_of, tantivy.Query.boost_query(heading, HEADING_WEIGHT))])
        searcher = self._index.searcher()
        return {
            int(searcher.doc(address)["row"][0]): float(score)
            for score, address in searcher.search(query, k, count=False).hits
        }

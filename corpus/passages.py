"""Articles cut into passages: the pieces that are embedded, searched and read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from corpus.articles import Article
from corpus.sentences import sentence_spans, strip

if TYPE_CHECKING:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

PASSAGE_SIZE = 800
PASSAGE_OVERLAP = 200


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of one article: `article.text[start:end] == text`, half-open, in characters."""

    article_id: str
    start: int
    end: int
    text: str


def split(article: Article, *, size: int = PASSAGE_SIZE, overlap: int = PASSAGE_OVERLAP) -> list[Passage]:
    """Cut an article into overlapping passages of whole sentences, at most `size` characters each.

    Neighbours share whole sentences of up to `overlap` characters. Every character that is not white space lies in
    at least one passage, and starts increase. A sentence longer than `size` is cut between words.
    """
    if size < 1 or not 0 <= overlap < size:
        raise ValueError(f"size {size} and overlap {overlap}: need size >= 1 and 0 <= overlap < size")
    pieces = list(_pieces(article.text, size))
    passages: list[Passage] = []
    first = 0
    for last in range(len(pieces)):
        start, end = pieces[first][0], pieces[last][1]
        is_full = last + 1 == len(pieces) or pieces[last + 1][1] - start > size
        if not is_full:
            continue
        a, b = strip(article.text, start, end)
        if passages and passages[-1].start == a:  # only white space lay before the pieces that both share
            passages.pop()
        if a < b:
            passages.append(Passage(article.id, a, b, article.text[a:b]))
        if last + 1 < len(pieces):
            first = _overlap_from(pieces, first, last, size, overlap)
    return passages


def _overlap_from(pieces: list[tuple[int, int]], first: int, last: int, size: int, overlap: int) -> int:
    """The piece the next passage starts with, so that it shares at most `overlap` characters with this one."""
    following = last + 1
    end, next_end = pieces[last][1], pieces[following][1]
    while (
        following - 1 > first
        and end - pieces[following - 1][0] <= overlap
        and next_end - pieces[following - 1][0] <= size
    ):
        following -= 1
    return following


def _pieces(text: str, size: int) -> Iterator[tuple[int, int]]:
    """Sentences, and the parts of sentences longer than `size`, as half-open offsets that cover the text.

    The splitter loses nothing with zero overlap, kept separators and no stripping, so offsets are a running sum.
    """
    for start, end in sentence_spans(text):
        if end - start <= size:
            yield start, end
            continue
        first = start
        for part in _splitter(size).split_text(text[start:end]):
            yield first, first + len(part)
            first += len(part)


@lru_cache(maxsize=8)
def _splitter(size: int) -> RecursiveCharacterTextSplitter:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    return RecursiveCharacterTextSplitter(
        chunk_size=size,
        chunk_overlap=0,
        length_function=len,
        keep_separator="end",
        strip_whitespace=False,
        separators=["\n\n", "\n", "; ", ", ", " ", ""],
    )

"""An article with its passages as one text, whose hash numbers it: how Milvus and the shards of `embed` hold it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from corpus import Anchor, Article, LibraryError, Passage

PLACES = 1 << 19
"""How many passages or parts an article has room for: its number is a multiple of this, theirs follow it."""
_PART = 60_000  # ASCII, so bytes too: a field holds 65,535


@dataclass(frozen=True, slots=True)
class Record:
    """The text that an article and its passages are kept as; `number` is made of its hash, so it never changes."""

    text: str

    @classmethod
    def of(cls, article: Article, passages: Sequence[Passage], *, salt: int = 0) -> Record:
        """The record of an article; another `salt` gives another number."""
        if len(passages) > PLACES:
            raise LibraryError(f"{article.id}: {len(passages):,} passages, more than {PLACES:,}; split the article")
        told = {
            "id": article.id,
            "title": article.title,
            "text": article.text,
            "source": article.source,
            "published": article.published.isoformat() if article.published else None,
            "author": article.author,
            "language": article.language,
            "pages": article.pages,
            "anchors": [(anchor.start, anchor.label) for anchor in article.anchors],
            "passages": [(passage.start, passage.end) for passage in passages],
            "salt": salt,
        }
        return cls(json.dumps(told, ensure_ascii=True, separators=(",", ":")))

    @property
    def number(self) -> int:
        """From 0 to 2^63, a multiple of `PLACES`."""
        digest = hashlib.sha256(self.text.encode()).digest()
        return (int.from_bytes(digest[:8], "big") >> 1) // PLACES * PLACES

    @property
    def parts(self) -> list[str]:
        """The text cut into pieces that fit a field; together they are the text."""
        return [self.text[first : first + _PART] for first in range(0, len(self.text), _PART)]

    def read(self) -> tuple[Article, list[Passage]]:
        """The article and its passages."""
        told = json.loads(self.text)
        article = Article(
            id=told["id"],
            title=told["title"],
            text=told["text"],
            source=told["source"],
            published=date.fromisoformat(told["published"]) if told["published"] else None,
            author=told["author"],
            language=told["language"],
            pages=tuple(told["pages"]),
            anchors=tuple(Anchor(start, label) for start, label in told["anchors"]),
        )
        return article, [Passage(article.id, s, e, article.text[s:e]) for s, e in told["passages"]]


def key_of(article_id: str) -> str:
    """The key of an article's entity, of characters that need no escaping."""
    return "a" + hashlib.sha256(article_id.encode("utf-8", "surrogatepass")).hexdigest()[:40]

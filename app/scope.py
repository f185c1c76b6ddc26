"""What a visitor searches and how sure an answer must be: some of the articles, a range of dates, a strictness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from app.markup import counted
from app.places import in_words
from index.query import Within
from qa import ArticleQA

if TYPE_CHECKING:
    from index import Hit, Library

STRICTNESS = ("bold", "balanced", "strict")
MOST_ARTICLES = 500
_LENIENT, _STRICT = 0.4, 0.9


@dataclass(frozen=True, slots=True)
class Scope:
    """No `articles` means all of them; `since` and `until` are days of publication, both included."""

    articles: frozenset[str] = field(default_factory=frozenset)
    since: date | None = None
    until: date | None = None
    strictness: str = "balanced"

    @classmethod
    def of_record(cls, record: object) -> Scope:
        """The scope that the browser sent or kept; whatever in it makes no sense is left out."""
        if not isinstance(record, Mapping):
            return cls()
        named = record.get("articles")
        ids = [one for one in named if isinstance(one, str)] if isinstance(named, list) else []
        strictness = record.get("strictness")
        return cls(
            frozenset(ids[:MOST_ARTICLES]),
            _day(record.get("since")),
            _day(record.get("until")),
            strictness if isinstance(strictness, str) and strictness in STRICTNESS else "balanced",
        )

    def to_record(self) -> dict[str, Any]:
        """What `of_record` reads."""
        return {
            "articles": sorted(self.articles),
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
            "strictness": self.strictness,
        }

    @property
    def within(self) -> Within:
        """What a search is limited to."""
        return Within(articles=self.articles or None, since=self.since, until=self.until)

    def in_words(self) -> str:
        """What differs from searching everything in a balanced way; empty when nothing does."""
        parts = [
            counted(len(self.articles), "article") if self.articles else "",
            f"from {in_words(self.since)}" if self.since else "",
            f"until {in_words(self.until)}" if self.until else "",
            {"bold": "unsure answers too", "strict": "very sure answers only"}.get(self.strictness, ""),
        ]
        return " · ".join(part for part in parts if part)


def narrowed(bot: ArticleQA, scope: Scope) -> ArticleQA:
    """An assistant with the same models that searches only what the scope holds and answers as strictly as it says."""
    if scope == Scope():
        return bot
    library: Any = bot.library
    if scope.articles or scope.since or scope.until:
        library = PartOfLibrary(bot.library, scope.within)
    usual = bot.calibrator.threshold if bot.settings.threshold is None else bot.settings.threshold
    threshold = {"bold": _LENIENT * usual, "strict": max(_STRICT, usual)}.get(scope.strictness, usual)
    return ArticleQA(
        library, bot.reader, calibrator=bot.calibrator, settings=replace(bot.settings, threshold=threshold)
    )


class PartOfLibrary:
    """A library as if it held only the articles that `within` holds."""

    def __init__(self, library: Library, within: Within) -> None:
        self._library, self._within = library, within

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._library, name)

    def search(self, question: str, *, k: int = 10, **more: Any) -> list[Hit]:  # noqa: ANN401
        """The `k` best passages of the part, best first."""
        return self._library.search(question, k=k, **{**more, "within": self._within})


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None

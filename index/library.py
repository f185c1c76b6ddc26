"""The library: a folder of articles that can be searched, changed and killed at any moment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from platformdirs import user_data_path

from corpus import Article, LibraryError, Passage, split
from corpus.passages import PASSAGE_OVERLAP, PASSAGE_SIZE
from index.database import ArticleInfo, Database
from index.embedder import Embedder, load_embedder
from index.indexes import Indexes
from index.integrity import check
from index.onnx_model import Floats
from index.searcher import Hit, Searcher, indexed_text

FORMAT_VERSION = 1
_LOCK_SECONDS = 60
_BATCH_PASSAGES = 256


@dataclass(frozen=True, slots=True)
class Added:
    """What adding articles did: how many were new, took the place of an older version, or were there already."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    passages: int = 0


def default_library_path() -> Path:
    """The library that is used when none is named."""
    return user_data_path("articleqa", appauthor=False) / "library"


class Library:
    """Articles, their passages and the indexes over them. Any number of readers, one writer at a time.

    A change is on disk when the method returns; SQLite holds the truth, and the indexes can always be made from it.
    """

    def __init__(self, folder: Path | None, embedder: Embedder, *, rebuild: bool = False) -> None:
        """Open an existing folder, or an empty library in memory for None. `rebuild` embeds every article again."""
        self.folder = folder
        self.embedder = embedder
        self._database = Database(folder / "library.sqlite" if folder else None)
        try:
            self._check_meta(embedder=not rebuild)
            if rebuild:
                self._rebuild()
            self._indexes = Indexes(self._database, embedder.dimension, folder / "snapshots" if folder else None)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, folder: Path | str, *, embedder: Embedder | None = None, rebuild: bool = False) -> Library:
        """Open the library in `folder`, which is made when it is missing; `embedder` defaults to the bundled one.

        `rebuild` splits and embeds every article again, for a library that was built with another embedder. Raises
        `LibraryError` when the folder is not usable or the library was built with another embedder.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(
                f"{folder}: the library cannot be made here ({error.strerror}); choose another folder"
            ) from error
        return cls(folder, embedder or load_embedder(), rebuild=rebuild)

    @classmethod
    def in_memory(cls, embedder: Embedder | None = None) -> Library:
        """An empty library that lives as long as the object."""
        return cls(None, embedder or load_embedder())

    def close(self) -> None:
        """Release the files."""
        self._database.close()

    def __enter__(self) -> Self:
        """The library itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the files."""
        self.close()

    def __len__(self) -> int:
        """How many articles there are."""
        return len(self.articles())

    @property
    def generation(self) -> int:
        """How many changes the library has seen; answers of one generation agree with each other."""
        return self._database.generation

    def articles(self) -> list[ArticleInfo]:
        """All articles, the newest first."""
        return self._database.articles()

    def article(self, article_id: str) -> Article:
        """The article of this id. Raises `LibraryError` when there is none."""
        found = self._database.article(article_id)
        if found is None:
            raise LibraryError(f"{article_id}: no article of this id; `articleqa list` shows them all")
        return found

    def complete_id(self, beginning: str) -> str:
        """The one id that starts with `beginning`. Raises `LibraryError` when none or several do."""
        ids = [info.id for info in self.articles() if info.id.startswith(beginning)]
        if beginning in ids:
            return beginning
        if len(ids) > 1:
            raise LibraryError(
                f"{beginning}: {len(ids)} articles have such an id ({ids[0]}, {ids[1]}); write more of it"
            )
        return ids[0] if ids else self.article(beginning).id

    def check(self) -> None:
        """Check the database whole and every article's text against its hash. Raises `LibraryError`."""
        check(self._database, self.embedder.dimension)

    def add(self, articles: Iterable[Article], *, on_progress: Callable[[int], None] | None = None) -> Added:
        """Add articles, each in a transaction of its own; one of the same id and source is replaced.

        `on_progress` is called with the number of articles finished since the call before. Articles already added stay
        when a later one fails.
        """
        total = Added()
        waiting: dict[str, tuple[Article, list[Passage]]] = {}
        try:
            for article in articles:
                named = self._named(article, waiting)
                if self._known(named.id, waiting) == named:
                    total = replace(total, unchanged=total.unchanged + 1)
                    if on_progress:
                        on_progress(1)
                    continue
                if named.id in waiting or sum(len(cut) for _, cut in waiting.values()) >= _BATCH_PASSAGES:
                    total = self._store(waiting, total, on_progress)
                    waiting = {}
                waiting[named.id] = (named, split(named))
            return self._store(waiting, total, on_progress)
        finally:
            self._current(wait=_LOCK_SECONDS)

    def remove(self, article_id: str) -> Article:
        """Remove the article of this id; the article that was removed. Raises `LibraryError` when there is none."""
        article = self.article(article_id)
        with self._database.transaction():
            self._database.delete(article_id)
        self._current(wait=_LOCK_SECONDS)
        return article

    def search(self, question: str, *, k: int = 10) -> list[Hit]:
        """The `k` passages that fit the question best, best first; fewer when the library is smaller."""
        return self._current().search(self._database, question, self.embedder.encode_question(question), k)

    def _store(
        self,
        waiting: Mapping[str, tuple[Article, list[Passage]]],
        total: Added,
        on_progress: Callable[[int], None] | None,
    ) -> Added:
        vectors = self._vectors(waiting.values())
        for given, passages in waiting.values():
            own, vectors = vectors[: len(passages)], vectors[len(passages) :]
            with self._database.transaction():
                self._check_meta()
                article = self._named(given, {})  # another process may have taken the name meanwhile
                was_there = self._database.article(article.id) is not None
                self._database.put(article, passages, own)
            total = Added(
                total.added + (not was_there),
                total.replaced + was_there,
                total.unchanged,
                total.passages + len(passages),
            )
            if on_progress:
                on_progress(1)
        return total

    def _vectors(self, articles: Iterable[tuple[Article, list[Passage]]]) -> Floats:
        texts = [indexed_text(article, passage) for article, passages in articles for passage in passages]
        return self.embedder.encode_passages(texts) if texts else np.empty((0, self.embedder.dimension), np.float32)

    def _named(self, article: Article, waiting: Mapping[str, tuple[Article, list[Passage]]]) -> Article:
        """The article under an id of its own: with a suffix when another source's article has taken the plain one."""
        suffixed = f"{article.id}-{hashlib.sha256(article.source.encode()).hexdigest()[:6]}"
        taken = {name: self._known(name, waiting) for name in (suffixed, article.id)}
        for name, known in taken.items():
            if known and known.source == article.source:
                return replace(article, id=name)
        return replace(article, id=suffixed) if taken[article.id] else article

    def _known(self, article_id: str, waiting: Mapping[str, tuple[Article, list[Passage]]]) -> Article | None:
        return waiting[article_id][0] if article_id in waiting else self._database.article(article_id)

    def _current(self, *, wait: float = 0) -> Searcher:
        """The indexes as the database is now, which another process may have rebuilt with another embedder."""
        if self._database.generation != self._indexes.generation:
            self._check_meta()
        return self._indexes.current(wait=wait)

    def _identity(self) -> dict[str, str]:
        return {
            "format_version": str(FORMAT_VERSION),
            "embedder": self.embedder.name,
            "embedder_sha256": self.embedder.fingerprint,
            "dimension": str(self.embedder.dimension),
            "splitter": f"sentences {PASSAGE_SIZE}/{PASSAGE_OVERLAP}",
        }

    def _check_meta(self, *, embedder: bool = True) -> None:
        meta, own = self._database.meta(), self._identity()
        if "format_version" not in meta:
            with self._database.transaction():
                meta = self._database.meta()  # another process may be making the same library
                if "format_version" not in meta:
                    self._database.set_meta(own)
                    return
        if meta["format_version"] != own["format_version"]:
            raise LibraryError(
                f"{self._database.name}: written in format {meta['format_version']}, this version reads format "
                f"{FORMAT_VERSION}; use the articleqa that wrote it, or add the articles to a new library"
            )
        if embedder and (meta["embedder_sha256"], meta["dimension"]) != (own["embedder_sha256"], own["dimension"]):
            raise LibraryError(
                f"{self._database.name}: built with the embedder {meta['embedder']}, not with {own['embedder']}; "
                f"open it with --embedder {meta['embedder']}, or run `articleqa rebuild` to embed it again"
            )

    def _rebuild(self) -> None:
        with self._database.transaction():
            for article in [self.article(info.id) for info in self.articles()]:
                passages = split(article)
                self._database.put(article, passages, self._vectors([(article, passages)]))
            self._database.set_meta(self._identity() | {"snapshot": "", "snapshot_sha256": ""})

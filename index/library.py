"""The library: a folder of articles that can be searched, changed and killed at any moment."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from platformdirs import user_data_path

from corpus import Article, LibraryError, Passage, split
from corpus.passages import PASSAGE_OVERLAP, PASSAGE_SIZE
from index import files
from index.arrays import Floats
from index.database import ArticleInfo
from index.embedder import Embedder, load_embedder
from index.files import SyncedFile
from index.indexes import Indexes
from index.inverted import DamagedIndexError
from index.local import LocalStore, open_store
from index.query import Understood, Within
from index.searcher import Hit, Searcher, indexed_text
from index.store import Store

FORMAT_VERSION = 1
_LOCK_SECONDS = 60
_WORD = re.compile(r"\w+(?:[.,]\d+)*")
_ASKING_WORDS = frozenset(
    "who whom whose what which when where why how is are was were be been do does did has have had can could will would"
    " should must may might shall i you we me my your our he she it they him her his its their them this that these"
    " those there a an the and or but not no of in on at to for by with from about as than if please tell name s t else"
    " other others another any some much many more most also big heavy high tall large wide deep"
    " far fast often during rather along besides apart got let worth".split()
)
_BATCH_PASSAGES = 64


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


def suffixed_id(article: Article) -> str:
    """The id that an article goes by where another source's article has its own."""
    return f"{article.id}-{hashlib.sha256(article.source.encode()).hexdigest()[:6]}"


class Library:
    """Articles, their passages and the indexes over them. Any number of readers, one writer at a time.

    A change is on disk when the method returns; SQLite holds the truth, and the indexes can always be made from it.
    """

    def __init__(self, store: Store, embedder: Embedder, *, rebuild: bool = False) -> None:
        """The library in an open store, which it closes. `rebuild` embeds every article again."""
        self.folder = store.folder
        self.embedder = embedder
        self._store = store
        self._database = store.database
        try:
            self._check_meta(embedder=not rebuild)
            if rebuild:
                self._rebuild()
            self._indexes = Indexes(self._database, store.vectors, store.snapshots)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, folder: Path | str, *, embedder: Embedder | None = None, rebuild: bool = False) -> Library:
        """Open the library in `folder`, which is made when it is missing; `embedder` defaults to the bundled one.

        In place of a folder, `milvus+http://host:19530/name` is one on a server, `milvus+file:///path/x.db` in a file.

        `rebuild` splits and embeds every article again, for a library that was built with another embedder. Raises
        `LibraryError` when the folder is not usable or the library was built with another embedder.
        """
        embedder = embedder or load_embedder()
        return cls(open_store(folder, embedder.dimension), embedder, rebuild=rebuild)

    @classmethod
    def in_memory(cls, embedder: Embedder | None = None) -> Library:
        """An empty library that lives as long as the object."""
        embedder = embedder or load_embedder()
        return cls(LocalStore(None, embedder.dimension), embedder)

    def close(self) -> None:
        """Release the files."""
        self._store.close()

    def __enter__(self) -> Self:
        """The library itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the files."""
        self.close()

    def __len__(self) -> int:
        """How many articles there are."""
        return self._database.count("articles")

    @property
    def passages(self) -> int:
        """How many passages there are."""
        return self._database.count("passages")

    @property
    def generation(self) -> int:
        """How many changes the library has seen; answers of one generation agree with each other."""
        return self._database.generation

    def articles(self, *, limit: int | None = None, offset: int = 0) -> list[ArticleInfo]:
        """All articles, the newest first; or `limit` of them after the first `offset`."""
        return self._database.articles(limit=limit, offset=offset)

    def article(self, article_id: str) -> Article:
        """The article of this id. Raises `LibraryError` when there is none."""
        found = self._database.article(article_id)
        if found is None:
            raise LibraryError(f"{article_id}: no article of this id; `articleqa list` shows them all")
        return found

    def complete_id(self, beginning: str) -> str:
        """The one id that starts with `beginning`. Raises `LibraryError` when none or several do."""
        ids = self._database.ids_from(beginning, 2)
        if beginning in ids:
            return beginning
        if len(ids) > 1:
            raise LibraryError(f"{beginning}: several articles have such an id ({ids[0]}, {ids[1]}); write more of it")
        return ids[0] if ids else self.article(beginning).id

    def check(self) -> None:
        """Check the store whole, every article's text against its hash, and the vectors. Raises `LibraryError`."""
        self._store.check()
        self._current().dense.verify()

    def add(self, articles: Iterable[Article], *, on_stored: Callable[[Article], None] | None = None) -> Added:
        """Add articles, each in a transaction of its own; one of the same id and source is replaced.

        `on_stored` is called with every article that is in the library now, under the id that it has there. Articles
        already added stay when a later one fails.
        """
        self._store.refresh(now=True)
        total = Added()
        waiting: dict[str, tuple[Article, list[Passage]]] = {}
        try:
            for article in articles:
                named = self._named(article, waiting)
                if self._known(named.id, waiting) == named:
                    total = replace(total, unchanged=total.unchanged + 1)
                    if on_stored:
                        on_stored(named)
                    continue
                if named.id in waiting or sum(len(cut) for _, cut in waiting.values()) >= _BATCH_PASSAGES:
                    total = self._put(waiting, total, on_stored)
                    waiting = {}
                waiting[named.id] = (named, split(named))
            return self._put(waiting, total, on_stored)
        finally:
            self._current(wait=_LOCK_SECONDS)

    def add_embedded(
        self,
        batches: Iterable[Sequence[tuple[Article, list[Passage], Floats]]],
        *,
        on_stored: Callable[[int], None] | None = None,
    ) -> Added:
        """Add articles with their passages and these vectors, which this library's embedder made, a batch at once.

        `on_stored` is called with the number of articles in each batch that is stored.
        """
        self._store.refresh(now=True)
        total = Added()
        try:
            for batch in batches:
                with self._database.transaction():
                    self._check_meta()
                    for article, passages, vectors in batch:
                        total = self._put_one(article, passages, vectors, total)[1]
                if on_stored:
                    on_stored(len(batch))
            return total
        finally:
            self._current(wait=_LOCK_SECONDS)

    def remove(self, article_id: str) -> Article:
        """Remove the article of this id; the article that was removed. Raises `LibraryError` when there is none."""
        self._store.refresh(now=True)
        article = self.article(article_id)
        with self._database.transaction():
            self._database.delete(article_id)
        self._current(wait=_LOCK_SECONDS)
        return article

    def understand(self, question: str) -> Understood:
        """What a question is searched for in this library: corrections, acronyms, phrases and dates."""
        return self._current().understand(self._database, question, today=datetime.now().astimezone().date())

    def unknown_words(self, question: str) -> tuple[str, ...]:
        """The words of a question, numbers too, that no article has in any form of them."""
        vocabulary = self._current().vocabulary
        words = dict.fromkeys(_WORD.findall(question))
        return tuple(word for word in words if word.lower() not in _ASKING_WORDS and word not in vocabulary)

    def remove_all(self, article_ids: Collection[str]) -> None:
        """Remove the articles of these ids at once; ids that no article has are passed over."""
        self._store.refresh(now=True)
        with self._database.transaction():
            for article_id in article_ids:
                self._database.delete(article_id)
        self._current(wait=_LOCK_SECONDS)

    def synced_files(self, folder: Path) -> dict[Path, SyncedFile]:
        """What `remember_files` was told last of the files in a folder, by path."""
        return files.synced_files(self._database, folder)

    def held_articles(self, *, without: Collection[Path]) -> set[str]:
        """The ids of the articles that remembered files hold, but for these files."""
        return files.held_articles(self._database, without=without)

    def remember_files(self, told: Mapping[Path, SyncedFile | None]) -> None:
        """Remember what files held, or with None forget them."""
        with self._database.transaction():
            for path, file in told.items():
                files.remember(self._database, path, file)

    def search(self, question: str, *, k: int = 10, within: Within | None = None, literal: bool = False) -> list[Hit]:
        """The `k` passages that fit the question best, best first; fewer when the library is smaller.

        `within` limits the search to some articles. `literal` takes the question as it is typed; else see `understand`.
        A passage that another article has too comes once.
        """
        asked = Understood(question, question) if literal else self.understand(question)
        vector = self.embedder.encode_question(asked.text)
        searcher = self._current()
        try:
            return searcher.search(self._database, asked, vector, k, within=within)
        except DamagedIndexError:
            return self._indexes.remade(searcher).search(self._database, asked, vector, k, within=within)

    def _put(
        self,
        waiting: Mapping[str, tuple[Article, list[Passage]]],
        total: Added,
        on_stored: Callable[[Article], None] | None,
    ) -> Added:
        vectors = self._vectors(waiting.values())
        for given, passages in waiting.values():
            own, vectors = vectors[: len(passages)], vectors[len(passages) :]
            with self._database.transaction():
                self._check_meta()
                article, total = self._put_one(given, passages, own, total)
            if on_stored:
                on_stored(article)
        return total

    def _put_one(self, given: Article, passages: list[Passage], vectors: Floats, total: Added) -> tuple[Article, Added]:
        """Store an article under an id of its own, unless it is there already. Needs a transaction."""
        article = self._named(given, {})  # another process may have taken the name meanwhile
        before = self._database.article(article.id)
        if before == article:
            return article, replace(total, unchanged=total.unchanged + 1)
        if article.id != given.id:
            passages = [replace(passage, article_id=article.id) for passage in passages]
        self._database.put(article, passages, vectors)
        added, replaced = total.added + (before is None), total.replaced + (before is not None)
        return article, Added(added, replaced, total.unchanged, total.passages + len(passages))

    def _vectors(self, articles: Collection[tuple[Article, list[Passage]]], *, again: bool = False) -> Floats:
        """The vectors of all passages; unless `again`, those that the same article had before are not made again."""
        known: dict[str, npt.NDArray[np.float32]] = {}
        for article, _ in () if again else articles:
            if before := self._database.article(article.id):
                stored, vectors = self._database.passages_of(article.id, self.embedder.dimension)
                known |= zip((indexed_text(before, passage) for passage in stored), vectors, strict=True)
        texts = [indexed_text(article, passage) for article, passages in articles for passage in passages]
        fresh = [text for text in dict.fromkeys(texts) if text not in known]
        if fresh:
            known |= zip(fresh, self.embedder.encode_passages(fresh), strict=True)
        return np.array([known[text] for text in texts], np.float32).reshape(len(texts), self.embedder.dimension)

    def _named(self, article: Article, waiting: Mapping[str, tuple[Article, list[Passage]]]) -> Article:
        """The article under an id of its own: with a suffix when another source's article has taken the plain one."""
        suffixed = suffixed_id(article)
        taken = {name: self._known(name, waiting) for name in (suffixed, article.id)}
        for name, known in taken.items():
            if known and known.source == article.source:
                return replace(article, id=name)
        return replace(article, id=suffixed) if taken[article.id] else article

    def _known(self, article_id: str, waiting: Mapping[str, tuple[Article, list[Passage]]]) -> Article | None:
        return waiting[article_id][0] if article_id in waiting else self._database.article(article_id)

    def _current(self, *, wait: float = 0) -> Searcher:
        """The indexes as the database is now, which another process may have rebuilt with another embedder."""
        self._store.refresh()
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
        if not own.keys() & meta.keys():
            with self._database.transaction():
                meta = self._database.meta()  # another process may be making the same library
                if not own.keys() & meta.keys():
                    self._database.set_meta(own)
                    return
        if missing := sorted((own.keys() if embedder else {"format_version"}) - meta.keys()):
            raise LibraryError(
                f"{self._database.name}: is damaged ({missing[0]} is not stated); add the articles to a new library"
            )
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
            self._store.vectors.discard(self._database)
            for article in [self.article(info.id) for info in self.articles()]:
                passages = split(article)
                self._database.put(article, passages, self._vectors([(article, passages)], again=True))
            self._database.set_meta(self._identity())

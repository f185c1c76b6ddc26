"""One way into the library for the command line, the page and HTTP: files, folders, web addresses, bytes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from corpus import Article, ArticleFileError, Loaded, find_files
from corpus.cell import Cell
from corpus.loading import articles_in, raw_of_stream
from corpus.net import fetch, is_url
from index import Added, Library

STANDARD_INPUT = "-"
MOST_LINKS = 200
"""How many pages of one feed or sitemap are fetched."""

Progress = Callable[[int, int], None]
"""Called with how many sources are done, and how many are known so far."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came in: counts, the ids and titles of the articles, and a line for everything that could not be read."""

    added: Added
    articles: tuple[tuple[str, str], ...]
    failures: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            "added": self.added.added,
            "replaced": self.added.replaced,
            "unchanged": self.added.unchanged,
            "articles": [{"id": article_id, "title": title} for article_id, title in self.articles],
            "failures": list(self.failures),
        }


def take_in(
    library: Library, sources: Iterable[str | os.PathLike[str]], *, on_progress: Progress | None = None
) -> Taken:
    """Add files, folders, web addresses and "-" (standard input) to a library; what fails does not hold up the rest.

    A feed's or sitemap's address brings the pages it links to, `MOST_LINKS` of them. Articles are stored as they come:
    what is in the library when this is interrupted stays, and adding it again costs no more than reading it.
    """
    with _Intake(on_progress) as intake:
        return intake.store(library, intake.read([os.fspath(source) for source in sources]))


def take_in_bytes(
    library: Library, data: bytes, *, name: str, content_type: str = "", source: str | None = None
) -> Taken:
    """Add what bytes hold, by the name of their file or their content type; the same name again replaces it."""
    with _Intake(None) as intake:
        given = intake.tried(
            lambda: intake.cell.load_bytes(data, source=source or name, name=name, content_type=content_type)
        )
        return intake.store(library, iter(given.articles))


@dataclass
class _Intake:
    """The reading of sources, one after the other, with what failed on the way."""

    on_progress: Progress | None
    cell: Cell = field(default_factory=Cell)
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cell.close()

    def store(self, library: Library, articles: Iterator[Article]) -> Taken:
        stored: list[tuple[str, str]] = []
        added = library.add(articles, on_stored=lambda article: stored.append((article.id, article.title)))
        return Taken(added, tuple(stored), tuple(self.failures))

    def read(self, sources: list[str]) -> Iterator[Article]:
        """The articles of all sources, each source read when its articles are asked for."""
        waiting: list[Callable[[], Loaded]] = []
        for source in sources:
            waiting += self._readers(source)
        done = 0
        while done < len(waiting):
            loaded = self.tried(waiting[done])
            waiting += [self._fetcher(link) for link in loaded.links]
            yield from loaded.articles
            done += 1
            if self.on_progress:
                self.on_progress(done, len(waiting))

    def tried(self, read: Callable[[], Loaded]) -> Loaded:
        """What is read, without what failed, which is noted."""
        try:
            loaded = read()
        except ArticleFileError as error:
            self.failures.append(str(error))
            return Loaded()
        self.failures += loaded.failures
        return loaded

    def _readers(self, source: str) -> list[Callable[[], Loaded]]:
        if source == STANDARD_INPUT:
            return [self._standard_input]
        if is_url(source):
            return [lambda: self._fetched(source, follow=True)]
        try:
            folder = Path(os.path.abspath(source))
            if not folder.is_dir():
                return [self._file(path, None) for path in find_files([source])]
            files, unreadable = articles_in(folder)
        except ArticleFileError as error:
            self.failures.append(str(error))
            return []
        self.failures += unreadable
        return [self._file(path, folder) for path in files]

    def _file(self, path: Path, inside: Path | None) -> Callable[[], Loaded]:
        def read() -> Loaded:
            loaded = self.cell.read_file(path, inside=inside)
            if loaded.links and not (loaded.articles or loaded.failures):
                raise ArticleFileError(
                    f"{path}: it links to {len(loaded.links)} pages and holds no article; add its web address instead"
                )
            return Loaded(loaded.articles, (), loaded.failures)

        return read

    def _standard_input(self) -> Loaded:
        raw = raw_of_stream(sys.stdin.buffer)
        return self.cell.load_bytes(raw.data, source=raw.source, name=raw.name)

    def _fetcher(self, link: str) -> Callable[[], Loaded]:
        return lambda: self._fetched(link, follow=False)

    def _fetched(self, url: str, *, follow: bool) -> Loaded:
        page = fetch(url)
        kind = page.content_type + (f"; charset={page.charset}" if page.charset else "")
        loaded = self.cell.load_bytes(page.body, source=page.url, content_type=kind)
        links = loaded.links if follow else ()
        if len(links) > MOST_LINKS:
            note = f"{url}: it links to {len(links)} pages, of which the first {MOST_LINKS} are taken; add the others"
            self.failures.append(note)
        return Loaded(loaded.articles, links[:MOST_LINKS], loaded.failures)

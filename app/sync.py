"""A library kept in step with a folder: `articleqa sync FOLDER`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.intake import Progress
from corpus import Article, ArticleFileError, Loaded
from corpus.cell import Cell
from corpus.loading import articles_in
from corpus.raw import read_raw
from index import Library
from index.files import SyncedFile
from index.library import suffixed_id

_AT_ONCE = 256


@dataclass(slots=True)
class Synced:
    """The files that were new, changed, as before, gone, or could not be read, a line each in `failures`.

    `passages` were stored anew; a passage that stood in the same article before was not embedded again.
    """

    new: list[Path] = field(default_factory=list)
    changed: list[Path] = field(default_factory=list)
    unchanged: int = 0
    gone: list[Path] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    passages: int = 0


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that is new or changed: what it was before, what it is now, and what it holds."""

    path: Path
    before: SyncedFile | None
    now: SyncedFile
    loaded: Loaded


def sync(library: Library, folder: Path, *, dry_run: bool = False, on_progress: Progress | None = None) -> Synced:
    """Bring a library in step with the article files in a folder, or with `dry_run` only say what that would change.

    A file of the same size and time as before, or else of the same bytes, is unchanged. A changed one has its articles
    replaced, and of these only the passages that changed are embedded. The articles of a file that is gone are removed,
    those of one that cannot be read stay. Nothing that came from elsewhere is touched. Stopped or killed, the next run
    takes up where this one was. Raises `ArticleFileError` when the folder is missing or holds no article files at all,
    which is more likely a slip than a wish to remove everything.
    """
    folder = Path(os.path.abspath(folder))
    if not folder.is_dir():
        raise ArticleFileError(f"{folder}: there is no such folder; check the spelling")
    before = library.synced_files(folder)
    present, unlisted = articles_in(folder)
    # what cannot be listed may still be there
    gone = () if unlisted else sorted(before.keys() - set(present))
    done = Synced(gone=list(gone), failures=unlisted)
    waiting: list[_Read] = []
    with Cell() as cell:
        for number, path in enumerate(present, start=1):
            found = _examined(library, cell, folder, path, before.get(path), done, dry_run=dry_run)
            waiting += [found] if found else []
            if len(waiting) == _AT_ONCE or number == len(present):
                _store(library, waiting, done)
                waiting = []
            if on_progress:
                on_progress(number, len(present))
    if done.gone and not dry_run:
        _remove(library, {one for path in done.gone for one in before[path].articles}, done.gone)
        library.remember_files(dict.fromkeys(done.gone))
    return done


def _examined(
    library: Library, cell: Cell, folder: Path, path: Path, before: SyncedFile | None, done: Synced, *, dry_run: bool
) -> _Read | None:
    """The file, read, if it is to be stored; what else is found of it is noted in `done`."""
    try:
        about = path.stat()
        if before and (about.st_size, about.st_mtime_ns) == (before.size, before.modified):
            done.unchanged += 1
            return None
        digest = hashlib.sha256(read_raw(path, inside=folder).data).hexdigest()
        now = SyncedFile(about.st_size, about.st_mtime_ns, digest, before.articles if before else ())
        if before and digest == before.sha256:
            done.unchanged += 1
            if not dry_run:
                library.remember_files({path: now})
            return None
        loaded = Loaded() if dry_run else cell.read_file(path, inside=folder)
    except ArticleFileError as error:
        done.failures.append(str(error))
        return None
    except OSError as error:
        done.failures.append(f"{path}: cannot be read ({error.strerror}); check its permissions")
        return None
    (done.changed if before else done.new).append(path)
    done.failures += loaded.failures
    return None if dry_run else _Read(path, before, now, loaded)


def _store(library: Library, read: Collection[_Read], done: Synced) -> None:
    """Store what the files hold, then remember it, then remove what they held before and do not hold now."""
    stored: set[tuple[str, str]] = set()
    articles = [article for one in read for article in one.loaded.articles]
    if articles:
        added = library.add(articles, on_stored=lambda article: stored.add((article.source, article.id)))
        done.passages += added.passages
    for one in read:
        ids = [_stored_id(article, stored) for article in one.loaded.articles]
        left = set(one.before.articles) - set(ids) if one.before else set()
        if left and one.loaded.failures:  # of a broken part the article from before stays
            ids += sorted(left)
        elif left:
            _remove(library, left, [one.path])
        now = replace(one.now, articles=tuple(dict.fromkeys(ids)))
        if one.loaded.failures:  # to be read, and told of, the next time as well
            now = replace(now, modified=0, sha256="")
        library.remember_files({one.path: now})


def _stored_id(article: Article, stored: Collection[tuple[str, str]]) -> str:
    suffixed = suffixed_id(article)
    return suffixed if (article.source, suffixed) in stored else article.id


def _remove(library: Library, article_ids: Collection[str], paths: Collection[Path]) -> None:
    """Remove articles that these files held, but for those that other files hold, too."""
    if unheld := set(article_ids) - library.held_articles(without=paths):
        library.remove_all(unheld)

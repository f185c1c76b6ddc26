"""What there is to embed, cut into units that are embedded, stored and taken up again each by itself."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from corpus import Article, ArticleFileError
from corpus.cell import Cell
from corpus.loading import articles_in, parse_lines
from corpus.raw import Raw

_BYTES = 1 << 20
_FILES = 64


@dataclass(frozen=True, slots=True)
class Unit:
    """Some files of a folder, or the bytes from `start` to `end` of a JSONL file, of which the first is line `line`.

    `state` tells the files as they are now from what they were: of each its size and its time of change.
    """

    root: str
    files: tuple[str, ...]
    state: tuple[tuple[int, int], ...]
    start: int = 0
    end: int = 0
    line: int = 1

    @property
    def digest(self) -> str:
        """Another one for every unit, and for the same one when its files change."""
        return hashlib.sha256(self.dumps().encode()).hexdigest()

    def dumps(self) -> str:
        """The unit as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Unit:
        """The unit that `dumps` gave."""
        told = json.loads(text)
        state = tuple((size, modified) for size, modified in told.pop("state"))
        return cls(**{**told, "files": tuple(told["files"]), "state": state})

    def read(self, cell: Cell) -> tuple[list[Article], list[str]]:
        """The articles of the unit, and a line for each file that cannot be read."""
        articles: list[Article] = []
        failures: list[str] = []
        for name in self.files:
            try:
                if self.end:
                    articles += self._lines(Path(name))
                else:
                    loaded = cell.read_file(Path(name), inside=Path(self.root))
                    articles += loaded.articles
                    failures += loaded.failures
            except ArticleFileError as error:
                failures.append(str(error))
        return articles, failures

    def _lines(self, path: Path) -> tuple[Article, ...]:
        try:
            with path.open("rb") as file:
                file.seek(self.start)
                data = file.read(self.end - self.start)
        except OSError as error:
            raise ArticleFileError(f"{path}: cannot be read ({error.strerror}); check the file") from error
        return parse_lines(Raw(data, path.name, str(path), ""), first=self.line)


def units_of(source: Path) -> tuple[list[Unit], list[str]]:
    """The units of a folder or a JSONL file, and a line for each folder that cannot be listed.

    Raises `ArticleFileError` when there is nothing to embed.
    """
    source = Path(os.path.abspath(source))
    if source.is_dir():
        files, failures = articles_in(source)
        return list(_groups(source, files)), failures
    if source.is_file() and source.suffix == ".jsonl":
        return list(_ranges(source)), []
    raise ArticleFileError(f"{source}: neither a folder nor a .jsonl file of articles; name one of these")


def _groups(root: Path, files: list[Path]) -> Iterator[Unit]:
    """Files in groups that stay the same, most of them, when files come and go: a name's hash says where one ends."""
    group: list[Path] = []
    for path in files:
        group.append(path)
        if hashlib.sha256(os.fsencode(path)).digest()[0] < 256 // (_FILES // 2) or len(group) == _FILES:
            yield _unit(root, group)
            group = []
    if group:
        yield _unit(root, group)


def _ranges(path: Path) -> Iterator[Unit]:
    """A JSONL file in pieces of whole lines."""
    start, end, line, seen = 0, 0, 1, 1
    with path.open("rb") as file:
        for text in file:
            end += len(text)
            seen += 1
            if end - start >= _BYTES:
                yield _unit(path.parent, [path], start=start, end=end, line=line)
                start, line = end, seen
    if end > start:
        yield _unit(path.parent, [path], start=start, end=end, line=line)


def _unit(root: Path, files: list[Path], *, start: int = 0, end: int = 0, line: int = 1) -> Unit:
    state = []
    for path in files:
        found = path.stat()
        state.append((found.st_size, found.st_mtime_ns))
    return Unit(str(root), tuple(map(str, files)), tuple(state), start, end, line)

"""Plain text and Markdown files as articles."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any

import yaml

from corpus.articles import Anchor, Article, slug
from corpus.dates import date_in_name, first_line_title, header, parse_date
from corpus.errors import ArticleFileError

MAX_BYTES = 64 * 2**20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?\r?\n)?---[ \t]*(?:\r?\n|$)", re.DOTALL)
_HEADING = re.compile(r"^#{1,6}[ \t]+(\S.*)$", re.MULTILINE)


def read_text(path: Path) -> str:
    """The text of a file: by its byte order mark, as UTF-8, or else as Windows-1252; line ends are kept.

    Raises `ArticleFileError` when the file is missing, unreadable, empty, over 64 MiB or not text.
    """
    return decode(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises `ArticleFileError` when it is missing, unreadable or over 64 MiB."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ArticleFileError(f"{path}: larger than {MAX_BYTES // 2**20} MiB; split it into several")
        return path.read_bytes()
    except OSError as error:
        raise ArticleFileError(
            f"{path}: cannot be read ({error.strerror}); check the path and its permissions"
        ) from error


def decode(data: bytes, path: Path, *, declared: str | None = None) -> str:
    """The text of `path`'s bytes: by byte order mark, as UTF-8, as the file declares, or else as Windows-1252.

    Raises `ArticleFileError` when they are empty or not text.
    """
    text = _decoded(data, path, declared)
    if not text.strip():
        raise ArticleFileError(f"{path}: the file is empty; there is nothing to ask about")
    return text


def load_txt(path: Path) -> list[Article]:
    """One article from a text file; a first line `date 2023-10-19 The title` gives its date and title."""
    text = read_text(path)
    stated, title = header(text)
    return [
        Article(
            id=slug(path.stem),
            title=title or (None if stated else first_line_title(text)) or path.stem,
            text=text,
            source=str(path),
            published=stated or date_in_name(path.name),
        )
    ]


def load_markdown(path: Path) -> list[Article]:
    """One article from a Markdown file, its headings as anchors; YAML front matter states title, date, author."""
    whole = read_text(path)
    front = _FRONT_MATTER.match(whole)
    facts = _front_matter(front[1] or "", path) if front else {}
    text = whole[front.end() :] if front else whole
    if not text.strip():
        raise ArticleFileError(f"{path}: there is nothing after the front matter; there is nothing to ask about")
    stated, title = header(text)
    anchors = tuple(Anchor(found.start(), _label(found[1])) for found in _HEADING.finditer(text))
    return [
        Article(
            id=slug(path.stem),
            title=str(facts.get("title") or title or (anchors[0].label if anchors else path.stem)),
            text=text,
            source=str(facts.get("source") or facts.get("url") or path),
            published=parse_date(facts.get("date")) or stated or date_in_name(path.name),
            author=_names(facts.get("author")),
            language=str(facts["language"]) if facts.get("language") else None,
            anchors=anchors,
        )
    ]


def _decoded(data: bytes, path: Path, declared: str | None) -> str:
    encodings = [name for mark, name in _BOMS if data.startswith(mark)][:1] or ["utf-8", declared or "cp1252", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except (UnicodeError, LookupError):
            continue
        if not _CONTROL.search(text):
            return text
    raise ArticleFileError(f"{path}: this is not a text file; convert it to text, Markdown or HTML first")


def _label(heading: str) -> str:
    """A heading's words without the closing #s that Markdown allows after a space."""
    words = heading.rstrip()
    opened = words.rstrip("#")
    return opened.rstrip() if opened[-1:].isspace() else words


def _names(author: object) -> str | None:
    names = author if isinstance(author, list) else [author] if author else []
    return ", ".join(str(name) for name in names) or None


def _front_matter(block: str, path: Path) -> dict[str, Any]:
    try:
        facts = yaml.safe_load(block) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = str(error).splitlines()[0]
        raise ArticleFileError(
            f"{path}: the front matter is not valid YAML ({problem}); mend the block between the --- lines"
        ) from error
    if not isinstance(facts, dict):
        raise ArticleFileError(
            f"{path}: the front matter is not a list of `key: value` lines; mend the block between the --- lines"
        )
    return facts

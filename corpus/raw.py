"""Bytes to be read as articles, what is known about them, and what comes out."""

from __future__ import annotations

import codecs
import os
import re
import stat
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from corpus.articles import Article
from corpus.dates import date_in_name
from corpus.errors import ArticleFileError
from corpus.folders import opened

MAX_BYTES = 64 * 2**20
_GUESS_BYTES = 2**16
_LIKELIER = 0.02
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_ENDING = re.compile(r"\.\w{1,8}")
_LATIN = "cp1252 cp1250 iso8859_2 cp1254 cp850 mac_roman".split()
_OTHER = (
    "cp1251 koi8_r koi8_u iso8859_5 cp866 cp1253 iso8859_7 cp1255 iso8859_8 cp1256 "
    "cp932 euc_jp iso2022_jp gb18030 big5 cp949"
).split()
_UNTELLING = {"index", "default", "home", "article", "story", "amp", "main"}


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes to be read as articles.

    `name` is a file's name; its stem stands in where no title, date or id is stated. `source` says where the bytes
    are from: a path or a web address. `content_type` is what a server said about them.
    """

    data: bytes
    name: str
    source: str
    content_type: str = ""

    @property
    def stem(self) -> str:
        """The name without its ending."""
        path = PurePosixPath(self.name)
        return path.stem if _ENDING.fullmatch(path.suffix) else self.name

    @property
    def charset(self) -> str | None:
        """The encoding that the server stated, or None."""
        found = _CHARSET.search(self.content_type)
        return found[1] if found else None

    @property
    def is_web(self) -> bool:
        """Whether the source is a web address."""
        return is_address(self.source)

    @property
    def dated(self) -> date | None:
        """The date in the name or the web address, or None."""
        return date_in_name(self.name) or (date_in_name(self.source) if self.is_web else None)

    def refused(self, problem: str) -> ArticleFileError:
        """The error that these bytes are not what they should be; `problem` ends with the remedy."""
        return ArticleFileError(f"{self.source}: {problem}")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file holds: its articles, the web addresses it only links to, and what could not be read, a line each."""

    articles: tuple[Article, ...] = ()
    links: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


def joined(parts: Iterable[Loaded]) -> Loaded:
    """All of the parts as one, links once each."""
    parts = list(parts)
    return Loaded(
        tuple(article for part in parts for article in part.articles),
        tuple(dict.fromkeys(link for part in parts for link in part.links)),
        tuple(failure for part in parts for failure in part.failures),
    )


def read_raw(path: Path, *, inside: Path | None = None) -> Raw:
    """The bytes of a file; with the folder it was found in, no links are followed on the way from there.

    Raises `ArticleFileError` when it is missing, unreadable, over 64 MiB or no regular file.
    """
    try:
        with os.fdopen(opened(path, inside=inside), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise ArticleFileError(f"{path}: not a regular file; name a file or a folder of articles")
            if about.st_size > MAX_BYTES:
                raise ArticleFileError(f"{path}: larger than {MAX_BYTES // 2**20} MiB; split it into several")
            return Raw(file.read(MAX_BYTES + 1), path.name, str(path))
    except OSError as error:
        raise ArticleFileError(
            f"{path}: cannot be read ({error.strerror}); check the path and its permissions"
        ) from error


def is_address(source: str) -> bool:
    """Whether `source` is an absolute web address (http or https)."""
    try:
        parts = urlsplit(source)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def name_in_address(address: str) -> str:
    """A file name for a web address: the last part of its path that tells something, or else the host.

    >>> name_in_address("https://example.org/2023/10/bridge-opens/index.html?x=1")
    'bridge-opens'
    """
    parts = urlsplit(address)
    for part in reversed(PurePosixPath(unquote(parts.path)).parts):
        stem = PurePosixPath(part).stem.lower()
        if sum(c.isalpha() for c in stem) > 2 and stem not in _UNTELLING:
            return part
    return (parts.hostname or "page").replace(".", "-")


def decode(raw: Raw, *, declared: str | None = None) -> str:
    """The text of the bytes: by byte order mark, as UTF-8, as declared, as it looks, or else as Windows-1252.

    Raises `ArticleFileError` when they are empty or not text.
    """
    text = _decoded(raw, declared)
    if not text.strip():
        raise raw.refused("the file is empty; there is nothing to ask about")
    return text


def _decoded(raw: Raw, declared: str | None) -> str:
    marked = [name for mark, name in _BOMS if raw.data.startswith(mark)][:1]
    encodings: list[str | None] = [*marked] or ["utf-8", raw.charset, declared, None, "cp1252"]
    for encoding in encodings:
        try:
            text = raw.data.decode(encoding or _looks_like(raw.data))
        except (UnicodeError, LookupError):
            continue
        if not _CONTROL.search(text):
            return text
    raise raw.refused("this is not a text file; convert it to text, Markdown or HTML first")


def _looks_like(data: bytes) -> str:
    """The encoding that bytes without any label look like."""
    from charset_normalizer import from_bytes

    sample = data[:_GUESS_BYTES]
    for encoding, zeros in (("utf-16-le", sample[1::2].count(0)), ("utf-16-be", sample[::2].count(0))):
        if zeros > len(sample) // 50 and sample.count(0) < zeros * 1.05:
            text = sample.decode(encoding)
            if all(c.isspace() or unicodedata.category(c)[0] != "C" for c in text):
                return encoding
    if len(data) > len(sample):  # not amid a character
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    matches = list(from_bytes(sample, cp_isolation=_OTHER)) or list(from_bytes(sample))
    # what reads as half-width kana is Cyrillic in truth
    best = next((match for match in matches if not _mostly(str(match), "\uff61", "\uff9f")), None)
    if best and not _mostly(str(best), "\x00", "\u024f"):
        return best.encoding
    western = from_bytes(sample, cp_isolation=_LATIN)
    usual = [match.chaos for match in western if "cp1252" in match.could_be_from_charset]
    likeliest = western.best()
    return likeliest.encoding if likeliest and (not usual or likeliest.chaos + _LIKELIER < usual[0]) else "cp1252"


def _mostly(text: str, first: str, last: str) -> bool:
    """Whether most letters of the text lie between these two."""
    letters = [c for c in text if c.isalpha()]
    return 2 * sum(first <= c <= last for c in letters) > len(letters)

"""Files, folders and bytes in, articles out.

To add a format, write a function from `Raw` to `Loaded` and give it a line in `LOADERS`, and one in `_TYPES` if servers
have a name for it. Loaders are pure: bytes in, articles out, nothing read or written on the way.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO

from corpus.archive import gunzip, members
from corpus.articles import Article
from corpus.docx import load_docx
from corpus.errors import ArticleFileError
from corpus.feeds import load_feed
from corpus.folders import files_in
from corpus.html import load_html
from corpus.jsonl import load_jsonl
from corpus.markdown import load_markdown
from corpus.pdf import load_pdf
from corpus.raw import MAX_BYTES, Loaded, Raw, is_address, joined, name_in_address, read_raw
from corpus.text import load_txt
from corpus.warc import web_pages

SAMPLES = Path(__file__).parent / "samples"
_PACKED = {".zip", ".warc", ".gz"}
_TYPES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/rss+xml": ".xml",
    "application/atom+xml": ".xml",
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "application/zip": ".zip",
    "application/warc": ".warc",
}
_FEED = re.compile(rb"<(?:\w+:)?(?:rss|feed|rdf|urlset|sitemapindex)\b", re.IGNORECASE)
_MARKDOWN = re.compile(rb"---[ \t]*\r?\n|(?:^|.*\n)#{1,6} \S", re.DOTALL)
_SNIFFED = 4096


def load(source: str | os.PathLike[str]) -> list[Article]:
    """The articles of one file (some formats hold many), or of every file of a known format in a folder.

    Raises `ArticleFileError` when there is nothing to read or any of it cannot be read.
    """
    return [article for path in find_files([source]) for article in load_file(path)]


def load_file(path: Path) -> list[Article]:
    """The articles of one file, by the ending of its name. Raises `ArticleFileError` when any cannot be read."""
    loaded = read_file(path)
    if loaded.failures:
        raise ArticleFileError(loaded.failures[0])
    if not loaded.articles:
        raise ArticleFileError(f"{path}: it links to {len(loaded.links)} pages and holds no article; add the pages")
    return list(loaded.articles)


def read_file(path: Path) -> Loaded:
    """What one file holds, by the ending of its name. Raises `ArticleFileError` when nothing of it can be read."""
    return parse(raw_file(path))


def raw_file(path: Path, *, inside: Path | None = None) -> Raw:
    """The bytes of one file of a known format, see `read_raw`. Raises `ArticleFileError` when they cannot be read."""
    if _ending(path.name) is None:
        raise ArticleFileError(
            f"{path}: articles of this kind cannot be read; the endings known are {' '.join(LOADERS)}"
        )
    return read_raw(path, inside=inside)


def load_bytes(data: bytes, *, source: str, name: str | None = None, content_type: str = "") -> Loaded:
    """What bytes from anywhere hold: by `content_type` as a server states it, else by `name`, else by how they begin.

    `source` is a path or a web address; it gives the name when there is none. Raises `ArticleFileError` when nothing
    can be read.
    """
    return parse(raw_of_bytes(data, source=source, name=name, content_type=content_type))


def raw_of_bytes(data: bytes, *, source: str, name: str | None = None, content_type: str = "") -> Raw:
    """Bytes with what is known about them. Raises `ArticleFileError` when there are too many."""
    named = name or (name_in_address(source) if is_address(source) else PurePath(source).name)
    raw = Raw(data, named, source, content_type)
    if len(data) > MAX_BYTES:
        raise raw.refused(f"larger than {MAX_BYTES // 2**20} MiB; split it into several")
    return raw


def load_stream(stream: BinaryIO) -> Loaded:
    """What comes in through a stream such as standard input; the same bytes get the same id and source."""
    return parse(raw_of_stream(stream))


def raw_of_stream(stream: BinaryIO) -> Raw:
    """The bytes of a stream, under a name made of them. Raises `ArticleFileError` when there are too many."""
    data = stream.read(MAX_BYTES + 1)
    digest = hashlib.sha256(data).hexdigest()[:8]
    return raw_of_bytes(data, source=f"stdin:{digest}", name=f"stdin-{digest}")


def find_files(sources: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The absolute paths of the files that `sources` name, folders searched in depth, each once, in a stable order.

    In folders, only regular files of a known format count; hidden files and symbolic links are passed over. Raises
    `ArticleFileError` when there are none, or a folder cannot be listed.
    """
    found: dict[Path, None] = {}
    for source in sources:
        path = Path(os.path.abspath(source))
        if not _exists(path):
            raise ArticleFileError(f"{path}: there is no such file or folder; check the spelling")
        if path.is_dir():
            files, unreadable = articles_in(path)
            if unreadable:
                raise ArticleFileError(unreadable[0])
            found.update(dict.fromkeys(files))
        elif path.is_file():
            found[path] = None
        else:
            raise ArticleFileError(f"{path}: not a regular file; name a file or a folder of articles")
    return list(found)


def articles_in(folder: Path) -> tuple[list[Path], list[str]]:
    """The files of a known format in a folder, and a line for every folder in it that cannot be listed.

    Raises `ArticleFileError` when there is neither.
    """
    files, unreadable = files_in(folder, lambda name: _ending(name) is not None)
    if not files and not unreadable:
        raise ArticleFileError(f"{folder}: no articles in this folder; the endings known are {' '.join(LOADERS)}")
    return files, unreadable


def samples() -> list[Article]:
    """The bundled sample articles, with a source that is the same on every machine."""
    return [
        replace(article, source=f"sample:{path.name}") if article.source == str(path) else article
        for path in find_files([SAMPLES])
        for article in load_file(path)
    ]


def parse(raw: Raw) -> Loaded:
    """What bytes hold. Raises `ArticleFileError` when nothing of it can be read."""
    loaded = LOADERS[_kind(raw)](raw)
    return replace(loaded, articles=tuple(_valid(article) for article in loaded.articles))


def parse_lines(raw: Raw, *, first: int) -> tuple[Article, ...]:
    """The articles of a piece of a JSONL file whose first line has this number. Raises `ArticleFileError`."""
    return tuple(_valid(article) for article in load_jsonl(raw, first=first).articles)


def _load_zip(raw: Raw) -> Loaded:
    return _load_members(raw, members(raw, lambda name: _ending(name) is not None))


def _load_warc(raw: Raw) -> Loaded:
    return _load_members(raw, web_pages(raw))


def _load_gz(raw: Raw) -> Loaded:
    inner = gunzip(raw)
    if _kind(inner) in {".zip", ".gz"}:
        raise raw.refused("an archive inside an archive; unpack it first")
    return parse(inner)


def _load_members(raw: Raw, inner: Iterable[Raw | ArticleFileError]) -> Loaded:
    """All that the members of an archive hold; those that cannot be read are failures, unless all are."""
    parts = []
    for member in inner:
        try:
            if isinstance(member, ArticleFileError):
                raise member
            if _kind(member) in _PACKED:
                raise member.refused("an archive inside an archive; unpack it first")
            parts.append(parse(member))
        except ArticleFileError as error:
            parts.append(Loaded(failures=(str(error),)))
    loaded = joined(parts)
    if not parts:
        raise raw.refused(f"no articles in this archive; the endings known are {' '.join(LOADERS)}")
    if not loaded.articles and not loaded.links:
        raise ArticleFileError(loaded.failures[0])
    return loaded


LOADERS: dict[str, Callable[[Raw], Loaded]] = {
    ".txt": load_txt,
    ".text": load_txt,
    ".md": load_markdown,
    ".markdown": load_markdown,
    ".html": load_html,
    ".htm": load_html,
    ".xhtml": load_html,
    ".pdf": load_pdf,
    ".docx": load_docx,
    ".jsonl": load_jsonl,
    ".xml": load_feed,
    ".rss": load_feed,
    ".atom": load_feed,
    ".warc": _load_warc,
    ".zip": _load_zip,
    ".gz": _load_gz,
}


def _ending(name: str) -> str | None:
    """The ending of a name that says how to read it; None when it says nothing. One packed by gzip shows both."""
    path = PurePosixPath(name.lower())
    if path.suffix == ".gz" and path.with_suffix("").suffix not in LOADERS.keys() - {".zip", ".gz"}:
        return None
    return path.suffix if path.suffix in LOADERS else None


def _kind(raw: Raw) -> str:
    """The key in `LOADERS` that fits: by the stated type, the name, or how the bytes begin."""
    stated = _TYPES.get(raw.content_type.partition(";")[0].strip().lower())
    return stated or _ending(raw.name) or _sniffed(raw.data)


def _sniffed(data: bytes) -> str:
    head = data[:_SNIFFED].removeprefix(b"\xef\xbb\xbf").lstrip()
    if b"%PDF-" in head[:1024]:
        return ".pdf"
    if head.startswith(b"PK\x03\x04"):
        return ".docx" if b"word/document.xml" in data else ".zip"
    if head.startswith(b"\x1f\x8b"):
        return ".gz"
    if head.startswith(b"WARC/"):
        return ".warc"
    if head.startswith(b"<"):
        return ".xml" if _FEED.search(head) else ".html"
    if head.startswith(b"{"):
        return ".jsonl"
    return ".md" if _MARKDOWN.match(head) else ".txt"


def _valid(article: Article) -> Article:
    """The article with what cannot be written as UTF-8 (lone surrogates, from JSON or file names) replaced by `?`."""
    texts = {name: getattr(article, name) for name in ("title", "text", "source", "author", "language")}
    mended = {name: text.encode("utf-8", "replace").decode() for name, text in texts.items() if text}
    return replace(article, **mended)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or holds a NUL
        return False

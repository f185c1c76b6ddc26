"""Packed files: the members of zip archives, and what gzip has packed. Nothing is ever written to disk."""

from __future__ import annotations

import gzip
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from corpus.errors import ArticleFileError
from corpus.raw import MAX_BYTES, Raw

MAX_MEMBERS = 10_000
MAX_UNPACKED = 256 * 2**20
MAX_RATIO = 200
_SMALL = 2**20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # zipfile unpacks no other kind a piece at a time
_ABSOLUTE = re.compile(r"/|[A-Za-z]:")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, IndexError)


def members(raw: Raw, wanted: Callable[[str], bool]) -> Iterator[Raw | ArticleFileError]:
    """The wanted members of a zip archive, or why one cannot be read; hidden files and links are passed over.

    Raises `ArticleFileError` when the archive is broken, a name leads out of it, or it unpacks to too much: over
    10,000 members, 256 MiB, or 200 times its own size.
    """
    for name, unpacked in unpack(raw, lambda name: wanted(name) and not _is_hidden(name)):
        member = Raw(b"", PurePosixPath(name).name, f"{raw.source}/{name}")
        if isinstance(unpacked, bytes):
            yield Raw(unpacked, member.name, member.source)
        else:
            yield member.refused(f"cannot be unpacked ({unpacked}); pack it again")


def unpack(raw: Raw, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | str]]:
    """The names and bytes of the wanted members, or in place of the bytes why one cannot be unpacked.

    Raises as `members` does, as soon as the whole is too large, whatever the archive says of its sizes.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw.data))
        infos = archive.infolist()
    except _BROKEN as error:
        raise raw.refused(f"broken or no zip file ({_reason(error)}); fetch or pack it again") from error
    _check_names(raw, [info.filename for info in infos])
    left = limit = _limit(raw)
    for info in infos:
        if info.filename.endswith("/") or stat.S_ISLNK(info.external_attr >> 16) or not wanted(info.filename):
            continue
        if info.compress_type not in _METHODS:
            yield info.filename, "packed by another method than deflate"
            continue
        try:
            with archive.open(info) as opened:
                data = opened.read(min(left, MAX_BYTES) + 1)
        except _BROKEN as error:
            yield info.filename, _reason(error)
            continue
        if len(data) > min(left, MAX_BYTES):
            raise _too_large(raw, limit)
        left -= len(data)
        yield info.filename, data


def gunzip(raw: Raw) -> Raw:
    """What a gzip file holds, under its name without `.gz`. Raises `ArticleFileError` when broken or too large."""
    limit = _limit(raw)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw.data)) as opened:
            data = opened.read(limit + 1)
    except _BROKEN as error:
        raise raw.refused(f"broken or no gzip file ({_reason(error)}); fetch or pack it again") from error
    if len(data) > limit:
        raise _too_large(raw, limit)
    return Raw(data, re.sub(r"\.gz$", "", raw.name, flags=re.IGNORECASE), raw.source)


def _check_names(raw: Raw, names: list[str]) -> None:
    if len(names) > MAX_MEMBERS:
        raise raw.refused(f"{len(names):,} files in one archive, more than {MAX_MEMBERS:,}; split it into several")
    for name in names:
        plain = name.replace("\\", "/")
        if _ABSOLUTE.match(plain) or ".." in PurePosixPath(plain).parts:
            raise raw.refused(f"the name {name!r} leads out of the archive; do not trust this file")


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _limit(raw: Raw) -> int:
    return min(MAX_UNPACKED, max(MAX_RATIO * len(raw.data), _SMALL))


def _too_large(raw: Raw, limit: int) -> ArticleFileError:
    most = min(limit, MAX_BYTES) // 2**20
    return raw.refused(f"unpacks to more than {most} MiB; unpack it yourself and add the files you want")


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__

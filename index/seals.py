"""Hashes over what a library stores, so that a byte that flips on the disk is noticed before it is quoted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

Row = Sequence[str | None]


def article_seal(columns: Row) -> str:
    """The hash of an article's columns as they are stored, in hexadecimal."""
    digest = hashlib.sha256()
    for value in columns:
        encoded = b"" if value is None else value.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % (-1 if value is None else len(encoded)) + encoded)
    return digest.hexdigest()


def passages_seal(rows: Iterable[tuple[int, int, bytes]]) -> str:
    """The hash of an article's passages, each as (start, end, vector), in the order of their rows."""
    digest = hashlib.sha256()
    for start, end, vector in rows:
        digest.update(b"%d:%d:" % (start, end) + vector)
    return digest.hexdigest()

"""Hashes over what a library stores, so that a byte that flips on the disk is noticed before it is quoted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence


def article_seal(columns: Sequence[object]) -> str:
    """The hash of an article's columns as they are stored, in hexadecimal."""
    digest = hashlib.sha256()
    for value in columns:
        if isinstance(value, str):
            encoded = value.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(encoded) + encoded)
        else:  # NULL, and in a damaged file anything
            digest.update(b"-1:" + (b"" if value is None else repr(value).encode()))
    return digest.hexdigest()


def passages_seal(rows: Iterable[tuple[object, object, object]]) -> str:
    """The hash of an article's passages, each as (start, end, vector), in the order of their rows."""
    digest = hashlib.sha256()
    for start, end, vector in rows:
        if isinstance(start, int) and isinstance(end, int) and isinstance(vector, bytes):
            digest.update(b"%d:%d:" % (start, end) + vector)
        else:  # in a damaged file anything
            digest.update(repr((start, end, vector)).encode())
    return digest.hexdigest()

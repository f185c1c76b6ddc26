"""What the parser cell and its child say to each other: frames of JSON and bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, TypeVar

from corpus.articles import Anchor, Article
from corpus.errors import ArticleFileError
from corpus.raw import Loaded

HEADER = struct.Struct("!QQ")
"""What every frame begins with: the lengths of its JSON and of the bytes that follow it."""

T = TypeVar("T")


def frame(told: Mapping[str, Any], data: bytes = b"") -> bytes:
    """A frame of a JSON object and bytes."""
    text = json.dumps(told).encode()
    return HEADER.pack(len(text), len(data)) + text + data


def told_of(loaded: Loaded) -> dict[str, Any]:
    """What a file holds, as JSON."""
    articles = [asdict(one) | {"published": one.published and one.published.isoformat()} for one in loaded.articles]
    return {"articles": articles, "links": loaded.links, "failures": loaded.failures}


def loaded_from(told: object) -> Loaded:
    """What `told_of` made, checked value by value.

    Raises `ArticleFileError` with the message when it is `{"error": message}`, and `TypeError` or `ValueError` when it
    is neither.
    """
    reply = _a(told, dict)
    if "error" in reply:
        raise ArticleFileError(_a(reply["error"], str))
    return Loaded(
        tuple(_article(_a(one, dict)) for one in _a(reply.get("articles"), list)),
        tuple(_a(one, str) for one in _a(reply.get("links"), list)),
        tuple(_a(one, str) for one in _a(reply.get("failures"), list)),
    )


def _article(told: dict[str, Any]) -> Article:
    text = _a(told.get("text"), str)
    anchors = [_a(one, dict) for one in _a(told.get("anchors"), list)]
    return Article(
        id=_a(told.get("id"), str),
        title=_a(told.get("title"), str),
        text=text,
        source=_a(told.get("source"), str),
        published=None if told.get("published") is None else date.fromisoformat(_a(told["published"], str)),
        author=None if told.get("author") is None else _a(told["author"], str),
        language=None if told.get("language") is None else _a(told["language"], str),
        pages=tuple(_offset(one, text) for one in _a(told.get("pages"), list)),
        anchors=tuple(Anchor(_offset(one.get("start"), text), _a(one.get("label"), str)) for one in anchors),
    )


def _offset(told: object, text: str) -> int:
    if type(told) is not int or not 0 <= told <= len(text):
        raise ValueError("its answer makes no sense")
    return told


def _a(told: object, kind: type[T]) -> T:
    if not isinstance(told, kind):
        raise TypeError("its answer makes no sense")
    return told

"""HTML made by hand: every text escaped unless it is already `Html`."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

_LINE_BREAKS = {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


class Html(str):
    """Markup that is safe to show: made by `tag` only, every text inside it escaped."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | None) -> Html:
    """The element with these children, escaped unless they are `Html`, and these attributes (`class_` is `class`).

    An attribute that is None is left out.
    """
    inside = "".join(child if isinstance(child, Html) else _escape(child) for child in children)
    stated = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escape(text)}"'
        for key, text in attributes.items()
        if text is not None
    )
    return Html(f"<{name}{stated}>{inside}</{name}>" if name not in _VOID else f"<{name}{stated}>")


_VOID = frozenset({"input", "br", "hr"})


def join(*parts: str) -> Html:
    """The parts one after another, escaped unless they are `Html`."""
    return Html("".join(part if isinstance(part, Html) else _escape(part) for part in parts))


def button(
    words: str,
    does: str,
    /,
    *,
    class_: str = "aq-quiet",
    data: Mapping[str, str | int] | None = None,
    **attributes: str,
) -> Html:
    """A button that the page's script answers to: `does` names what it does, `data` what with.

    Both travel in its value, since the sanitiser of `gr.Chatbot` takes data attributes away.
    """
    value = json.dumps({"do": does, **(data or {})}, ensure_ascii=False)
    return tag("button", words, type="button", class_=f"{class_} aq-do-{does}", value=value, **attributes)


def dotted(*parts: str) -> Html:
    """The parts that are not empty, with a middle dot between them."""
    dot = tag("span", " · ", class_="aq-dot")
    kept = [part for part in parts if part]
    return join(*[piece for part in kept for piece in (dot, part)][1:])


def unseen(words: str) -> Html:
    """Words that are read aloud and not shown."""
    return tag("span", words, class_="aq-unseen")


def details(summary: str, *children: Html, kind: str, **attributes: str | None) -> Html:
    """Something to open and close."""
    return tag("details", tag("summary", summary), *children, class_=kind, **attributes)


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 article`, `1,200 articles`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def as_sentence(message: str) -> str:
    """A message with the capital and the full stop that error messages go without."""
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "?", "!")) else ".")


def _escape(text: str) -> str:
    """`text` with `& < > " '` as entities, and line breaks and tabs too: the page's own tidying then leaves them be."""
    escaped = html.escape(text, quote=True)
    for character, entity in _LINE_BREAKS.items():
        escaped = escaped.replace(character, entity)
    return escaped

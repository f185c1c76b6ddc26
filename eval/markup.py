"""Markup for the report's page: elements whose every text is escaped, and the numbers inside drawings."""

from __future__ import annotations

import html


class Html(str):
    """Markup that is safe to show: made by `tag` and `join` only, every text inside it escaped."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | float | None) -> Html:
    """The element with these children, escaped unless they are `Html`, and these attributes.

    `class_` is `class`, `data_stage` is `data-stage`; an attribute that is None is left out, a number has 1 decimal.
    """
    stated = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_text(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{stated}>{join(*children)}</{name}>")


def join(*parts: str) -> Html:
    """The parts one after another, escaped unless they are `Html`."""
    return Html("".join(part if isinstance(part, Html) else html.escape(part, quote=True) for part in parts))


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")

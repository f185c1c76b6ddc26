"""Publication dates and titles as articles state them about themselves."""

from __future__ import annotations

import re
from datetime import date, datetime

_HEADER = re.compile(r"\s*date:?\s+(\d{4}-\d{2}-\d{2})\b[ \t]*([^\n]*)", re.IGNORECASE)
_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_MAX_TITLE = 200
_FORMATS = ("%d %B %Y", "%B %d, %Y", "%d %b %Y", "%b %d, %Y", "%Y/%m/%d", "%Y%m%d")


def parse_date(value: object) -> date | None:
    """Read a date as metadata gives it: a date object, ISO 8601, `19 October 2023`, `October 19, 2023`; else None."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value or "").strip()
    if found := _ISO.match(text):
        return _date(*found.groups())
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def date_in_name(name: str) -> date | None:
    """The first ISO date in a file name or address, or None."""
    found = _ISO.search(name)
    return _date(*found.groups()) if found else None


def header(text: str) -> tuple[date | None, str | None]:
    """The date and title that a text's first line states as `date 2023-10-19 The title`; None for what it lacks."""
    found = _HEADER.match(text)
    if not found:
        return None, None
    stated = parse_date(found[1])
    return stated, (found[2].strip() or None) if stated else None


def first_line_title(text: str) -> str | None:
    """The first line, if it reads as a title: short, followed by more text, and no sentence of its own."""
    first, newline, rest = text.strip().partition("\n")
    first = first.strip()
    is_title = newline and rest.strip() and 0 < len(first) <= _MAX_TITLE and first[-1] not in ".!;,:"
    return first if is_title else None


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None

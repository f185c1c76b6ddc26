"""Publication dates and titles as articles state them about themselves."""

from __future__ import annotations

import re
from datetime import date, datetime

_HEADER = re.compile(r"\s*date:?\s+(\d{4}-\d{2}-\d{2})\b[ \t]*([^\n]*)", re.IGNORECASE)
_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_IN_ADDRESS = re.compile(r"/(\d{4})/(\d{1,2}|[a-z]{3})/(\d{1,2})(?=/|-|$)", re.IGNORECASE)
_MONTHS = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())
_MONTH = (
    r"(?P<{}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
)
_MONTH += r"|nov(?:ember)?|dec(?:ember)?)\.?"
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? +)?"
_WRITTEN = (
    rf"{_WEEKDAY}(?:(?P<y0>\d{{4}})[-/](?P<m0>\d{{2}})[-/](?P<d0>\d{{2}})(?!\d)"
    rf"|(?P<d1>\d{{1,2}})(?:st|nd|rd|th)? +{_MONTH.format('m1')},? +(?P<y1>\d{{4}})(?!\d)"
    rf"|{_MONTH.format('m2')} +(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?,? +(?P<y2>\d{{4}})(?!\d))"
)
_DATE = re.compile(_WRITTEN, re.IGNORECASE)
_CLOCK = r"(?:,? *(?:at +)?\d{1,2}[:.]\d{2}(?: *[ap]\.?m\.?)?(?: +[a-z]{2,5})?)?"
_BYLINES = tuple(
    re.compile(pattern.format(date=_WRITTEN, clock=_CLOCK), re.IGNORECASE)
    for pattern in (
        r"(?:first +)?(?:published|posted|issued|dated?)(?: +on)?:? *{date}",
        r"{date}{clock}$",
        r"by [^.;]{{2,60}}?(?:,| on|[ ]*[|·•—–-]) *{date}{clock}$",
        r"[^.;|·•—–]{{2,60}}[|·•—–] *{date}{clock}$",
        r"(?-i:[A-Z][A-Z .'-]{{2,40}})[,(] *{date}\)? *(?:\([^)]{{1,40}}\) *)?[—–:-]",
        r"(?:last +)?updated(?: +on)?:? *{date}",
    )
)
_BYLINE_LINES, _BYLINE_CHARACTERS = 10, 200
_MAX_TITLE = 200


def parse_date(value: object) -> date | None:
    """Read a date as metadata gives it: a date object, ISO 8601, RFC 822, `19 October 2023`, `October 19, 2023`."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value or "").strip()
    if re.fullmatch(r"\d{8}", text):
        return _date(text[:4], text[4:6], text[6:])
    found = _DATE.match(text)
    return _found(found) if found else None


def date_in_name(name: str) -> date | None:
    """The first ISO date in a file name or address, or one as in `/2023/10/19/` or `/2023/oct/19/`, or None."""
    found = _ISO.search(name) or _IN_ADDRESS.search(name)
    return _date(*found.groups()) if found else None


def header(text: str) -> tuple[date | None, str | None]:
    """The date and title that a text's first line states as `date 2023-10-19 The title`; None for what it lacks."""
    found = _HEADER.match(text)
    if not found:
        return None, None
    stated = parse_date(found[1])
    return stated, (found[2].strip() or None) if stated else None


def byline_date(text: str) -> date | None:
    """The date that one of the first lines gives as that of the article, or None.

    Such a line is a date alone, `Published 19 October 2023`, `By Ada Lunn, 19 October 2023`, `The Courier | 19 October
    2023`, or begins `LEEDS, 19 October 2023 —`. A date inside a sentence is none.
    """
    lines = [line.strip() for line in text[: 2 * _BYLINE_LINES * _BYLINE_CHARACTERS].split("\n") if line.strip()]
    for pattern in _BYLINES:
        for line in lines[:_BYLINE_LINES]:
            if (found := pattern.match(line[:_BYLINE_CHARACTERS])) and (stated := _found(found)):
                return stated
    return None


def first_line_title(text: str) -> str | None:
    """The first line, if it reads as a title: short, followed by more text, and no sentence of its own."""
    first, newline, rest = text.strip().partition("\n")
    first = first.strip()
    is_title = newline and rest.strip() and 0 < len(first) <= _MAX_TITLE and first[-1] not in ".!;,:"
    return first if is_title else None


def _found(found: re.Match[str]) -> date | None:
    kind = next(number for number in "012" if found[f"y{number}"])
    return _date(found[f"y{kind}"], found[f"m{kind}"], found[f"d{kind}"])


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), _MONTHS.index(month[:3].lower()) + 1 if month.isalpha() else int(month), int(day))
    except ValueError:
        return None

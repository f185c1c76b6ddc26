"""Periods that a question names: `in March 2023`, `last week`, `since 2021`, as days of publication."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = tuple(name.lower() for name in calendar.month_name)[1:]
_MONTH = "(?:" + "|".join(_MONTHS) + "|" + "|".join(name[:3] for name in _MONTHS) + r")\b\.?"
_YEAR = r"(?:19|20)\d\d"
_NUMBER = r"\d{1,2}(?:st|nd|rd|th)?"
_POINT = rf"(?:(?:{_NUMBER} )?{_MONTH},?(?: {_NUMBER},?)?(?: {_YEAR})?|{_YEAR}(?:-\d\d-\d\d)?)(?![\w-])"
_PIECES = r"(?:articles?|news|stories|reports?|pieces?)"
_ABOUT = rf"(?:published|posted|written|reported|{_PIECES}(?: (?:published|posted|written))?)"
_NAMED = re.compile(
    rf"(?P<about>{_ABOUT} )?(?:"
    rf"(?:between|from) (?P<first>{_POINT}) (?:and|to|until) (?P<last>{_POINT})"
    rf"|(?P<how>since|after|before|until|in|during|on|from|of) (?P<point>{_POINT})"
    r"|(?:(?:in|from|of|during|over|since) )?(?:the )?"
    r"(?P<relative>today|yesterday|(?P<which>this|last|past) (?P<unit>week|month|year))\b(?! of\b))",
    re.IGNORECASE,
)
_DAY = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)?\b")


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `since` to `until`, both included, None being open; `named` is how the question names them.

    `is_publication` says that the question asks for articles of these days, not for what happened in them.
    """

    named: str
    since: date | None
    until: date | None
    is_publication: bool

    def holds(self, day: date | None) -> bool:
        """Whether a day lies in the period; None never does."""
        return day is not None and (self.since or date.min) <= day <= (self.until or date.max)


def period_in(question: str, today: date) -> Period | None:
    """The first period that a question names, in English; None when there is none or it is no day of the calendar.

    >>> period_in("articles published in March 2023 about Le Mans", date(2024, 1, 1)).until
    datetime.date(2023, 3, 31)
    """
    for found in _NAMED.finditer(question):
        try:
            days = _days(found, today)
        except (ValueError, OverflowError):  # 31 February, or a year out of range
            continue
        if days:
            return Period(found[0].strip(), *days, is_publication=bool(found["about"]))
    return None


def _days(found: re.Match[str], today: date) -> tuple[date | None, date | None] | None:
    if found["relative"]:
        return _relative(
            found["relative"].lower(), (found["which"] or "").lower(), (found["unit"] or "").lower(), today
        )
    if found["first"]:
        first, last = _span(found["first"], today), _span(found["last"], today)
        return (first[0], last[1]) if first and last and first[0] <= last[1] else None
    span = _span(found["point"], today)
    if not span:
        return None
    match found["how"].lower():
        case "since":
            return span[0], None
        case "after":
            return span[1] + timedelta(days=1), None
        case "before":
            return None, span[0] - timedelta(days=1)
        case "until":
            return None, span[1]
        case _:
            return span


def _relative(word: str, which: str, unit: str, today: date) -> tuple[date, date]:
    if word in {"today", "yesterday"}:
        day = today - timedelta(days=word == "yesterday")
        return day, day
    if which == "past":
        return today - timedelta(days={"week": 7, "month": 31, "year": 366}[unit]), today
    if unit == "week":
        monday = today - timedelta(days=today.weekday() + 7 * (which == "last"))
        return monday, monday + timedelta(days=6)
    if unit == "month":
        first = today.replace(day=1)
        first = (first - timedelta(days=1)).replace(day=1) if which == "last" else first
        return first, _end_of_month(first)
    year = today.year - (which == "last")
    return date(year, 1, 1), date(year, 12, 31)


def _span(point: str, today: date) -> tuple[date, date] | None:
    """The first and the last day of `2023`, `March 2023`, `5 March`, `March` (the latest one up to today)."""
    words = point.lower()
    if re.fullmatch(rf"{_YEAR}-\d\d-\d\d", words):
        day = date.fromisoformat(words)
        return day, day
    stated = re.search(_YEAR, words)
    year = int(stated[0]) if stated else today.year
    named = re.search(r"[a-z]{3,}", re.sub(r"\d+(?:st|nd|rd|th)", "", words))
    if named is None:
        return (date(year, 1, 1), date(year, 12, 31)) if stated else None
    month = next(i for i, name in enumerate(_MONTHS, 1) if name[:3] == named[0][:3])
    if not stated and month > today.month:
        year -= 1
    number = _DAY.search(re.sub(_YEAR, "", words))
    first = date(year, month, int(number[1]) if number else 1)
    return first, first if number else _end_of_month(first)


def _end_of_month(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])

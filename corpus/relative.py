"""Days that a text names by their distance from its own: `yesterday`, `last Saturday`, `three days ago`."""

from __future__ import annotations

import re
from datetime import date, timedelta

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_UNITS = {"day": 1, "week": 7, "fortnight": 14}
_NAMED = {
    "the day before yesterday": -2,
    "yesterday": -1,
    "last night": -1,
    "today": 0,
    "tonight": 0,
    "this": 0,
    "tomorrow": 1,
    "the day after tomorrow": 2,
}
_BEFORE = r"(?:(?:on|by|from|since|until|till|for|late|early|earlier|later) )*"
_PART = r"(?: (?:morning|afternoon|evening|night|lunchtime|midday))?"
_DAY = f"(?P<weekday>{'|'.join(_WEEKDAYS)})"
_PATTERNS = tuple(
    re.compile(_BEFORE + pattern)
    for pattern in (
        rf"(?P<named>the day (?:before yesterday|after tomorrow)|yesterday|today|tomorrow){_PART}",
        r"(?P<named>last night|tonight)",
        r"(?P<named>this) (?:morning|afternoon|evening|lunchtime)",
        rf"(?P<which>last|next|this) {_DAY}{_PART}",
        rf"{_DAY}{_PART}(?: of)? (?P<week>last|next|this) week",
        r"(?P<count>\d{1,3}|an?|" + "|".join(_NUMBERS[1:]) + r") (?P<unit>day|week|fortnight)s? (?P<ago>ago|earlier)",
        r"in (?P<count>\d{1,3}|an?|" + "|".join(_NUMBERS[1:]) + r") (?P<unit>day|week|fortnight)s?(?:['’]s? time)?",
    )
)
_LONGEST = 60


def resolve_relative(text: str, published: date | None) -> date | None:
    """The day that `text` means in an article of this date, or None when it is no such expression or names no one day.

    The whole text has to be the expression, in English. `last Saturday` is the latest one before the article's day,
    `next Saturday` the first one after it, `this Saturday` that of the same week (Monday to Sunday). A weekday alone
    may be past or to come, and `last month` is no day: both give None.

    >>> resolve_relative("last Saturday", date(2023, 10, 19))
    datetime.date(2023, 10, 14)
    """
    if published is None or len(text) > _LONGEST:
        return None
    words = " ".join(text.lower().split()).strip(" .,;:!?\"'“”‘’()")
    for pattern in _PATTERNS:
        if found := pattern.fullmatch(words):
            try:
                return published + timedelta(days=_distance(found.groupdict(), published.weekday()))
            except OverflowError:
                return None
    return None


def _distance(found: dict[str, str | None], today: int) -> int:
    """How many days lie between the article's day, a weekday from 0 for Monday, and the one that is meant."""
    if named := found.get("named"):
        return _NAMED[named]
    if unit := found.get("unit"):
        days = _UNITS[unit] * _number(found.get("count") or "")
        return -days if found.get("ago") else days
    ahead = _WEEKDAYS.index(found.get("weekday") or "") - today
    if week := found.get("week"):
        return ahead + {"last": -7, "this": 0, "next": 7}[week]
    return {"last": ahead % 7 - 7, "this": ahead, "next": (ahead - 1) % 7 + 1}[found.get("which") or ""]


def _number(word: str) -> int:
    if word.isdigit():
        return int(word)
    return 1 if word in {"a", "an"} else _NUMBERS.index(word)

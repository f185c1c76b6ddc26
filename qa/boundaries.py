"""Where an answer ends: from the tokens that a reader chose to the words that a person would quote."""

from __future__ import annotations

import re

_FAR = 200
_LONGEST_NUMBER = 20
_NUMBER = re.compile(
    r"(?:[$£€]?\d[\d.,]*|(?:a|an|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|half))",
    re.IGNORECASE,
)
_UNITS = (
    "hundred|thousand|million|billion|trillion|percent|per cent|years?|months?|weeks?|days?|hours?|minutes?|mins?"
    "|seconds?|degrees?|km/h|km|kilomet(?:re|er)s?|miles?|mph|kph|cm|mm|millimet(?:re|er)s?|met(?:re|er)s?|feet|foot"
    "|inch|inches|kg|kilograms?|pounds?|lbs?|ounces?|oz|tons?|tonnes?|acres?|hectares?|lit(?:re|er)s?|gallons?|points?|laps?"
    "|dollars?|euros?|cents?|kilowatts?|megawatts?|watts?|volts?|horsepower|GB|MB|TB"
)
_UNIT = re.compile(rf" ?(?:%|°[CF]?)|[ -](?P<word>{_UNITS})\b", re.IGNORECASE)
_HYPHENATED = re.compile(r"-(?P<word>[^\W\d_]+)")
_REST_OF_WORD = re.compile(r"(?:-[^\W\d_]+)*")
_OF_AGE = re.compile(r"\b(?:old|age|aged)\b", re.IGNORECASE)
_REST_OF_NUMBER = re.compile(r"(?:[.,:]\d+)+")
_START_OF_NUMBER = re.compile(r"[$£€]?(?:\d+[.,:])*\Z")
_PAIRS = {"(": ")", "[": "]", "“": "”", "‘": "’", "«": "»"}
# not ’, which is an apostrophe more often than a closing mark
_OPENING = {")": "(", "]": "[", "”": "“", "»": "«"}


def quotable(text: str, start: int, end: int, question: str = "") -> tuple[int, int]:
    """Widen half-open offsets to what can be quoted by itself: whole words and numbers, with units, brackets closed.

    White space and stray punctuation at the ends are dropped. A number takes the unit that follows it, and the word
    that is joined to it by a hyphen, unless the question names that unit ("How many years …?" is answered by "nine",
    "How old …?" by the 19 of "19-year-old").
    """
    start, end = whole_words(text, start, end)
    if start < end:
        start, end = _whole_numbers(text, start, end)
        end = _with_unit(text, start, end, question)
        start, end = _balanced(text, start, end)
    return start, end


def whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen half-open offsets to whole words and drop white space and stray punctuation at the ends."""
    while 0 < start < len(text) and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while 0 < end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
        end += 1
    while start < end and (text[start].isspace() or text[start] in ",;:.!?)]}"):
        start += 1
    while start < end and (text[end - 1].isspace() or text[end - 1] in ",;:([{"):
        end -= 1
    return start, end


def _whole_numbers(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen the ends to the whole of "1,234.5", "0:59.3" or "$20" where they cut into one."""
    if text[start].isdigit():
        before = _START_OF_NUMBER.search(text, max(0, start - _LONGEST_NUMBER), start)
        start = before.start() if before else start
    if text[end - 1].isdigit() and (rest := _REST_OF_NUMBER.match(text, end)):
        end = rest.end()
    return start, end


def _with_unit(text: str, start: int, end: int, question: str) -> int:
    """The end of the number `text[start:end]` with its unit; `end` when it is no number, or has none."""
    if not _NUMBER.fullmatch(text, start, end):
        return end
    unit = _UNIT.match(text, end) or _HYPHENATED.match(text, end)
    if unit is None:
        return end
    word, rest = unit["word"], _REST_OF_WORD.match(text, unit.end())
    assert rest is not None  # it may be empty
    named = word is not None and word.lower().rstrip("s") in question.lower()
    named = named or (rest[0].lower() == "-old" and bool(_OF_AGE.search(question)))
    return end if named else rest.end()


def _balanced(text: str, start: int, end: int) -> tuple[int, int]:
    """Take in the other half of a bracket or quotation mark that the span holds one half of, if it is near.

    A straight quotation mark opens where a word begins; a half whose other half is not near is left alone.
    """
    expected: list[str] = []
    first = start
    for at in range(start, end):
        mark = text[at]
        if expected and mark == expected[-1]:
            expected.pop()
        elif mark == '"' and (at == 0 or not text[at - 1].isalnum()) and text[at + 1 : at + 2].isalnum():
            expected.append(mark)
        elif mark in _PAIRS and not (mark == "‘" and text[at - 1 : at].isalnum()):
            expected.append(_PAIRS[mark])
        elif mark == '"' or mark in _OPENING:
            first = min(first, _before(text, start, _OPENING.get(mark, mark)))
    for mark in reversed(expected):
        close = text.find(mark, end, end + _FAR)
        if close < 0 or "\n" in text[end:close]:
            break
        end = close + 1
    return first, end


def _before(text: str, start: int, mark: str) -> int:
    """The place of `mark` shortly before `start` on the same line; `start` itself when it is not there."""
    found = text.rfind(mark, max(0, start - _FAR), start)
    return start if found < 0 or "\n" in text[found:start] else found

"""Proper names in an article, and which of them are people, by the habits of news writing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_WORD = r"(?:(?:Dr|Mr|Mrs|Ms|Prof|St|[A-Z])\.|[^\W\d_a-z][\w’'-]*\w)"
NAME = rf"{_WORD}(?: (?:(?:de|da|van|von|der|den|di|la|le|bin|al) )?{_WORD})*"
_NAME = re.compile(NAME)
_POSSESSIVE = re.compile(r"[’']s?$")
_SPEAKING = r"(?:said|says|added|told|explained|admitted|joked|insisted|argued|warned|agreed)"
_GROUPS = frozenset(
    "agency association authority bank board bridge capital championship church city club college committee company "
    "corporation council county court cup department district foundation fund group hall hospital house inc "
    "institute international island league library limited ltd ministry motorsport motorsports museum office "
    "orchestra park party philharmonic plc prize racing river royal school series service society square st station "
    "street systems team technologies theatre trophy trust union university works federation energy media motors "
    "street north south east west new san grand hours".split()
)
_NOT_NAMES = frozenset(
    "a an the this that these those he she it they we i you his her its their our my but and or so yet if when "
    "while after before since although though because as at in on by for from to with of no not now then there here "
    "last next two three four five six seven eight nine ten monday tuesday wednesday thursday friday saturday "
    "sunday january february march april may june july august september october november december asked both each "
    "every all some many most more dr dr. mr mr. mrs mrs. ms ms. prof prof. sir what who how why where which".split()
)


@dataclass(frozen=True, slots=True)
class Name:
    """A proper name where it stands: half-open offsets, without a possessive ending."""

    text: str
    start: int
    end: int


def names(text: str) -> list[Name]:
    """The proper names of a text in order; a capital that only starts a sentence makes none."""
    found = []
    for match in _NAME.finditer(text):
        start, words = match.start(), match[0].split(" ")
        while words and words[0].lower() in _NOT_NAMES:
            start += len(words.pop(0)) + 1
        name = _POSSESSIVE.sub("", " ".join(words))
        if len(name) > 1:
            found.append(Name(name, start, start + len(name)))
    return found


def people(text: str) -> Mapping[str, str]:
    """The full name of each person by every form the text uses: "Tom Blomqvist" and "Blomqvist".

    A name of two to four words is a person's when the text gives an age or words to it, or later uses its last word
    alone. Names with a word such as "Racing", with a digit, or with "the" before them are not.
    """
    counted = [name.text for name in names(text) if text[max(0, name.start - 4) : name.start].lower() != "the "]
    firsts = {name.split()[0] for name in counted if " " in name}
    alone = {name for name in counted if " " not in name} - firsts
    found: dict[str, str] = {}
    for full in dict.fromkeys(counted):
        words = full.split()
        if not 2 <= len(words) <= 4 or _GROUPS.intersection(word.lower().rstrip(".") for word in words):
            continue
        if any(character.isdigit() for character in full):
            continue
        last = words[-1]
        if last in alone or _is_told_of(full, text):
            found[full] = full
            if last in alone:
                found.setdefault(last, full)
    return found


def _is_told_of(name: str, text: str) -> bool:
    """Whether an age or words are given to this name."""
    quoted = re.escape(name)
    return bool(
        re.search(
            rf"\b{quoted}, \d\d\b|\b{_SPEAKING} {quoted}\b|\b{quoted}(?:, [^,.“\"\n]{{1,60}},)? {_SPEAKING}\b", text
        )
    )

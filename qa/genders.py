"""The people of an article, and whether it calls them he or she."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from corpus.sentences import sentence_spans
from qa import names as article_names

Gender = Literal["he", "she"]

_TITLED = re.compile(r"\b(?:Dr|Prof|Cllr|Mr|Mrs|Ms|Sir|Rev)\b\.? $")
_HE = re.compile(r"\b(?:he|him|his|himself)\b", re.IGNORECASE)
_SHE = re.compile(r"\b(?:she|her|hers|herself)\b", re.IGNORECASE)
_QUOTATION = re.compile(r"[“\"][^”\"\n]*[”\"]?")
_MEN = "Mr|Sir|Lord|Prince|King|Duke|Brother|Father"
_WOMEN = "Mrs|Ms|Miss|Lady|Dame|Princess|Queen|Sister"
_SONS = "son|brother|father|husband|man|boy|grandson|uncle|nephew|king|actor|businessman|chairman|spokesman"
_DAUGHTERS = (
    "daughter|sister|mother|wife|widow|woman|girl|granddaughter|aunt|niece|queen|actress|chairwoman|spokeswoman"
)


@lru_cache(maxsize=128)
def people(text: str) -> Mapping[str, str]:
    """The people of an article by every form of their names, as `qa.names.people` finds them, and those with a title.

    So are names that "who", an age or "said" follows.
    """
    found = dict(article_names.people(text))
    for name in article_names.names(text):
        words = name.text.split()
        if name.text in found or not 2 <= len(words) <= 4 or not all(word.isalpha() for word in words):
            continue
        before, after = text[max(0, name.start - 6) : name.start], text[name.end : name.end + 8]
        if _TITLED.search(before) or re.match(r", (?:who\b|\d\d,)| said\b", after):
            found[name.text] = name.text
            found.setdefault(words[-1], name.text)
    return found


@lru_cache(maxsize=512)
def gender(name: str, text: str) -> Gender | None:  # noqa: C901
    """Whether an article calls a person he or she, by titles, kin and the pronouns after the name; None if it does not.

    Pronouns count in the same sentence after the name and at the beginning of the next, outside of quotations, up to
    the next person's name.
    """
    known = people(text)
    forms = [form for form, full in known.items() if full == name] or [name]
    anyone = "|".join(re.escape(form) for form in sorted(known, key=len, reverse=True)) or re.escape(name)
    own = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    if re.search(rf"\b(?:{_MEN})\.? (?:\w+ )?(?:{own})\b", text):
        return "he"
    if re.search(rf"\b(?:{_WOMEN})\.? (?:\w+ )?(?:{own})\b", text):
        return "she"
    for told, words in ((_SONS, "he"), (_DAUGHTERS, "she")):
        if re.search(rf"\b(?:{own})(?:, \d\d,)? (?:is|was) (?:a|the|an only) (?:\w+ )?(?:{told})\b", text):
            return "he" if words == "he" else "she"
    votes = 0
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    for number, sentence in enumerate(sentences):
        told = _QUOTATION.sub(" ", sentence)
        places = list(re.finditer(rf"\b(?:{own})\b", told))
        if not places:
            continue
        after = told[places[0].end() :]
        following = re.split(rf"\b(?:{anyone})\b", re.sub(rf"\b(?:{own})\b", "", after))[0]
        pieces = [following]
        first_named = re.search(rf"\b(?:{anyone})\b", told)
        if first_named and first_named.start() == places[0].start():
            follower = _QUOTATION.sub(" ", sentences[number + 1]) if number + 1 < len(sentences) else ""
            if re.match(r"\s*(?:He|She|His|Her)\b", follower):
                pieces.append(" ".join(follower.split()[:1]))
        for piece in pieces:
            first = (
                min((piece.find(one[0]), one[0]) for one in [*_HE.finditer(piece), *_SHE.finditer(piece)])
                if (_HE.search(piece) or _SHE.search(piece))
                else None
            )
            if first:
                votes += 1 if _HE.fullmatch(first[1]) else -1
    return "he" if votes > 0 else "she" if votes < 0 else None

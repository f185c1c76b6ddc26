"""Pronouns, "there" and "that" in a question, put into words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qa.antecedents import Antecedents, for_group, for_person, for_place, for_them, for_thing
from qa.genders import Gender
from qa.mentions import Setting, Turn, after_place_preposition, after_preposition, names_in, nouns_in

_PRONOUN = re.compile(
    r"\b(he|she|him|his|her|hers|they|them|their|theirs|it|its)\b(?!['\u2019])"
    r"|\b(he|she|it|they)(?=['\u2019](?:s|d|ll|re|ve)\b)",
    re.IGNORECASE,
)
_EXPLETIVE = re.compile(
    r"\b(?:is|was) it (?:true|possible|likely|clear|known|that|about|raining|easy|hard|dark|cold|hot)\b"
    r"|\btime (?:is|was) it\b"
    r"|\bdid it take\b|\bdoes it take\b",
    re.IGNORECASE,
)
_POSSESSIVE = frozenset({"his", "her", "hers", "their", "theirs", "its"})
_GENERIC = re.compile(
    r"\bthe (?:team|company|firm|club|organi[sz]ation|business|group|newspaper|charity)\b(?! of\b)", re.IGNORECASE
)
_THERE = re.compile(
    r"(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )(?<!\bbe )\bthere"
    r"(?=\s*[?.!]*$|\s+(?:in|on|after|before|for|when|and)\b)",
    re.IGNORECASE,
)
_THAT = re.compile(
    r"\b(?:of|for|about|after|before|with|by|to|in|from|said|did|caused|paid|like|do) "
    r"(that|this|these|those)(?=\s*\??$)|^(?:how \w+|what|who|which \w+|where|when) "
    r"(?:is|was|would|will|did|does) (that|this)\b(?! [a-z]+ed\b)",
    re.IGNORECASE,
)
_THAT_NOUN = re.compile(
    r"\b(?:that|this|those|these|the same) (?!(?:is|was|has|had|have|are|were|he|she|it|they|the|a|an|you|"
    r"week|month|summer|winter|season)\b)([a-z][a-z-]+)\b",
    re.IGNORECASE,
)
_SUBORDINATE = re.compile(
    r"\b(?:when|before|after|because|while|if|as|since|until|where|that|than|so|and|but|whether|though|said|says|to)\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a question is understood in its conversation.

    `forms` are whole questions, the likeliest first, empty for one that stands alone. `choices` are the whole questions
    it may mean when none is likelier than the others. `besides` are answers it has been given and asks for others.
    `is_vague` says that it may stand alone as well. `called` says whom it calls he or she.
    """

    forms: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    is_vague: bool = False
    called: tuple[tuple[str, Gender], ...] = ()


def points_back(question: str) -> bool:
    """Whether a question has a word that may point back at the conversation."""
    return any(one.search(question) for one in (_PRONOUN, _THERE, _THAT, _THAT_NOUN, _GENERIC))


def put_in(question: str, turns: tuple[Turn, ...], setting: Setting) -> Reading:
    """The question with its pronouns, "there" and "that" put into words."""
    pronoun = next((one for one in _PRONOUN.finditer(question) if not _is_bound(question, one, setting)), None)
    if pronoun and not _EXPLETIVE.search(question):
        word = pronoun[0].lower()
        if word in {"he", "she", "him", "his", "her", "hers"}:
            found = for_person("she" if word in {"she", "her", "hers"} else "he", turns, setting)
            question = _of_then(question, turns[-1].asked)
        elif word in {"they", "them", "their", "theirs"}:
            found = for_them(turns, setting)
        else:
            found = for_thing(turns, setting)
        return _substituted(question, word, found)
    if (place := _THERE.search(question)) and (where := for_place(turns, setting)):
        return Reading((capitalised(question[: place.start()] + where + question[place.end() :]),))
    named = [one for one in names_in(question) if not after_preposition(question, one.start)]
    if not names_in(question) and (group := _GENERIC.search(question)) and (name := for_group(turns, setting)):
        return Reading((capitalised(question[: group.start()] + name + question[group.end() :]),))
    if not named and (that := _THAT_NOUN.search(question)):
        found = for_thing(turns, setting, noun=that[1])
        if found.likely:
            return Reading(
                tuple(capitalised(question[: that.start()] + one + question[that.end() :]) for one in found.likely[:1])
            )
    if not named and (that := _THAT.search(question)):
        found = for_thing(turns, setting)
        start = that.start(1) if that[1] else that.start(2)
        if found.likely:
            end = start + len(that[1] or that[2])
            return Reading(tuple(capitalised(f"{question[:start]}{one}{question[end:]}") for one in found.likely[:1]))
    return Reading()


def _substituted(question: str, word: str, found: Antecedents) -> Reading:
    """The question with each likely antecedent in place of the pronoun, everywhere it stands."""

    def whole(name: str) -> str:
        family = {"he": "he|him|his", "she": "she|her|hers", "it": "it|its", "they": "they|them|their|theirs"}
        alike = next(forms for forms in family.values() if word in forms.split("|"))
        first = True

        def put(pronoun: re.Match[str]) -> str:
            nonlocal first
            own = pronoun[0].lower()
            if not first:
                return pronoun[0]
            first = False
            owns = own in _POSSESSIVE and (own != "her" or re.match(r"\s+\w", question[pronoun.end() :]))
            ending = "\u2019" if name.endswith("s") and " and " in name else "'s"
            return f"{name}{ending}" if owns else name

        if word == "its" and not name[:1].isupper():
            owned = next((one for one in nouns_in(question) if one.text.lower().startswith("its ")), None)
            if owned:
                end = owned.start + len(owned.text)
                return capitalised(f"{question[: owned.start]}the{owned.text[3:]} of {name}{question[end:]}")
        return capitalised(re.sub(rf"\b(?:{alike})\b", put, question, flags=re.IGNORECASE))

    if found.tied:
        return Reading(choices=tuple(whole(name) for name in found.tied))
    gender: Gender | None = "he" if word in {"he", "him", "his"} else "she" if word in {"she", "her", "hers"} else None
    called = ((found.likely[0], gender),) if gender and found.likely else ()
    return Reading(tuple(whole(name) for name in found.likely), called=called)


def _of_then(question: str, last: str) -> str:
    """The question with the year of the last one, where it asks for an age of then and names no year."""
    year = _YEAR.search(last)
    if not year or _YEAR.search(question) or not re.match(r"how old (?:was|were)\b", question, re.IGNORECASE):
        return question
    return f"{question.rstrip('? ')} in {year[0]}?"


def _is_bound(question: str, pronoun: re.Match[str], setting: Setting) -> bool:
    """Whether a pronoun stands for something in its own question."""
    before, word = question[: pronoun.start()], pronoun[0].lower()
    thing = word in {"it", "its"}
    for name in names_in(before):
        if thing:
            if setting.person(name.text) is None and (word == "its" or _SUBORDINATE.search(before[name.start :])):
                return True
        elif setting.is_thing(name.text) and word not in {"they", "them", "their"}:
            continue
        elif not after_place_preposition(before, name.start) or _SUBORDINATE.search(
            before[name.start + len(name.text) :]
        ):
            return True
    nouns = [one for one in nouns_in(before) if one.text.lower() not in {"which", "what"}]
    for noun in nouns:
        if _SUBORDINATE.search(before[noun.start + len(noun.text) :]) or word in {"its", "their"}:
            return True
    if word not in {"he", "she", "they"}:
        return False
    asks_who = re.match(r"(?:who|which \w+)\b", before, re.IGNORECASE)
    return bool(asks_who and re.search(r"\b(?:that|when|because|before|after|while|if)\b", before) and not thing)


def capitalised(question: str) -> str:
    """The question with a capital at its beginning."""
    return question[:1].upper() + question[1:]

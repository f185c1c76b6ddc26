"""Questions that lean on the conversation before them, made to stand alone by rule."""

from __future__ import annotations

import re
from collections.abc import Sequence

History = Sequence[tuple[str, str | None]]

_LONGEST = 1000
_PARTICLES = "of|de|da|di|du|la|le|van|von|der|den|ter"
_NAME = re.compile(rf"\b[A-Z][\w'\u2019.-]*(?:\s+(?:(?:{_PARTICLES})\s+)*[A-Z][\w'\u2019.-]*)*")
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_OPENING = re.compile(r"^(?:and|but|so|or)\b[\s,]*", re.IGNORECASE)
_WHAT_ABOUT = re.compile(r"^(?:what|how) about\s+(.+?)\s*\??$", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(he|she|him|his|her|hers|they|them|their|it|its)\b", re.IGNORECASE)
_EXPLETIVE = re.compile(
    r"\b(?:is|was) it (?:true|possible|likely|clear|known|that)\b|\btime (?:is|was) it\b", re.IGNORECASE
)
_POSSESSIVE = frozenset({"his", "her", "hers", "their", "its"})
# capitalised at the beginning of a question, yet no name
_ASKING = frozenset(
    "who whom whose what which when where why how is are was were do does did has have had can could will would should"
    " in on at for by with to from of as after before during under the a an and but tell please say name give i".split()
)
# capitalised anywhere, yet nobody's name
_DATES_AND_NUMBERS = frozenset(
    "january february march april may june july august september october november december"
    " monday tuesday wednesday thursday friday saturday sunday"
    " one two three four five six seven eight nine ten eleven twelve yes no".split()
)


def resolve(question: str, history: History) -> str:
    """The question with what it takes from the conversation put in; itself when it stands alone.

    Two forms are resolved: `what about X?` asks the last question of X, and a pronoun in a question that names nobody
    stands for the last answer's name, or else the last name asked about. Turns count by their first 1,000 characters.
    """
    if not history:
        return question
    turns = [(_valid(asked), _valid(answered or "")) for asked, answered in history]
    plain = _OPENING.sub("", question).strip()
    if about := _WHAT_ABOUT.match(plain):
        return _asked_of(about[1], turns[-1][0])
    if _names(plain) or not _PRONOUN.search(plain) or _EXPLETIVE.search(plain):
        return question
    antecedent = _antecedent(turns)
    return _capitalised(_substituted(plain, antecedent)) if antecedent else question


def _antecedent(turns: Sequence[tuple[str, str]]) -> str | None:
    for asked, answered in reversed(turns):
        for names in (_names(answered), _names(asked)):
            if names:
                return names[0]
    return None


def _names(text: str) -> list[str]:
    """Capitalised names in order, without asking words before them; no dates, no numbers."""
    found = []
    for name in _NAME.findall(text):
        words = name.split()
        while words and _bare(words[0]) in _ASKING:
            words = words[1:]
        if words and _bare(words[0]) not in _DATES_AND_NUMBERS:
            found.append(re.sub(r"['\u2019]s$", "", " ".join(words)).rstrip(".,"))
    return found


def _bare(word: str) -> str:
    """A word without what is fastened to it: `What's` and `Didn't` are `what` and `did`."""
    return re.split(r"n['\u2019]t$|['\u2019]|[.,]+$", word.lower())[0]


def _substituted(question: str, name: str) -> str:
    def put(pronoun: re.Match[str]) -> str:
        word = pronoun[0].lower()
        owns = word in _POSSESSIVE and (word != "her" or re.match(r"\s+\w", question[pronoun.end() :]))
        return f"{name}'s" if owns else name

    return _PRONOUN.sub(put, question, count=1)


def _asked_of(subject: str, question: str) -> str:
    if _YEAR.fullmatch(subject) and _YEAR.search(question):
        return _YEAR.sub(subject, question, count=1)
    if names := _names(question):
        return question.replace(names[-1], subject, 1)
    if _PRONOUN.search(question):
        return _substituted(question, subject)
    return f"{question.rstrip('? ')} {subject}?"


def _capitalised(question: str) -> str:
    return question[:1].upper() + question[1:]


def _valid(text: str) -> str:
    return text[:_LONGEST].encode("utf-8", "replace").decode()

"""Questions that lean on the conversation before them, made to stand alone by rule."""

from __future__ import annotations

import re
from collections.abc import Sequence

History = Sequence[tuple[str, str | None]]

_NAME = re.compile(r"\b[A-Z][\w'\u2019.-]*(?:\s+(?:of\s+|de\s+|van\s+|von\s+)?[A-Z][\w'\u2019.-]*)*")
_OPENING = re.compile(r"^(?:and|but|so|or)\b[\s,]*", re.IGNORECASE)
_WHAT_ABOUT = re.compile(r"^(?:what|how) about\s+(.+?)\??$", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(he|she|him|his|her|hers|they|them|their|it|its)\b", re.IGNORECASE)
_POSSESSIVE = frozenset({"his", "her", "hers", "their", "its"})
_ASKING = frozenset(
    "who whom whose what which when where why how is are was were do does did has have had can could will would should"
    " in on at for the a an and but tell i".split()
)


def resolve(question: str, history: History) -> str:
    """The question with what it takes from the conversation put in; itself when it stands alone.

    Two forms are resolved: `what about X?` asks the last question of X, and a pronoun in a question that names nobody
    stands for the last answer's name, or else the last name asked about.
    """
    if not history:
        return question
    plain = _OPENING.sub("", question).strip()
    if about := _WHAT_ABOUT.match(plain):
        return _asked_of(about[1], history[-1][0])
    if _names(plain) or not _PRONOUN.search(plain):
        return question
    antecedent = _antecedent(history)
    return _capitalised(_substituted(plain, antecedent)) if antecedent else question


def _antecedent(history: History) -> str | None:
    for asked, answered in reversed(history):
        for names in (_names(answered or "", answer=True), _names(asked)):
            if names:
                return names[0]
    return None


def _names(text: str, *, answer: bool = False) -> list[str]:
    """Capitalised names; the first word of a question counts only when it is no asking word."""
    found = []
    for name in _NAME.findall(text):
        words = name.split()
        while words and words[0].lower() in _ASKING and not answer:
            words = words[1:]
        if words:
            found.append(" ".join(words).removesuffix("'s").removesuffix("\u2019s").rstrip(".,"))
    return found


def _substituted(question: str, name: str) -> str:
    def put(pronoun: re.Match[str]) -> str:
        word = pronoun[0].lower()
        owns = word in _POSSESSIVE and (word != "her" or re.match(r"\s+\w", question[pronoun.end() :]))
        return f"{name}'s" if owns else name

    return _PRONOUN.sub(put, question, count=1)


def _asked_of(subject: str, question: str) -> str:
    names = _names(question)
    return question.replace(names[-1], subject.rstrip("?"), 1) if names else f"{question.rstrip('?')} {subject}?"


def _capitalised(question: str) -> str:
    return question[:1].upper() + question[1:]

"""Questions that lean on the conversation before them, made to stand alone by rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from corpus import QuestionError
from qa.ellipsis import asked_of, rest_of, with_noun
from qa.mentions import Setting, Turn, names_in, nouns_in, texts_of
from qa.pronouns import Reading, capitalised, points_back, put_in

History = Sequence[tuple[str, str | None]]
Locate = Callable[[str, str], tuple[str, str]]
"""From a question and its answer to the sentence it was quoted from and the text of its article, or two empty texts."""

REMEMBERED_TURNS = 5
_LONGEST = 1000
_OPENING = re.compile(r"^(?:and|but|so|or|ok(?:ay)?|then|well|also)\b[\s,]*", re.IGNORECASE)
_WHAT_ABOUT = re.compile(r"^(?:(?:what|how) about|same (?:question )?for)\s+(.+?)\s*\??$", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:is|are|was|were|do|does|did|has|have|had|will|would|can|could|should|must|may|might|"
    r"(?:did|do|does|was|is|are|were|has|have|had|wo|ca|would|could)n['\u2019]t|\w+ed|won|said|made|led|"
    r"took|got|gave|paid|built|wrote|found|lost|beat|came|went|ran|drove|replaces?|leads?|owns?|makes?|pays?|runs?)\b",
    re.IGNORECASE,
)
_ASKING = re.compile(r"^(?:who|whom|whose|what|which|when|where|why|how)\b", re.IGNORECASE)
_NOISE = frozenset("now|yes|no|ok|okay|thanks|thank you|you|hello|hi|help|please|test|really|and|so".split("|"))
_VAGUE = re.compile(
    r"^(?:who|what|when|where|why|how|which|by how much|how (?:much|many|long|old|big|far))\b"
    r"(?: (?:is|are|was|were|do|does|did|has|have|had|will|would|can))?"
    r"(?: (?:the|a|an))?(?: [\w'\u2019-]+){1,2}(?: (?:it|in|for|up|off|on|out|first|second|third|last))?\s*\??$",
    re.IGNORECASE,
)


def resolve(question: str, history: History) -> str:
    """The question with what it takes from the conversation put in; itself when it stands alone or is unclear.

    `what about X?` asks the last question of X, "why?" asks it with another word, and pronouns stand for what was
    named last. Turns count by their first 1,000 characters.
    """
    reading = understand(question, history)
    return reading.forms[0] if reading.forms and not reading.is_vague else question


def understand(question: str, history: History, locate: Locate | None = None) -> Reading:
    """How a question is understood after the turns before it, of which the last five count.

    `locate` finds what earlier answers were quoted from; it is called only for a question that may lean on them.
    Raises `QuestionError` when the history is no list of (question, answer or None).
    """
    turns = check_history(history)
    plain = _OPENING.sub("", question).strip() or question
    if not turns or not _may_lean(plain, question):
        return Reading()
    known: list[Turn] = []
    for turn in turns:
        before = (
            _read(turn.asked, tuple(known))
            if known and _may_lean(_OPENING.sub("", turn.asked).strip(), turn.asked)
            else Reading()
        )
        asked = before.forms[0] if before.forms else turn.asked
        sentence, text = locate(asked, turn.answered) if locate else ("", "")
        known.append(replace(turn, asked=asked, sentence=sentence, text=text, called=before.called))
    return _read(question, tuple(known))


def check_history(history: History) -> tuple[Turn, ...]:
    """The last turns, each by its first 1,000 characters. Raises `QuestionError` when they are no turns."""
    found = []
    given: object = history
    for turn in given[-REMEMBERED_TURNS:] if isinstance(given, list | tuple) else (None,):
        match turn:
            case [str(asked), str() | None as answered]:
                found.append(Turn(_valid(asked).strip(), _valid(answered or "").strip()))
            case _:
                raise QuestionError("the history is wrong; give (question, answer or None) for each turn before")
    return tuple(found)


def _may_lean(plain: str, question: str) -> bool:
    """Whether a question has anything that could point back; most that stand alone are told apart here."""
    if plain != question and len(plain.split()) <= 6:
        return True
    return bool(
        _WHAT_ABOUT.match(plain)
        or points_back(plain)
        or re.search(r"\b(?:else|others?|another|one|ones|more|same)\b", plain, re.IGNORECASE)
        or len(plain.split()) <= 5
    )


def _read(question: str, turns: tuple[Turn, ...]) -> Reading:
    setting, last = texts_of(turns), turns[-1]
    plain = _OPENING.sub("", question).strip() or question
    if not re.search(r"\w", plain) or not last.asked:
        return Reading()
    if about := _WHAT_ABOUT.match(plain):
        plain = f"{about[1]}?"
    if piece := rest_of(plain, last, turns, setting):
        whole, more = piece
        return Reading((capitalised(whole),), besides=_given(turns) if more else ())
    if about or _is_fragment(plain):
        subject = put_in(plain, turns, setting)
        if subject.forms and re.match(r"(?:his|her|their|its)\b", plain, re.IGNORECASE):
            return subject
        whom = tuple(one.rstrip("?!. ") for one in subject.forms or subject.choices) or (plain.rstrip("?!. "),)
        forms = tuple(capitalised(asked_of(one, last, setting)) for one in whom)
        return Reading((), forms) if subject.choices else Reading(forms[:1], called=subject.called)
    whole = with_noun(plain, last)
    reading = put_in(whole, turns, setting)
    if reading.forms or reading.choices:
        return reading
    if whole != plain:
        return Reading((capitalised(whole),))
    if _is_vague(plain, setting):
        return Reading((_on_topic(plain, last),), is_vague=True)
    return Reading()


def _is_fragment(plain: str) -> bool:
    """Whether it is a name or a noun rather than a question: "the second attempt?", "in 2019?"."""
    words = plain.rstrip("?!. ").split()
    if (
        not 0 < len(words) <= 7
        or plain.lower().rstrip("?!. ") in _NOISE
        or _ASKING.match(plain)
        or not (plain.endswith("?") or len(words) <= 4)
    ):
        return False
    return not _VERB.search(plain) or bool(
        re.match(r"(?:the|in|at|on) ", plain, re.IGNORECASE) and not _VERB.search(" ".join(words[-1:]))
    )


def _is_vague(plain: str, setting: Setting) -> bool:
    """Whether a question says too little to stand alone: "Who won?", "Who paid?"."""
    return bool(_VAGUE.match(plain)) and not names_in(plain) and not re.search(r"\d", plain)


def _on_topic(plain: str, last: Turn) -> str:
    """A question that says too little, with the names and nouns of the last one behind it."""
    names = [one.text for one in names_in(last.asked)] or [one.text for one in nouns_in(last.asked)]
    topic = [one for one in dict.fromkeys(names) if one.lower() not in plain.lower()]
    return capitalised(f"{plain.rstrip('? ')} ({', '.join(topic[:3])})?" if topic else plain)


def _given(turns: tuple[Turn, ...]) -> tuple[str, ...]:
    """The answers of the last turns, as far as they answer the same question."""
    return tuple(turn.answered for turn in turns[-2:] if turn.answered)


def _valid(text: str) -> str:
    return text[:_LONGEST].encode("utf-8", "replace").decode()

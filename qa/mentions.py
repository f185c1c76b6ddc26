"""Who and what a conversation has named: people and whether they are he or she, things, and the nouns of a question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from corpus.sentences import sentence_spans
from qa.genders import Gender, gender, people
from qa.verbs import finite

_PARTICLES = "of|de|da|di|du|la|le|van|von|der|den|ter|bin|al|for"
_NAME = re.compile(rf"(?:#\d+|\b[A-Z])[\w'\u2019.-]*(?:\s+(?:(?:{_PARTICLES})\s+(?:the\s+)?)*[A-Z0-9][\w'\u2019.-]*)*")
_TITLE = re.compile(r"^(?:(?:Dr|Prof|Cllr|Mr|Mrs|Ms|Miss|Sir|Rev)\b\.?|Professor|Doctor|Councillor)\s+")
# capitalised at the beginning of a question, yet no name
_ASKING = frozenset(
    "who whom whose what which when where why how is are was were do does did has have had can could will would should"
    " in on at for by with to from of as after before during under the a an and but tell please say name give i"
    " so or since until he she it they his her its their him them this that these those there then besides"
    " along".split()
)
# capitalised anywhere, yet nobody's name
_DATES_AND_NUMBERS = frozenset(
    "january february march april may june july august september october november december"
    " monday tuesday wednesday thursday friday saturday sunday"
    " one two three four five six seven eight nine ten yes no about because".split()
)
_PREPOSITION = re.compile(
    r"\b(?:in|at|from|near|of|for|on|during|off|to|around|with|by|since|after|before)(?: the)? $", re.IGNORECASE
)
_ADJECTIVES = frozenset("new old first second third next big large larger bigger main other same whole final".split())
_DETERMINERS = frozenset("the a an this that these those his her its their each one any every some".split())
_STOP = frozenset(
    "is are was were be been being do does did has have had can could will would shall should may might must not"
    " who whom whose what which when where why how that than as if and or but to of in on at for from with by about"
    " into over under after before during since until because while he she it they him them his her its their there"
    " i we you s rather instead also ever still first last not cost costs so left off up out".split()
)
# what stands after "did" or "will" and may follow a noun
_BASES = frozenset(
    "add answer arrive ask become begin belong break bring build buy call carry change choose claim close come contain"
    " cost cover cut cut decide drive drop earn employ end enter expect fail fall find finish follow get give go grow"
    " happen have help hold include join keep know last lead learn leave lend let like live look lose make mean"
    " measure meet move need offer open operate own pay pick plan play produce publish put race raise reach receive"
    " reject replace reply represent rise run say see sell send set share shut sign spend stand start stay stop"
    " take tell think try turn use vote want weigh win work write".split()
)
_BOUNDARY = re.compile(r"[\w'\u2019#.£$€%-]*\w|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation: the question as it was understood, the answer given, and where it was found.

    `sentence` is the one that the answer was quoted from and `text` its article, both empty where they are not known.
    `called` says whom the question called he or she.
    """

    asked: str
    answered: str = ""
    sentence: str = ""
    text: str = ""
    called: tuple[tuple[str, Gender], ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A name or a noun with its determiner, as it can be put into a question; `start` is where it stands."""

    text: str
    start: int
    is_name: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """What the articles of a conversation know of the names in it."""

    texts: tuple[str, ...] = ()
    called: tuple[tuple[str, Gender], ...] = ()
    _people: dict[str, tuple[str, str]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for text in reversed(self.texts):  # the latest turn has the last word
            self._people.update({form.lower(): (full, text) for form, full in people(text).items()})

    def person(self, name: str) -> str | None:
        """The full name of the person who goes by this name, None when the articles know no such person."""
        found = self._people.get(untitled(name).lower())
        return found[0] if found else None

    def full(self, name: str) -> str:
        """The name, in full where the articles have it so."""
        return self.person(name) or untitled(name)

    def is_thing(self, name: str) -> bool:
        """Whether the articles have this name, and not for a person."""
        return self.person(name) is None and untitled(name) == name and any(name in text for text in self.texts)

    def gender(self, name: str) -> Gender | None:
        """Whether the articles, or else the questions, call this person he or she; None when they do not tell."""
        found = self._people.get(untitled(name).lower())
        told = gender(*found) if found else None
        return told or dict(self.called).get(self.full(name))

    def named_in(self, text: str) -> list[Named]:
        """The names in a question or an answer, in order; people also when they are written in small letters."""
        found = names_in(text)
        if self._people and (text == text.lower() or not found):
            for form in sorted(self._people, key=len, reverse=True):
                at = re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text.lower())
                if at and not any(one.start <= at.start() < one.start + len(one.text) for one in found):
                    found.append(Named(self._people[form][0], at.start(), is_name=True))
        return sorted(found, key=lambda one: one.start)


def names_in(text: str) -> list[Named]:
    """Capitalised names in order, without asking words before them; no dates, no numbers."""
    found = []
    for match in _NAME.finditer(text):
        start, rest = match.start(), match[0]
        while (first := re.match(r"\S+\s*", rest)) and _bare(first[0].strip()) in _ASKING:
            start, rest = start + first.end(), rest[first.end() :]
        name = re.sub(r"['\u2019]s?$", "", rest).rstrip(".,'\u2019")
        if name and _bare(name.split()[0]) not in _DATES_AND_NUMBERS:
            found.append(Named(name, start, is_name=True))
    return found


def nouns_in(question: str) -> list[Named]:
    """The nouns of a question with their determiners, such as "the new bridge" and "Quillmark's dividend", in order."""
    words = [(one[0], one.start()) for one in _BOUNDARY.finditer(question)]
    helped = bool(re.search(r"\b(?:do|does|did|will|would|can|could|should|must|may|might)\b", question, re.IGNORECASE))
    found = []
    number = 0
    while number < len(words):
        word, start = words[number]
        counted = number and words[number - 1][0].lower() == "how" and word.lower() == "many"
        asked = word.lower() in {"which", "what"}
        owner = bool(re.search(r"\w['\u2019]s?$", word)) and word[0].isupper() and _bare(word) not in _ASKING
        if word.lower() not in _DETERMINERS and not (owner or counted or asked):
            number += 1
            continue
        last = number + 1
        while last < len(words) and (
            _goes_on(words[last][0], first=last == number + 1, helped=helped)
            or (words[last - 1][0].lower() in _ADJECTIVES and words[last][0].isalpha())
        ):
            last += 1
        if last > number + 1:
            first = number + 1 if counted or asked else number
            text = question[words[first][1] : words[last - 1][1] + len(words[last - 1][0])]
            found.append(Named(text, words[first][1] if first != number else start, is_name=False))
        number = max(last, number + 1)
    return found


def _goes_on(word: str, *, first: bool, helped: bool) -> bool:
    if not word[0].isalnum() and word[0] not in "#£$€":
        return False
    if word[0].isupper():
        return True
    if word in _STOP:
        return first and word in {"first", "last"}
    if first:
        return finite(word) is None or word.endswith("ed")
    return finite(word) is None and not (helped and word in _BASES)


def after_place_preposition(text: str, start: int) -> bool:
    """Whether what stands at `start` only says where or when."""
    return bool(re.search(r"\b(?:in|at|near|during|off|around|on)(?: the)? $", text[:start], re.IGNORECASE))


def after_preposition(text: str, start: int) -> bool:
    """Whether what stands at `start` only says where, when or whose, as "Brno" in "Who won at Brno?"."""
    return bool(_PREPOSITION.search(text[:start]))


def untitled(name: str) -> str:
    """A name without a title before it, or what is fastened behind."""
    name = re.sub(r"['\u2019]s?$", "", name.strip(" ,.;:"))
    return _TITLE.sub("", name)


def role_of(question: str) -> str | None:
    """Who a question asks about where it names nobody: "the town engineer", None without such words."""
    for noun in nouns_in(question):
        if noun.text.lower().startswith("the "):
            more = re.match(
                r" (?:of|for|from|at) (?:the )?[A-Z\w][\w'\u2019-]*(?: [A-Z][\w-]*)*",
                question[noun.start + len(noun.text) :],
            )
            return noun.text + (more[0] if more else "")
    return None


def coordinated(text: str, setting: Setting) -> list[str]:
    """The names that a text first lists side by side, as "Ada Lunn and Bo Strand", in full; fewer than two are none."""
    listed: list[Named] = []
    for one in setting.named_in(text):
        between = text[listed[-1].start + len(listed[-1].text) : one.start] if listed else ""
        if listed and re.fullmatch(r",? and (?:the )?|, (?:the )?", between):
            listed.append(one)
        elif len(listed) < 2:
            listed = [one]
    return list(dict.fromkeys(setting.full(one.text) for one in listed)) if len(listed) > 1 else []


def nearest_sentence(text: str, answer: str, question: str) -> str:
    """The sentence of a passage that holds the answer and most of the question's words."""
    if not answer:
        return ""
    words = set(re.findall(r"\w{4,}", question.lower()))
    holding = [text[a:b].strip() for a, b in sentence_spans(text) if answer in text[a:b]]
    return max(holding, key=lambda one: len(words & set(re.findall(r"\w{4,}", one.lower()))), default="")


def _bare(word: str) -> str:
    """A word without what is fastened to it: `What's` and `Didn't` are `what` and `did`."""
    return re.split(r"n['\u2019]t$|['\u2019]|[.,]+$", word.lower())[0]


def texts_of(turns: Sequence[Turn]) -> Setting:
    """The setting of a conversation: the articles its answers were found in."""
    texts = tuple(dict.fromkeys(turn.text for turn in reversed(turns) if turn.text))
    return Setting(texts, tuple(pair for turn in turns for pair in turn.called))

"""What a pronoun may stand for in a conversation, the likeliest first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qa.genders import Gender
from qa.mentions import Named, Setting, Turn, after_preposition, coordinated, names_in, nouns_in, role_of

_MOST = 3
_DATE = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|week|month|year|winter|summer|spring|autumn|season|\d{4})\b",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"^(?:[£$€]?\d|(?:one|two|three|four|five|six|seven|eight|nine|ten|half)\b|because\b|by\b|for\b|to\b|so\b)",
    re.IGNORECASE,
)
_DETERMINED = re.compile(r"(?:the|a|an|this|that|each|one|his|her|its|their|\S*[A-Z]\S*['\u2019]s?)\s", re.IGNORECASE)
_ABSTRACT = frozenset(
    "name number cost costs price age time date day year result reason share percentage amount position job role place"
    " depth height width length weight size speed score chief head leader boss captain coach founder owner manager"
    " director final first last total kind model maximum end beginning rest way".split()
)
_GROUP = re.compile(
    r"\b(?:agency|association|bank|board|church|club|college|committee|company|cooperative|council|foundation|fund|group|"
    r"hospital|inc|institute|limited|ltd|medical|motorsports?|museum|orchestra|party|philharmonic|plc|racing|research|"
    r"school|society|systems|team|trust|union|university|civil|instruments)\b",
    re.IGNORECASE,
)
_PEOPLE = re.compile(
    r"\b(?:man|woman|boss|captain|coach|leader|head|manager|director|doctor|engineer|student|driver|conductor|analyst|"
    r"chief|executive|scientist|councillor|cox|specialist|officer|deputy|patients?|volunteers?|divers?|players?|"
    r"champions?|biologists?|daughter|father|president|minister|author|writer|founder|owner|team-mate|successor)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Antecedents:
    """The likely ones, best first; or, when nothing makes one likelier, the `tied`."""

    likely: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()


def for_person(word: Gender, turns: tuple[Turn, ...], setting: Setting) -> Antecedents:  # noqa: C901
    """Whom "he" or "she" stands for: the last answer's person, the last question's, the quoted sentence's, and so on.

    People whom the articles call by the other pronoun are passed over. Two people listed in one answer tie, unless
    the articles call just one of them so.
    """
    for turn in reversed(turns):
        for text in (turn.answered, turn.asked):
            if _is_date(text):
                continue
            found = [
                setting.full(one.text) for one in setting.named_in(text) if _may_be_person(one, turn, text, setting)
            ]
            fitting = [name for name in dict.fromkeys(found) if setting.gender(name) in {word, None}]
            sure = [name for name in fitting if setting.gender(name) == word]
            if len(sure) == 1:
                return Antecedents((sure[0],))
            pair = [one for one in coordinated(text, setting) if one in fitting]
            if len(pair) > 1:
                return Antecedents(tied=tuple(pair[:_MOST]))
            known = [name for name in fitting if setting.person(name)]
            if fitting:
                return Antecedents(((sure or known or fitting)[0],))
        if (role := role_of(turn.asked)) and _PEOPLE.search(role.split(" of ")[0]) and not turn.answered:
            return Antecedents((role,))
    for turn in reversed(turns):
        named = [setting.person(one.text) for one in names_in(turn.sentence)]
        fitting = [name for name in dict.fromkeys(named) if name and setting.gender(name) in {word, None}]
        if fitting:
            return Antecedents((fitting[0],))
    for turn in reversed(turns):
        role = role_of(turn.asked)
        if role and _PEOPLE.search(role.split(" of ")[0]):
            return Antecedents((role,))
    return Antecedents()


def for_thing(turns: tuple[Turn, ...], setting: Setting, *, noun: str = "") -> Antecedents:
    """What "it" may stand for: the thing the last question is about, or the thing it was answered with.

    `noun` is what kind of thing it is, as in "that race".
    """
    found: list[str] = []
    for turn in reversed(turns):
        own = _things_asked(turn, setting)
        answered = _thing_answered(turn, setting)
        asks_for_thing = re.match(r"(?:what|which)\b", turn.asked, re.IGNORECASE)
        order = [*answered, *own] if asks_for_thing or not own else [*own, *answered]
        if noun:
            order = [one for one in order if re.search(rf"\b{re.escape(noun.rstrip('s'))}", one, re.IGNORECASE)] or (
                answered if re.search(rf"^(?:which|what) (?:\w+ )?{re.escape(noun)}", turn.asked, re.IGNORECASE) else []
            )
        found += order
    return Antecedents(tuple(dict.fromkeys(found))[:_MOST])


def for_them(turns: tuple[Turn, ...], setting: Setting) -> Antecedents:
    """Whom or what "they" stands for: several people, a group, things; one person only when there is nothing else."""
    found: list[str] = []
    single: list[str] = []
    for turn in reversed(turns):
        for text in (turn.answered, turn.asked):
            if _is_date(text):
                continue
            if pair := coordinated(text, setting):
                found.append(" and ".join(pair) if len(pair) == 2 else f"{', '.join(pair[:-1])} and {pair[-1]}")
            if text is turn.asked:
                nouns = [one for one in nouns_in(text) if not _is_abstract(one.text)]
                plural = [
                    one.text
                    for one in nouns
                    if re.search(r"[a-z](?<!s)s$", one.text)
                    and (_DETERMINED.match(one.text) or _PEOPLE.search(one.text))
                ]
                groups = [
                    one.text
                    for one in nouns
                    if re.search(
                        r"\b(?:team|crew|company|council|club|orchestra|board|pair|couple|party|group)$", one.text
                    )
                ]
                found += plural + groups
            elif text and re.match(r"(?:the|two|three|four|five|\d+) [a-z -]*[a-z]s$", text):
                found.append(text)
            for one in setting.named_in(text):
                person = setting.person(one.text)
                (single if person else found).append(person or one.text)
    return Antecedents(tuple(dict.fromkeys([*found, *single]))[:_MOST])


def for_place(turns: tuple[Turn, ...], setting: Setting) -> str | None:
    """Where "there" is, with its preposition: the answer to the last "where", else the last place named."""
    for turn in reversed(turns):
        if (
            re.search(r"\b(?:where|what city|which (?:city|town|country|place))\b", turn.asked, re.IGNORECASE)
            and turn.answered
        ):
            return turn.answered if re.match(r"(?:in|at|on|near|off)\b", turn.answered) else f"in {turn.answered}"
        for text in (turn.asked, turn.answered):
            for one in names_in(text):
                if (
                    after_preposition(text, one.start)
                    and setting.person(one.text) is None
                    and not _DATE.search(one.text)
                ):
                    preposition = re.search(r"(\w+)(?: the)? $", text[: one.start])
                    word = preposition[1].lower() if preposition else "in"
                    return f"{word if word in {'in', 'at', 'on', 'near', 'off'} else 'in'} {one.text}"
    return None


def _things_asked(turn: Turn, setting: Setting) -> list[str]:
    """The things of a question: what it is about before what only says where, names before plain nouns."""
    nouns = [
        one
        for one in nouns_in(turn.asked)
        if _DETERMINED.match(one.text) and not _is_abstract(one.text) and not _PEOPLE.search(one.text)
    ]
    names = [
        one
        for one in setting.named_in(turn.asked)
        if setting.person(one.text) is None
        and not any(noun.start <= one.start < noun.start + len(noun.text) for noun in nouns)
        and not _looks_like_person(one, turn.asked, setting)
    ]
    owners = [
        Named(re.sub(r"['\u2019]s?$", "", noun.text.split()[0]), noun.start, is_name=True)
        for noun in nouns
        if re.match(r"\S*[A-Z]\S*['\u2019]s?\s", noun.text)
        and not _looks_like_person(Named(noun.text.split()[0], 0, is_name=True), "", setting)
    ]
    nouns = [
        one for one in nouns if not (re.match(r"\S*[A-Z]\S*['\u2019]s?\s", one.text) and len(one.text.split()) < 2)
    ]
    found = [one for one in sorted([*nouns, *names], key=lambda one: one.start) if setting.person(one.text) is None]
    first = [one for one in found if not after_preposition(turn.asked, one.start)]
    return [one.text for one in [*first, *(one for one in found if one not in first), *owners]]


def _thing_answered(turn: Turn, setting: Setting) -> list[str]:
    text = turn.answered.strip(" .,")
    if not text or len(text) > 80 or _QUANTITY.match(text) or _is_date(text):
        return []
    named = [one for one in setting.named_in(text) if setting.person(one.text) is None]
    if named and not re.match(r"who\b", turn.asked, re.IGNORECASE):
        return [text if len(text.split()) <= 6 else named[0].text]
    if named and all(setting.is_thing(one.text) for one in named):
        return [named[0].text]
    if re.match(r"(?:a|an|the|his|her|its|their) ", text) and re.match(r"(?:what|which)\b", turn.asked, re.IGNORECASE):
        return [re.sub(r"^(?:an?) ", "the ", text)]
    return []


def _may_be_person(name: Named, turn: Turn, text: str, setting: Setting) -> bool:
    if setting.person(name.text):
        return True
    if (
        text is turn.answered
        and re.match(r"(?:who|whom)\b", turn.asked, re.IGNORECASE)
        and not _GROUP.search(name.text)
    ):
        return True
    return not setting.is_thing(name.text) and not (setting.texts and after_preposition(text, name.start))


def _looks_like_person(name: Named, text: str, setting: Setting) -> bool:
    return setting.person(name.text) is not None


def _is_abstract(noun: str) -> bool:
    return noun.lower().split()[-1] in _ABSTRACT


def _is_date(text: str) -> bool:
    return bool(_DATE.search(text)) and len(text.split()) <= 4 and not re.search(r"[A-Z]\w+ [A-Z]", text)


def for_group(turns: tuple[Turn, ...], setting: Setting) -> str | None:
    """Which team or company "the team" or "the company" is: the named thing that was last spoken of."""
    found: list[str] = []
    for turn in reversed(turns):
        for text in (turn.asked, turn.answered):
            for one in names_in(text):
                name = re.sub(r"['\u2019]s?$", "", one.text)
                if (
                    setting.person(name)
                    or name.startswith("#")
                    or _is_date(name)
                    or (setting.texts and not setting.is_thing(name))
                ):
                    continue
                if _GROUP.search(name) or not after_preposition(text, one.start):
                    return name
                found.append(name)
    return found[0] if found else None

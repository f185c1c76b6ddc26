"""Questions that are only the rest of the last one: "why?", "what about Sims?", "and in 2019?", "who else?"."""

from __future__ import annotations

import re

from qa.events import AUXILIARY, asked_about, parts_of
from qa.mentions import Named, Setting, Turn, after_preposition, coordinated, names_in, nouns_in
from qa.verbs import finite

_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_BARE = re.compile(
    r"^(?P<wh>(?:since|until|till|from|by) when|where (?:from|to)|in what way|how (?:so|come)|(?:what|who) for"
    r"|for what|as what"
    r"|(?:with|by|to|for) whom|who with|by how (?:much|many)|why not|(?:why|when|where|who|how)(?: exactly)?"
    r"|(?:(?:in|at|on|by|for|from|with|to|of|under|after|against) )?(?:which|what) [\w-]+(?: [\w-]+)?"
    r"|(?:(?:in|at|by|for|after|over) )?how (?:many|much)(?: [a-z-]+){1,2}"
    r"|(?:for )?how (?:long|much|many|old|far|big|high|fast|often|tall|heavy|deep|wide|large))\s*[?!.]*$",
    re.IGNORECASE,
)
_EVENT = re.compile(
    r"^(?P<wh>why|where|when|how|in (?:what|which) year|what year|on (?:what|which) (?:day|date)|how long ago)"
    r" (?:(?:was|is) (?:that|this|it|all this)(?: so| the case)?|(?:did|does|will|has|had|would)"
    r" (?:that|this|it|all this|they|he|she) (?:happen|happened|take place|occur|come about|do (?:that|this|it|so)))"
    r"\s*[?!.]*$",
    re.IGNORECASE,
)
_ELSE = re.compile(
    r"^(?:(?P<wh>who|whom|what|where|when|why|which|how) else|(?:any|some)(?P<any>one|body|thing|where) else"
    r"|any (?:others?|more)|(?:is|are|was|were) there any(?:one|body|thing|\s*others?)? ?(?:else)?)\b"
    r"\s*(?P<rest>.*?)\s*[?!.]*$",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"^(?:(?:who|what|which) (?:is|are|was|were) )?the (?:other|others|other ones?|second one)"
    r"(?: (?P<noun>[\w-]+))?\s*[?!.]*$",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    rf"\b(?P<wh>how many|which|which ones?)(?= (?:of (?:them|those|these)\b|(?:{AUXILIARY})\b))", re.IGNORECASE
)
_PREPOSITIONS = "in|at|on|for|with|from|by|to|against|under|of|since|after|before|during"
_WITH_PREPOSITION = re.compile(rf"^(?P<preposition>{_PREPOSITIONS}) (?P<noun>[^?]+?)\s*[?!.]*$", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(?:he|she|him|his|her|they|them|their|it|its)\b", re.IGNORECASE)
_ONE = re.compile(r"^(?:the|an?|that|this) (?:(?P<which>[\w'\u2019-]+(?: [\w-]+)?) )?ones?$", re.IGNORECASE)


def rest_of(question: str, last: Turn, turns: tuple[Turn, ...], setting: Setting) -> tuple[str, bool] | None:
    """The whole question that a piece of one stands for after the last turn, None when it is no such piece.

    The second value says whether it asks for another answer than those given.
    """
    if found := _EVENT.match(question):
        return asked_about(found["wh"], last), False
    found = _BARE.match(question)
    if found and not any(finite(word) for word in found["wh"].lower().split()[1:]):
        return asked_about(re.sub(r" exactly$", "", found["wh"]), last), False
    if found := _ELSE.match(question):
        return _else(found, last), True
    if (found := _OTHER.match(question)) and last.asked:
        return _other(found["noun"], last, turns, setting)
    return None


def with_noun(question: str, last: Turn) -> str:
    """The question with what "how many" or "which" counts, when it leaves that out: "How many did they win?"."""
    found = _COUNTED.search(question)
    if not found:
        return question
    asked = re.search(
        rf"\b(?:how many|how much|which|what) ((?:(?!(?:{AUXILIARY})\b)[\w'\u2019-]+ ?){{1,3}})",
        last.asked,
        re.IGNORECASE,
    )
    noun = asked[1].strip() if asked else ""
    if finite(noun.split(" ")[-1] if noun else ""):
        noun = noun.rpartition(" ")[0]
    if not noun and (plural := re.search(r"\b\d[\d,.]* ([a-z-]+s)\b", last.answered)):
        noun = plural[1]
    if not noun:
        plurals = [one.text for one in nouns_in(last.asked) if one.text.endswith("s") and not one.is_name]
        noun = re.sub(r"^(?:the|his|her|their|its)\s+", "", plurals[0]) if plurals else ""
    if not noun:
        return question
    wh = re.sub(r" ones?$", "", found["wh"])
    return f"{question[: found.start()]}{wh} {noun}{question[found.end() :]}"


def asked_of(subject: str, last: Turn, setting: Setting) -> str:
    """The last question, asked of another subject: a name, a noun, a year, or one of these with its preposition."""
    question = last.asked
    if given := _WITH_PREPOSITION.match(subject):
        return _placed(given["preposition"], given["noun"], question)
    if _YEAR.fullmatch(subject) and _YEAR.search(question):
        return _YEAR.sub(subject, question, count=1)
    nouns = nouns_in(question)
    if one := _ONE.match(subject):
        if not nouns:
            return question
        kept = nouns[-1].text.split()
        head = kept[-1] if not one["which"] else f"{one['which']} {kept[-1]}"
        return _exchanged(question, nouns[-1], f"the {head}")
    names = setting.named_in(question)
    if not names and (pronoun := _PRONOUN.search(question)):
        owns = pronoun[0].lower() in {"his", "her", "its", "their"}
        return f"{question[: pronoun.start()]}{subject}{chr(39) + 's' if owns else ''}{question[pronoun.end() :]}"
    if place := _alike(subject, names, nouns, question, setting):
        return _exchanged(question, place, subject)
    return f"{question.rstrip('? ')} {subject}?"


def _alike(subject: str, names: list[Named], nouns: list[Named], question: str, setting: Setting) -> Named | None:
    """What in a question another subject takes the place of: a person for a person, a thing for a thing."""
    if (
        not names_in(subject) or subject.rsplit(maxsplit=1)[-1].islower()
    ):  # "the second attempt" for "the first attempt", "sales in Asia" for "U.S. sales"
        words = subject.lower().split()
        for noun in nouns:
            theirs = noun.text.lower().split()
            if words[-1].rstrip("s") == theirs[-1].rstrip("s"):
                return noun
        for noun in nouns:
            shared = set(words) & set(noun.text.lower().split()) - {"the", "a", "an"}
            if shared:
                return noun
        if nouns:
            return next((one for one in nouns if not after_preposition(question, one.start)), nouns[-1])
        return names[-1] if names else None
    if not names:
        return next((one for one in nouns if not after_preposition(question, one.start)), nouns[-1] if nouns else None)
    bare = re.sub(r"^the ", "", subject)
    is_person = setting.person(bare) is not None
    if setting.texts:
        same = [one for one in names if (setting.person(one.text) is not None) == is_person]
        if same:
            return _whole(same[0] if is_person else same[-1], nouns, subject)
    free = [one for one in names if not after_preposition(question, one.start)]
    return _whole((free or names)[0 if free and len(names) > 1 else -1], nouns, subject)


def _whole(name: Named, nouns: list[Named], subject: str) -> Named:
    """The name with its determiner, when the subject has one too: "the Tarn Foundation" for "the Farrow Institute"."""
    if re.match(r"(?:the|a|an) ", subject, re.IGNORECASE):
        for noun in nouns:
            if noun.start < name.start < noun.start + len(noun.text) and noun.text.lower().startswith("the "):
                return noun
    return name


def _exchanged(question: str, old: Named, new: str) -> str:
    """The question with something else in the place of what it names; a possessive ending stays."""
    rest = question[old.start + len(old.text) :]
    ending = re.search(r"['\u2019]s?$", old.text)
    return f"{question[: old.start]}{new}{ending[0] if ending else ''}{rest}"


def _placed(preposition: str, noun: str, question: str) -> str:
    """The question with a time or place in it exchanged, or put at its end."""
    year = _YEAR.search(noun)
    if year and _YEAR.search(question):
        return _YEAR.sub(year[0], question, count=1)
    same = list(
        re.finditer(
            rf"\b{preposition} (?:the )?(?:[\w'\u2019.,-]+ ){{0,2}}?"
            r"(?:[A-Z0-9][\w'\u2019.-]*(?: [A-Z0-9][\w'\u2019.-]*)*|\w+(?=\s*\??$))",
            question,
        )
    )
    if same:
        return f"{question[: same[-1].start()]}{preposition.lower()} {noun}{question[same[-1].end() :]}"
    return f"{question.rstrip('? ')} {preposition.lower()} {noun}?"


def _else(found: re.Match[str], last: Turn) -> str:
    rest = found["rest"]
    wh = (
        found["wh"]
        or {"one": "who", "body": "who", "thing": "what", "where": "where"}.get((found["any"] or "").lower(), "")
    ).lower()
    asked = parts_of(last.asked)
    if rest and wh:
        return f"{wh} else {rest}?"
    if not asked:
        return last.asked
    tail = f"{asked['aux'] or ''} {asked['rest'].strip()}".strip()
    noun = re.match(r"(?:which|what|how many) (.+)", asked["wh"], re.IGNORECASE)
    if noun and (not wh or wh in {"which", "who", "what"}):
        return f"{asked['before'] or ''}which other {noun[1]} {tail}?"
    return f"{asked['before'] or ''}{wh or asked['wh'].lower()} else {tail}?"


def _other(noun: str | None, last: Turn, turns: tuple[Turn, ...], setting: Setting) -> tuple[str, bool] | None:
    """The other one of the two that the conversation has named, asked what the one was; else for whom else."""
    named = {setting.full(one.text) for one in setting.named_in(f"{last.asked} \n {last.answered}")}
    for turn in reversed(turns):
        for text in (turn.answered, turn.asked, turn.sentence):
            pair = coordinated(text, setting)
            left = [one for one in pair if one not in named]
            if len(pair) == 2 and len(left) == 1:
                if any(setting.full(one.text) in pair for one in setting.named_in(last.asked)):
                    return asked_of(left[0], last, setting), False
                return f"Who is {left[0]}?", False
    asked = parts_of(last.asked)
    if asked and asked["wh"].lower().split()[0] in {"who", "whom", "which", "what"} and last.answered:
        tail = f"{asked['aux'] or ''} {asked['rest'].strip()}".strip()
        what = f"which other {noun}" if noun and noun not in {"one", "ones"} else "who else"
        return f"{asked['before'] or ''}{what} {tail}?", True
    if noun:
        return asked_of(f"the other {noun}", last, setting), False
    return None

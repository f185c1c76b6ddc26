"""The clauses of news sentences that say what somebody did: subject, verb, and what follows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from corpus.sentences import sentence_spans, strip
from qa.names import NAME, names
from qa.verbs import Verb, finite

_NAMED = re.compile(rf"(?P<named>(?P<first>{NAME})(?: and (?P<second>{NAME}))?)(?P<aside>, (?:\d\d|[^,“”]{{2,90}}),)? ")
_THING = re.compile(r"(?P<named>The (?:[a-z][a-z-]+ ){0,2}[a-z][a-z-]+)(?P<aside>) ")
_VERB = re.compile(
    r"(?:(?:also|now|already|later|recently|soon) )?(?P<verb>[a-z]+)\b"
    r"(?: (?:(?:not|never|also|now|already|recently) )?(?P<next>[\w$£€’'-]+))?"
)
_RELATIVE = re.compile(r", who ")
_QUOTED = re.compile(r"[“”\"?]")
_ASIDE = re.compile(
    r"(?:[;:—–]| - |, (?:(?:all|both|most|some|many|none|one) of|with|who|whom|which|where|while|whose|but|and|as"
    r"|after|before|including|although|though|because|when|until|just|so|then|a|the|[A-Z]|\w+ing\b)).*$",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Clause:
    """What a sentence says of its subject, without asides: `told` follows the verb and stands at `at` in the text.

    `subject` is a name or "the" and a noun; the text, at [start, end), may have "he" or "she" for it.
    """

    subject: str
    start: int
    end: int
    is_person: bool
    verb: Verb
    told: str
    at: int

    @property
    def by_name(self) -> bool:
        """Whether the text names the subject here."""
        return self.end - self.start >= len(self.subject)

    def asked(self, told: str) -> str:
        """The clause as a question goes on after "when" or "why", with `told` in place of what follows the verb."""
        return f"{self.verb.inverted(self.subject, plural=' and ' in self.subject)} {told}".strip()


def clauses(text: str, known: Mapping[str, str]) -> Iterator[Clause]:
    """The clauses that begin a sentence outside quotations with a name, "the" and a noun, or "he" or "she".

    These two stand for the person whom the sentence before began with. `known` are the people of the text by each of
    their names, as from `qa.names.people`.
    """
    person = ""
    for a, b in sentence_spans(text):
        start, end = strip(text, a, b)
        sentence = text[start:end]
        found = None if _QUOTED.search(sentence) else _begins(sentence)
        if found is None:
            continue
        named = found["named"]
        pronoun = named in ("He", "She")
        subject = person if pronoun else "the" + named[3:] if named.startswith("The ") else named
        is_person = all(one in known for one in subject.split(" and "))
        person = subject if subject in known else ""
        if not subject or not (pronoun or subject.startswith("the ") or _is_name(named)):
            continue
        parts = [(found.end(), len(sentence))]
        if relative := _RELATIVE.match(found["aside"] or ""):
            parts.append((found.start("aside") + relative.end(), found.end("aside") - 1))
        for place, stop in parts:
            verb = _VERB.match(sentence, place)
            told = _ASIDE.sub("", sentence[verb.end("verb") : stop]).rstrip(" .,!") if verb else ""
            form = finite(verb["verb"], verb["next"] or "") if verb else None
            if verb and form:
                at = start + verb.end("verb") + len(told) - len(told.lstrip())
                yield Clause(subject, start, start + len(named), is_person, form, told.strip(), at)


def _begins(sentence: str) -> re.Match[str] | None:
    """The sentence's beginning up to where its verb should stand; "The" with the fewest words a verb follows."""
    words = sentence.split(" ", 4)
    for count in range(2, len(words)) if words[0] == "The" else ():
        found = _THING.match(" ".join(words[:count]) + " ")
        if found and finite(words[count]):
            return found
    return _NAMED.match(sentence)


def _is_name(named: str) -> bool:
    """Whether all of it is names, without a possessive and without a capital that only starts the sentence."""
    return all(names(one) and names(one)[0].text == one for one in named.split(" and "))

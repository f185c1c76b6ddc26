"""Questions drafted from an article by rule, with the stretch of it that answers each: for a person to review.

The rules know the sentences of news: somebody did something, somebody is the manager of something, somebody said
something, so many of something, on such a day. A sentence that fits none gives no question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from corpus import Article
from corpus.sentences import sentence_spans
from qa.clauses import Clause, clauses
from qa.names import NAME, names, people

_ROLES = (
    "manager|director|leader|chief|president|chairman|chairwoman|chair|captain|founder|owner|head|minister|mayor|secretary"
    "|spokesman|spokeswoman|spokesperson|editor|conductor|coach|engineer|analyst|professor|commander|designer|driver|author"
    "|principal|boss|curator|surgeon|scientist|biologist|researcher|investigator|treasurer|harbourmaster"
)
_APPOSITION = re.compile(
    rf"(?P<name>{NAME}), (?P<role>(?:the |a |an |its |their )?(?:[\w’'-]+ ){{0,4}}?(?:{_ROLES})\b"
    r"(?: (?:for|of|at|in|to|on) [^,.;“”\"\n]{2,60})?)(?=[,.;])"
)
_AGE = re.compile(rf"(?P<name>{NAME}), (?P<answer>\d\d)(?=[,.;])")
_SAID = r"(?:said|added|explained|joked|admitted|warned)"
_QUOTE = re.compile(
    rf"[“\"](?P<quote>[^“”\"\n]{{12,}}?)[,.!?]?[”\"],? (?:{_SAID} (?P<after>{NAME})|(?P<before>{NAME}) {_SAID})\b"
)
_SMALL = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty"
_COUNT = re.compile(
    rf"(?P<answer>(?:\d[\d,.]*(?<![,.])(?: (?:million|billion|thousand))?|{_SMALL})) "
    r"(?P<noun>(?:[a-z][a-z’'-]+ ){0,2}?(?:[a-z][a-z’'-]+s|people))\b(?P<rest>.*)",
    re.DOTALL,
)
_MONEY = re.compile(r"(?P<answer>[£$€]\d[\d,.]*(?<![,.])(?: ?(?:million|billion|m|bn)\b)?)(?P<rest>.*)", re.DOTALL)
_SOMEBODY = re.compile(rf"(?P<answer>{NAME})(?![’'])(?P<rest>.*)", re.DOTALL)
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = rf"(?:{_MONTHS})(?: \d{{1,2}}\b)?(?:,? \d{{4}})?|\d{{1,2}} (?:{_MONTHS})(?: \d{{4}})?|(?:19|20)\d\d"
_WHEN = re.compile(rf" (?P<since>on|in|since|until) (?P<answer>{_DATE})(?=$|[ ,.;])")
_SINCE = ("since", "until")
_BORN = re.compile(r"born in (?P<answer>[A-Z]\w+)")
_WHY = re.compile(r" (?P<answer>because .+)$", re.DOTALL)
_PRONOUN = re.compile(
    r"\b(?:I|we|us|our|my|you|your|he|she|it|they|their|them|him|this|these|those|that)\b", re.IGNORECASE
)
_SECOND_VERB = re.compile(r" and (?:will|is|are|was|were|has|have|had|can|could|would)\b")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_FEWEST_WORDS, _MOST_WORDS = 4, 20
_PER_NEAR_MISS = 4


@dataclass(frozen=True, slots=True)
class Draft:
    """A drafted question. `answer` is `article.text[start:end]`, or None, at -1, where the article does not say.

    `also` are other forms of the answer that a person would accept: the full name for the last name.
    """

    question: str
    answer: str | None
    start: int
    end: int
    category: str
    also: tuple[str, ...] = ()


def draft_questions(article: Article) -> list[Draft]:
    """Questions about an article in the order of their answers, then near misses that it seems not to answer.

    No two ask the same. Every one is meant to be looked at by a person before it counts for anything.
    """
    text, known = article.text, people(article.text)
    found: dict[str, Draft] = {}
    for made in _drafts(text, known):
        draft = made
        if person := known.get(made.answer or ""):
            forms = tuple(form for form, full in known.items() if full == person and form != made.answer)
            draft = replace(made, also=forms)
        if _FEWEST_WORDS <= len(draft.question.split()) <= _MOST_WORDS:
            found.setdefault(draft.question.casefold(), draft)
    answered = sorted(found.values(), key=lambda draft: (draft.start, draft.end))
    return [*answered, *_near_misses(text, answered, known)]


def _drafts(text: str, known: Mapping[str, str]) -> Iterator[Draft]:
    for match in _APPOSITION.finditer(text):
        role = re.sub(r"^(?:(?:the|its|their|a|an) )?", "the ", match["role"], count=1)
        if (name := names(match["name"])) and name[-1].text in known and not _PRONOUN.search(role):
            yield _draft(text, f"Who is {role}", match.start("name") + name[-1].start, name[-1].text, "who")
    for match in _AGE.finditer(text):
        if name := names(match["name"]):
            yield _draft(text, f"How old is {name[-1].text}", match.start("answer"), match["answer"], "how-many")
    for match in _QUOTE.finditer(text):
        speaker = "after" if match["after"] else "before"
        if name := names(match[speaker]):
            asked = f"Who said “{_beginning(match['quote'])}”"
            yield _draft(text, asked, match.start(speaker) + name[0].start, name[0].text, "who")
    for clause in clauses(text, known):
        yield from _of_subject(clause, text)
        yield from _of_object(clause, text, known)
        yield from _of_circumstance(clause, text)


def _of_subject(clause: Clause, text: str) -> Iterator[Draft]:
    """Who did it?"""
    told = _WHY.sub("", clause.told)
    if clause.is_person and clause.by_name and not _PRONOUN.search(told):
        verb = {"have": "has", "do": "does"}.get(clause.verb.text, clause.verb.text)
        yield _draft(text, f"Who {verb} {told}", clause.start, text[clause.start : clause.end], "who")


def _of_object(clause: Clause, text: str, known: Mapping[str, str]) -> Iterator[Draft]:
    """How many, how much, or whom, as the words right after a main verb say."""
    if clause.verb.tense == "auxiliary":
        return
    for pattern, ask in ((_COUNT, "How many {noun}"), (_MONEY, "How much"), (_SOMEBODY, "Who")):
        match = pattern.match(clause.told)
        if match is None or _PRONOUN.search(match["rest"]):
            continue
        if pattern is _SOMEBODY and match["answer"] not in known:
            continue
        asked = ask.format_map(match.groupdict())
        category = "who" if pattern is _SOMEBODY else "how-many"
        rest = "" if match["rest"].startswith(",") else match["rest"].strip()
        question = f"{asked} {clause.asked(rest)}"
        yield _draft(text, question, clause.at, match["answer"], category)
        return


def _of_circumstance(clause: Clause, text: str) -> Iterator[Draft]:
    """When, where and why."""
    for word, pattern in (("When", _WHEN), ("Where", _BORN), ("Why", _WHY)):
        told = clause.told if word == "Why" else _WHY.sub("", clause.told)
        for match in pattern.finditer(told):
            left = told[: match.start()] + ("born" if word == "Where" else told[match.end() :])
            left = left.strip(" ,")
            if left and not _PRONOUN.search(left) and not _SECOND_VERB.search(left):
                at = clause.at + match.start("answer")
                asked = f"{match['since'].capitalize()} when" if match.groupdict().get("since") in _SINCE else word
                yield _draft(text, f"{asked} {clause.asked(left)}", at, match["answer"], word.lower())


def _near_misses(text: str, answered: Sequence[Draft], known: Mapping[str, str]) -> list[Draft]:
    """Some of the questions, about another person or year of whom the article does not say it as far as one can see."""
    everyone = list(dict.fromkeys(known.values()))
    found: dict[str, Draft] = {}
    for number, draft in enumerate(answered):
        asked = draft.question
        name = next((one for one in sorted(known, key=len, reverse=True) if re.search(rf"\b{one}\b", asked)), None)
        other = ""
        if name and draft.category != "where" and "“" not in asked:
            others = [one for one in everyone if one != known[name] and one.split()[-1] not in asked]
            away = [one for one in others if not _near(text, one, draft)]
            other = asked.replace(name, away[number % len(away)]) if away else ""
        elif year := _YEAR.search(asked):
            other = asked.replace(year[0], str(int(year[0]) - 3)) if str(int(year[0]) - 3) not in text else ""
        if other:
            found.setdefault(other.casefold(), Draft(other, None, -1, -1, "unanswerable-near"))
    return list(found.values())[: max(1, len(answered) // _PER_NEAR_MISS)]


def _near(text: str, name: str, draft: Draft) -> bool:
    """Whether the paragraph of the answer, or for an age any other place, tells of this person as well."""
    if draft.question.startswith("How old"):
        return bool(re.search(rf"{name.rsplit(maxsplit=1)[-1]},? (?:\(|aged )?\d\d\b", text))
    first, last = text.rfind("\n", 0, draft.start) + 1, text.find("\n", draft.end)
    return name.rsplit(maxsplit=1)[-1] in text[first : last if last >= 0 else len(text)]


def _beginning(quote: str) -> str:
    """The first sentence of a quotation, or the first words of a long one."""
    start, end = sentence_spans(quote)[0]
    words = quote[start:end].rstrip(" .,!?").split()
    return " ".join(words) if len(words) <= 12 else " ".join(words[:10]) + " …"


def _draft(text: str, question: str, start: int, answer: str, category: str) -> Draft:
    end = start + len(answer)
    assert text[start:end] == answer
    return Draft(f"{' '.join(question.split())}?", answer, start, end, category)

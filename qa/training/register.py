"""News items made up for training: `python -m qa.training.register FILE [--items N] [--seed N]`.

What happened stands in dense sentences about several people at once, as in the news, and some of the questions ask
for what is said of another person only: an answer is right if it is said of the right one. Names, numbers and
sentences are this module's own.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TEMPLATES = tomllib.loads((Path(__file__).parent / "register.toml").read_text(encoding="utf-8"))
_NAMES: dict[str, list[str]] = _TEMPLATES["names"]
_SLOT = re.compile(r"\{(\w+)\}")
_UNANSWERABLE = 0.35
_IN_THE_MIDDLE, _ASIDES, _PRONOUNS = 0.4, 0.4, 0.7
_PEOPLE = ("p", "q", "r")
_SUBJECTS = tuple(f"{{{person}}} " for person in _PEOPLE)
_NAMED = re.compile(r"\{([pqr])\}(?=[.;]| [^(])")
_OF_AGE = (
    ("How old is {p}?", "p_age", "age"),
    ("What age is {p}?", "p_age", "age"),
    ("What is {p}'s age?", "p_age", "age"),
)
_OF_POST = (
    ("Who is the {job} of {org}?", "", "job"),
    ("What is {p}'s job?", "job", "job"),
    ("What does {p} do?", "job", "job"),
    ("Where does {p} work?", "org", "job"),
)
_PASSING = (
    ("{p_age}", _OF_AGE),
    ("{p_age}", _OF_AGE),
    ("{job} of {org}", _OF_POST),
    ("the {job} of {org}", _OF_POST),
    ("{p_age}, the {job} of {org}", (*_OF_AGE, *_OF_POST)),
)
"""What is said of somebody between commas, and (question, slot of the answer or the person, topic) about it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Ways to say one thing, and (question, slot of the answer) pairs about it; see `register.toml`."""

    topic: str
    sentences: tuple[str, ...]
    questions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A made-up news item: `questions` are (question, answer's text, its start), with None and -1 for no answer."""

    text: str
    questions: tuple[tuple[str, str | None, int], ...]


def _domains() -> list[list[Fact]]:
    """The facts that may stand in one item, by domain; racing, the first, is twice as frequent as the others."""
    facts = {
        domain: [Fact(one["topic"], tuple(one["sentences"]), tuple(map(tuple, one["questions"]))) for one in given]
        for domain, given in _TEMPLATES["facts"].items()
    }
    anyone = facts.pop("anyone")
    return [[*one, *anyone] for one in (facts["racing"], *facts.values())]


_DOMAINS = _domains()


def item(rng: random.Random) -> Item:
    """One item of three to six facts, with up to three questions each about what it says and what it does not."""
    domain = rng.choice(_DOMAINS)
    values = {slot: rng.choice(choices) for slot, choices in _NAMES.items()}
    values |= dict(zip(_PEOPLE, _people(rng), strict=True))
    ages = {values[slot]: str(rng.randint(17, 79)) for slot in _PEOPLE}
    facts = rng.sample(domain, min(len(domain), rng.randint(3, 6)))
    text = _opening(values, rng)
    # what is cut out of the middle of an article has last names only
    said = {values[slot] for slot in _PEOPLE} if rng.random() < _IN_THE_MIDDLE else set[str]()
    questions: list[tuple[str, str | None, int]] = []
    known: set[tuple[str, str]] = set()
    subject = ""
    for fact in facts:
        about = dict(values) | _numbers(rng)
        # what is said of the one person is not said of the others
        order = list(_PEOPLE)
        rng.shuffle(order)
        about |= {slot: values[person] for slot, person in zip(_PEOPLE, order, strict=True)}
        about |= {f"{slot}_age": ages[about[slot]] for slot in _PEOPLE} | {"age": ages[about["p"]]}
        sentence, asked = rng.choice(fact.sentences), [(*one, fact.topic) for one in fact.questions]
        before, subject = subject, about[sentence[1]] if sentence.startswith(_SUBJECTS) else ""
        if subject and subject == before and rng.random() < _PRONOUNS:
            sentence = ("She" if subject.split()[0] in _NAMES["she"] else "He") + sentence[3:]
        elif rng.random() < _ASIDES:
            sentence, of_aside = _with_aside(sentence, rng)
            asked += of_aside
        places: dict[str, tuple[str, int]] = {}
        text += _rendered(sentence, about, said, places, len(text)) + rng.choice((" ", " ", "\n"))
        told_of = {about[slot] for slot in _PEOPLE if slot in places} | ({subject} if subject else set())
        known |= {(topic, person) for _, _, topic in asked for person in told_of}
        for question, slot, _ in asked:
            if slot in places and rng.random() < 0.6:
                questions.append((_filled(question, about, full=rng.random() < 0.5), *places[slot]))
    for fact in (fact for fact in domain for _ in range(2)):
        about = dict(values) | _numbers(rng)
        order = rng.sample(_PEOPLE, 3)
        about |= {slot: values[person] for slot, person in zip(_PEOPLE, order, strict=True)}
        question, _ = rng.choice(fact.questions)
        of_people = {(fact.topic, about[slot]) for slot in _SLOT.findall(question) if slot in _PEOPLE}
        if of_people and known.isdisjoint(of_people) and rng.random() < _UNANSWERABLE:
            questions.append((_filled(question, about, full=rng.random() < 0.5), None, -1))
    return Item(text.strip(), tuple(questions))


def rows(items: int, seed: int) -> Iterator[dict[str, Any]]:
    """The rows of a reading data set (see `eval.dataset.load_reading`), one for each item that has questions."""
    rng = random.Random(seed)
    for number in range(items):
        made = item(rng)
        questions = [
            {
                "id": f"{number}-{index}",
                "question": question,
                "answers": [] if answer is None else [{"text": answer, "start": start}],
            }
            for index, (question, answer, start) in enumerate(made.questions)
        ]
        if questions:
            yield {"context": made.text, "questions": questions}


def _opening(values: dict[str, str], rng: random.Random) -> str:
    """A date line now and then, as our text files have it."""
    return (
        f"date {rng.randint(2001, 2026)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02} {values['headline']}\n"
        if (rng.random() < 0.3)
        else ""
    )


def _people(rng: random.Random) -> list[str]:
    """Three full names, no two of them with the same last name."""
    return [f"{rng.choice(_NAMES[rng.choice(('she', 'he'))])} {last}" for last in rng.sample(_NAMES["last"], 3)]


def _with_aside(sentence: str, rng: random.Random) -> tuple[str, list[tuple[str, str, str]]]:
    """The sentence with a person's age or post in passing, where it has a place for it, and what to ask about it."""
    places = list(_NAMED.finditer(sentence))
    if not places:
        return sentence, []
    named = rng.choice(places)
    aside, asked = rng.choice(_PASSING)
    rest = sentence[named.end() :]
    person = named[1]
    told = (
        sentence[: named.end()] + ", " + aside.replace("{p_", f"{{{person}_") + ("," if rest[:1] == " " else "") + rest
    )
    return told, [
        (one.replace("{p}", f"{{{person}}}"), slot.replace("p_", f"{person}_") or person, topic)
        for one, slot, topic in asked
    ]


def _numbers(rng: random.Random) -> dict[str, str]:
    """Numbers and dates, new for each fact."""
    month, day, year = rng.choice(_NAMES["month"]), rng.randint(1, 28), rng.randint(1995, 2026)
    low = rng.randint(3, 20)
    return {
        "job": rng.choice(_NAMES["job"]),
        "n": str(rng.choice((rng.randint(2, 12), rng.randint(13, 90), rng.randint(100, 950)))),
        "m": str(rng.randint(14, 60)),
        "small": rng.choice(_NAMES["count"]),
        "ordinal": rng.choice(_NAMES["ordinal"]),
        "year": str(year),
        "date": rng.choice(
            (f"{day} {month}", f"{month} {day}", f"{day} {month} {year}", f"{month} {year}", f"{month} {day}")
        ),
        "money": rng.choice(("£", "$", "€"))
        + rng.choice(
            (
                f"{rng.randint(2, 950)} million",
                f"{rng.randint(2, 99)},000",
                f"{rng.randint(1, 9)}.{rng.randint(1, 9)} billion",
            )
        ),
        "price": rng.choice(("£", "$", "€")) + f"{rng.randint(4, 480)}",
        "percent": rng.choice(
            (f"{rng.randint(2, 70)}%", f"{rng.randint(2, 70)} percent", f"{rng.randint(1, 9)}.{rng.randint(1, 9)}%")
        ),
        "score": f"{low + rng.randint(1, 9)} to {low}",
        "weight": f"{rng.randint(12, 900)} {rng.choice(('kg', 'tonnes', 'pounds'))}",
        "length": f"{rng.randint(3, 90)} {rng.choice(('km', 'miles', 'metres'))}",
    }


def _rendered(
    sentence: str, values: dict[str, str], said: set[str], places: dict[str, tuple[str, int]], offset: int
) -> str:
    """The sentence with its slots filled, people by their last name once they were named; where each slot landed."""
    out, at = "", 0
    for slot in _SLOT.finditer(sentence):
        out += sentence[at : slot.start()]
        value = values[slot[1]]
        if slot[1] in _PEOPLE:
            value, first = (value.split()[-1] if value in said else value), value
            said.add(first)
        places.setdefault(slot[1], (value, offset + len(out)))
        out += value
        at = slot.end()
    return out + sentence[at:]


def _filled(question: str, values: dict[str, str], *, full: bool) -> str:
    """The question with its slots filled, people by full or last name."""
    return _SLOT.sub(
        lambda slot: values[slot[1]] if full or slot[1] not in _PEOPLE else values[slot[1]].split()[-1], question
    )


def main() -> None:
    """Write the items as a gzip file of JSON lines."""
    parser = argparse.ArgumentParser(prog="python -m qa.training.register", description=__doc__)
    parser.add_argument("file", type=Path, help="where to write them, ending in .jsonl.gz")
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with gzip.open(options.file, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(options.items, options.seed))


if __name__ == "__main__":
    main()

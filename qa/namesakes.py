"""Articles about a namesake of the person whom a question names: Morag Aitken where Jack Aitken is asked about."""

from __future__ import annotations

from collections.abc import Sequence

from index import Hit
from qa.mentions import untitled
from qa.names import names, people

_TITLES = frozenset(
    "president mayor minister senator governor judge justice lord lady dame king queen prince princess pope saint "
    "bishop father sister brother captain general colonel major sergeant officer detective inspector sheriff "
    "chancellor secretary chairman chairwoman chair director manager coach driver rider pilot chef nurse "
    "engineer".split()
)


def without_namesakes(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits but for those from articles about a namesake of somebody in the question.

    Only of somebody whom another article among the hits knows by the full name: "Checo Pérez", whom the articles may
    only call Sergio, has no namesakes.
    """
    texts = {hit.article.id: f"{hit.article.title}\n{hit.article.text}" for hit in hits}
    others: set[str] = set()
    for name in names(question):
        if " " in name.text and any(name.text in text for text in texts.values()):
            others.update(place for place, text in texts.items() if is_of_a_namesake(name.text, text))
    return [hit for hit in hits if hit.article.id not in others]


def is_of_a_namesake(name: str, text: str) -> bool:
    """Whether a text has the last word of a full name, nowhere the first, and a person of another initial by it."""
    first, *_, last = name.split()
    if last not in text or first in text:
        return False
    firsts = {untitled(one).split()[0] for one in people(text).values() if one.split()[-1] == last}
    return bool(firsts) and all(one[0] != first[0] and one.lower() not in {*_TITLES, last.lower()} for one in firsts)

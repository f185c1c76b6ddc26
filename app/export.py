"""A conversation as a file to keep: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from app.conversation import Turn
from app.places import citation, in_words
from app.render import NO_ANSWER, confidence_word

if TYPE_CHECKING:
    from qa import Answer

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&!$])")


def to_json(turns: Sequence[Turn]) -> str:
    """The turns with their answers in full, as `articleqa ask --json` prints them."""
    said = [
        {"asked": turn.asked, "verdict": turn.verdict or None}
        | (turn.answer.to_dict() if turn.answer else {"notice": turn.notice})
        for turn in turns
    ]
    return json.dumps({"articleqa": "conversation", "turns": said}, ensure_ascii=False, indent=2) + "\n"


def to_markdown(turns: Sequence[Turn], at: datetime) -> str:
    """The turns as Markdown; what articles and people wrote stays text in it."""
    parts = ["# Conversation with articleqa", in_words(at.date())]
    for turn in turns:
        parts.append(f"## {_plain(turn.asked)}")
        parts += _told(turn.answer) if turn.answer else [_plain(turn.notice)]
    return "\n\n".join(parts) + "\n"


def _told(answer: Answer) -> list[str]:
    parts = []
    if answer.understood_as.strip() != answer.question.strip():
        parts.append(f"Understood as: *{_plain(answer.understood_as)}*")
    if answer.best is None or answer.article is None:
        return [*parts, NO_ANSWER, *([_plain(answer.reason)] if answer.reason else [])]
    quote = answer.best
    cited, _, sentence = citation(quote, answer.article).partition("\n\n")
    sure = f"{confidence_word(quote.confidence)}, {round(100 * quote.confidence)}%"
    return [*parts, f"**{_plain(quote.span.text)}** ({sure})", f"> {_plain(sentence)}", f"{_plain(cited)}"]


def _plain(text: str) -> str:
    """Text in one line in which Markdown finds nothing to do."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))

"""Files of questions: one JSON object a line, answered in order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from corpus import QuestionError
from qa.answer import Answer
from qa.assistant import ArticleQA
from qa.followup import History


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a file that are not blank, with their numbers. Raises `QuestionError` when it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    except OSError as error:
        raise QuestionError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def read_history(path: Path) -> History:
    """The conversation in a file, a turn on each line: `["question", "answer" or null]` or an object with these.

    What `ask --json` printed is such an object. Raises `QuestionError` naming file and line.
    """
    turns: list[tuple[str, str | None]] = []
    for number, line in read_lines(path):
        try:
            turn = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise QuestionError(f"{path}:{number}: not valid JSON ({error}); write one turn on each line") from error
        turns += history_of([turn], f"{path}:{number}")
    return turns


def answer_rows(bot: ArticleQA, lines: Sequence[tuple[int, str]], name: str) -> Iterator[Answer | QuestionError]:
    """Answer every line, in order; a line that cannot be asked gives the error that names file, line and remedy."""
    for number, line in lines:
        place = f"{name}:{number}"
        try:
            row = _row(line, place)
            answer = bot.answer(row["question"], history_of(row.get("history"), place))
        except QuestionError as error:
            yield error if str(error).startswith(place) else QuestionError(f"{place}: {error}")
        else:
            yield replace(answer, id=row.get("id"))


def history_of(value: object, place: str) -> History:
    """A conversation as files write it, `[["question", "answer" or null], ...]`; `QuestionError` with `place` else."""
    turns: list[tuple[str, str | None]] = []
    for turn in value if isinstance(value, list) else [] if value is None else [value]:
        match turn:
            case [str(asked), str() | None as answered]:
                turns.append((asked, answered))
            case {"question": str(asked), "answer": str() | None as answered}:
                turns.append((asked, answered))
            case _:
                raise QuestionError(f'{place}: "history" is wrong; write it as [["question", "answer" or null], ...]')
    return turns


def _row(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise QuestionError(f"{place}: not valid JSON ({error}); write one JSON object on each line") from error
    if not isinstance(row, dict) or not isinstance(row.get("question"), str):
        raise QuestionError(f'{place}: no question; each line needs an object with "question"')
    return row

"""What people say of answers, kept as questions for `articleqa eval` and `articleqa calibrate`.

One JSON object a line, in `feedback.jsonl` in the library's folder: a question with its right answer, or with none
when the articles do not say. An answer that is only known to be wrong is kept as a draft, which counts for nothing
until somebody says what is right.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from corpus import LibraryError
from corpus.whole import replacing

if TYPE_CHECKING:
    from corpus import Article
    from qa import Answer

FEEDBACK = "feedback.jsonl"
VERDICTS = ("right", "wrong", "nothing", "span")
LONGEST_SPAN = 1_000
_LOCK_SECONDS = 10
_inside = threading.Lock()


def feedback_row(
    turn: str, answer: Answer, verdict: str, *, article: Article | None = None, start: int = 0, end: int = 0
) -> dict[str, Any]:
    """The evaluation row of one verdict; for "span", `article.text[start:end]` is the right answer.

    Raises `ValueError` when the verdict does not fit the answer or the span is none.
    """
    question = answer.understood_as
    row: dict[str, Any] = {"id": turn, "question": question, "answers": [], "category": "feedback", "verdict": verdict}
    if verdict == "right":
        if answer.best is None:
            raise ValueError("there is no answer that could be right")
        span = answer.best.span
        row |= {"answers": [span.text], "article_id": span.passage.article_id, "start": span.start, "end": span.end}
    elif verdict == "span":
        if article is None or not 0 <= start < end <= len(article.text) or end - start > LONGEST_SPAN:
            raise ValueError(f"no span of an article, or one longer than {LONGEST_SPAN:,} characters")
        words = article.text[start:end]
        start, end = start + len(words) - len(words.lstrip()), end - len(words) + len(words.rstrip())
        if start >= end:
            raise ValueError("a span of white space")
        row |= {"answers": [article.text[start:end]], "article_id": article.id, "start": start, "end": end}
    elif verdict == "wrong":
        row["draft"] = True
    elif verdict != "nothing":
        raise ValueError(verdict)
    row |= {"given": answer.text, "confidence": round(answer.confidence, 4)}
    return row | {"at": datetime.now(UTC).isoformat(timespec="seconds")}


def keep(folder: Path, row: dict[str, Any], name: str = FEEDBACK) -> Path:
    """Put a row into a file of questions, in place of an earlier one with its id; it is on the disk on return.

    Raises `LibraryError` when the file cannot be read or written.
    """
    path = folder / name
    line = json.dumps(row, ensure_ascii=False)
    try:
        with _inside, FileLock(f"{path}.lock", timeout=_LOCK_SECONDS):
            lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
            others = [one for one in lines if one.strip() and _row(one).get("id") != row["id"]]
            with replacing(path) as new:
                new.write_text("\n".join([*others, line]) + "\n", encoding="utf-8")
    except (OSError, UnicodeError, TimeoutError) as error:
        raise LibraryError(f"{path}: this cannot be kept ({error}); check the folder") from error
    return path


def kept(folder: Path, name: str = FEEDBACK) -> list[dict[str, Any]]:
    """The rows of such a file; lines that hold none are passed over.

    Raises `LibraryError` when the file cannot be read.
    """
    path = folder / name
    try:
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    except (OSError, UnicodeError) as error:
        raise LibraryError(f"{path}: cannot be read ({error}); check the folder") from error
    return [row for line in lines if (row := _row(line))]


def _row(line: str) -> dict[str, Any]:
    """The row that a line holds; empty when it holds none."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}

"""Drafted questions as rows of a file of questions, and what becomes of them when a person has decided.

A drafted row has `"draft": true` and counts for nothing. Accepting it, as it is or edited, takes the mark away;
`"draft": "rejected"` keeps a question that was turned down from being drafted again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from corpus import Article
from qa.drafts import Draft, draft_questions

Row = dict[str, Any]


def draft_row(draft: Draft, article: Article) -> Row:
    """A draft as a row of a question file. The same question of the same article always has the same id."""
    digest = hashlib.sha256(draft.question.encode()).hexdigest()[:8]
    row: Row = {"id": f"{article.id}-{digest}", "question": draft.question, "answers": [], "article_id": article.id}
    if draft.answer is not None:
        row |= {"answers": [draft.answer, *draft.also], "start": draft.start}
    return row | {"category": draft.category, "draft": True}


def draft_rows(article: Article) -> list[Row]:
    """Everything that can be drafted from an article."""
    return [draft_row(draft, article) for draft in draft_questions(article)]


def unknown(rows: Iterable[Row], known: Iterable[Row]) -> list[Row]:
    """The rows that are not among those `known`, by id or by question: an edited one keeps the id of its draft."""
    kept = list(known)
    ids = {row.get("id") for row in kept}
    asked = {str(row.get("question")).casefold() for row in kept}
    return [row for row in rows if row["id"] not in ids and row["question"].casefold() not in asked]


def accepted(row: Row, *, question: str = "", answers: Sequence[str] | None = None) -> Row:
    """The row of a draft as it counts, as it is or with another question or other answers."""
    done = {key: value for key, value in row.items() if key != "draft"}
    done["question"] = question or row["question"]
    if answers is not None and list(answers) != row["answers"]:
        done["answers"] = list(answers)
        done.pop("start", None)
        if not answers:
            done["category"] = "unanswerable-near"
    return done


def rejected(row: Row) -> Row:
    """The row of a draft that was turned down."""
    return row | {"draft": "rejected"}

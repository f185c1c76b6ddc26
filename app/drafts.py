"""Questions drafted from an article, on the page: to accept as they are or edited, or to dismiss.

What is decided stands in `questions.jsonl` in the library's folder, a file of questions for `articleqa eval`; a draft
is kept nowhere and counts for nothing until somebody accepts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from app.feedback import keep, kept
from app.markup import Html, button, counted, join, tag, unseen
from app.places import place_data
from corpus import LibraryError, QuestionError
from corpus.sentences import sentence_around
from qa.questions import check_question
from qa.review import Row, accepted, draft_rows, rejected, unknown

if TYPE_CHECKING:
    from pathlib import Path

    from corpus import Article
    from index import Library

QUESTIONS = "questions.jsonl"
DECISIONS = ("accept", "edit", "dismiss")
LONGEST_ANSWER = 1_000
MOST_ANSWERS = 20
SHOWN = 40


def drafts_html(library: Library, article_id: str) -> Html:
    """What waits for a decision. Raises `LibraryError` when there is no such article, or what is kept is unreadable."""
    article = library.article(article_id)
    rows = _waiting(article, _folder(library))
    head = tag("h2", "Drafted questions", id="aq-drafts-title", tabindex="-1")
    help_ = tag(
        "p",
        "Made by rule from “",
        tag("bdi", article.title),
        "”. Each counts only once you accept it: it is then kept in ",
        tag("code", QUESTIONS),
        " beside the library, for ",
        tag("code", "articleqa eval"),
        ".",
        class_="aq-muted",
    )
    cards = tag("ul", *(_card(row, article) for row in rows[:SHOWN]))
    left = tag("p", _left(rows, _folder(library)), class_="aq-muted", id="aq-drafts-left")
    return join(head, help_, left, cards)


def decide(
    library: Library, article_id: str, draft: str, decision: str, *, question: str = "", answers: str = ""
) -> tuple[str, str]:
    """Keep what somebody makes of a draft, named by its id; what is to be said of it, and what is left to decide.

    `question` and `answers`, one on each line, are those of the decision "edit". Raises `LibraryError` or
    `QuestionError` when it cannot be kept, or is no longer there.
    """
    folder, article = _folder(library), library.article(article_id)
    row = next((one for one in _waiting(article, folder) if one["id"] == draft), None)
    if row is None or decision not in DECISIONS:
        raise QuestionError("this draft is no longer here; draft the questions again")
    if decision == "dismiss":
        done, said = rejected(row), "Dismissed; it will not be drafted again."
    elif decision == "edit":
        done, said = accepted(row, question=check_question(question), answers=_answers(answers)), "Accepted as edited."
    else:
        done, said = accepted(row), "Accepted."
    keep(folder, done, QUESTIONS)
    return said, _left(_waiting(article, folder), folder)


def _folder(library: Library) -> Path:
    if library.folder is None:
        raise LibraryError("this library is kept in memory only, so no question could be kept; open one in a folder")
    return library.folder


def _waiting(article: Article, folder: Path) -> list[Row]:
    """The drafts that nobody has decided on yet."""
    return unknown(_drafted(article), (row for row in kept(folder, QUESTIONS) if row.get("draft") is not True))


@lru_cache(maxsize=8)
def _drafted(article: Article) -> tuple[Row, ...]:
    return tuple(draft_rows(article))


def _answers(lines: str) -> list[str]:
    """The accepted answers, each once. Raises `QuestionError` when there are too many, or one is too long."""
    answers = list(dict.fromkeys(one.strip() for one in lines.splitlines() if one.strip()))
    if len(answers) > MOST_ANSWERS or any(len(one) > LONGEST_ANSWER for one in answers):
        raise QuestionError(f"give at most {MOST_ANSWERS} answers of at most {LONGEST_ANSWER:,} characters")
    return answers


def _left(waiting: Sequence[Row], folder: Path) -> str:
    count = sum(not row.get("draft") for row in kept(folder, QUESTIONS))
    more = f", of which {SHOWN} are shown" if len(waiting) > SHOWN else ""
    return f"{counted(len(waiting), 'draft')} to decide on{more}; {counted(count, 'question')} accepted so far."


def _card(row: Row, article: Article) -> Html:
    """One draft: its question, its answer where it stands, and what can be done with it."""
    asked = tag("p", row["question"], class_="aq-draft-question", dir="auto")
    fields = tag(
        "div",
        _field("Question", [row["question"]], "aq-draft-asked"),
        _field("Right answers, one on each line; none: the article does not say", row["answers"], "aq-draft-answers"),
        tag(
            "div",
            button("Accept as edited", "decide", class_="aq-tool aq-strong", data={"decision": "edit"}),
            button("Cancel", "draft-cancel"),
            class_="aq-row",
        ),
        class_="aq-draft-fields",
        hidden="hidden",
    )
    about = unseen(f": {row['question']}")
    buttons = tag(
        "div",
        button(join("Accept", about), "decide", class_="aq-tool", data={"decision": "accept"}),
        button(join("Edit", about), "draft-edit"),
        button(join("Dismiss", about), "decide", data={"decision": "dismiss"}),
        class_="aq-row aq-draft-choice",
    )
    return tag("li", asked, _answer(row, article), buttons, fields, data_draft=row["id"], data_article=article.id)


def _field(label: str, lines: Sequence[str], kind: str) -> Html:
    field = tag("textarea", "\n".join(lines), rows=str(max(2, len(lines))), class_=kind, dir="auto")
    return tag("label", tag("span", label), field)


def _answer(row: Row, article: Article) -> Html:
    """The answer marked in its sentence, which opens the article there, and its other forms."""
    if not row["answers"]:
        return tag("p", "The article does not say.", class_="aq-muted")
    answer, start = row["answers"][0], row["start"]
    end = start + len(answer)
    first, last = sentence_around(article.text, start, end)
    told = tag(
        "p", article.text[first:start], tag("mark", answer), article.text[end:last], class_="aq-draft-told", dir="auto"
    )
    also = tag("p", f"or: {' / '.join(row['answers'][1:])}", class_="aq-muted") if row["answers"][1:] else Html()
    where = button("Show in the article", "open", data=place_data(article.id, start, end))
    return join(told, also, where)

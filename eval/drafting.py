"""Question files that are begun by rule and finished by a person: `articleqa questions`.

What marks a draft is said in `qa.review`. The file is written whole after every decision, so that leaving at any moment
loses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from corpus import Article, QuestionError
from corpus.loading import find_files, load_file
from corpus.sentences import sentence_around
from eval.dataset import read, rows_of, text_of
from eval.output import write_text
from index import Library, default_library_path
from qa.review import Row, accepted, draft_rows, rejected, unknown

Decision = Literal["accept", "reject", "later"]


class DraftFile:
    """A JSONL file of questions with drafts among them; rows it does not understand stay as they are."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one. Raises `QuestionError` naming file, line and remedy."""
        self.path = path
        self.rows: list[Row] = []
        if path.exists() and path.stat().st_size:
            for place, row in rows_of(read(path), path):
                text_of(row.get("question"), place, '"question"')
                self.rows.append(row)

    def add(self, article: Article) -> int:
        """Add what can be drafted from an article and is not in the file yet; how many questions that were."""
        fresh = unknown(draft_rows(article), self.rows)
        if fresh:
            self.rows += fresh
            self._write()
        return len(fresh)

    def drafts(self) -> Iterator[Row]:
        """The rows that wait for a decision, in order."""
        return (row for row in self.rows if row.get("draft") is True)

    @property
    def accepted(self) -> int:
        """How many questions count."""
        return sum(not row.get("draft") for row in self.rows)

    def decide(self, row: Row, decision: Decision, *, question: str = "", answers: Sequence[str] | None = None) -> None:
        """Accept a row of `drafts`, as it is or with another question or answers, or reject it; on disk at once."""
        if decision == "later":
            return
        decided = rejected(row) if decision == "reject" else accepted(row, question=question, answers=answers)
        row.clear()
        row.update(decided)
        self._write()

    def _write(self) -> None:
        write_text(self.path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.rows))


def review(file: DraftFile, articles: Sequence[Article], ask: Callable[[str], str], say: Callable[[str], None]) -> None:
    """Go through the drafts with a person: `ask` shows a prompt and gives the line typed, `say` shows a line.

    Ends when all are decided, at "q", or at the end of the input (`EOFError`).
    """
    texts = {article.id: article.text for article in articles}
    waiting = list(file.drafts())
    for number, row in enumerate(waiting, start=1):
        say(f"\n{number}/{len(waiting)}  {row['question']}")
        say(f"     {_shown(row, texts.get(str(row.get('article_id'))))}")
        try:
            key = ask("[a]ccept  [e]dit  [r]eject  [l]ater  [q]uit > ").strip().lower()[:1]
            if key == "q":
                return
            if key == "a":
                file.decide(row, "accept")
            elif key == "r":
                file.decide(row, "reject")
            elif key == "e":
                question = ask(f"question [{row['question']}] > ").strip()
                told = ask('accepted answers, parted by "|"; "-" for none [as above] > ').strip()
                answers = None if not told else [] if told == "-" else [one.strip() for one in told.split("|")]
                file.decide(row, "accept", question=question, answers=answers)
        except EOFError:
            return


def _shown(row: Row, text: str | None) -> str:
    """The answer in its sentence, between brackets."""
    if not row["answers"]:
        return "(no answer: the article does not say)"
    answer, start = str(row["answers"][0]), row.get("start")
    if text is None or type(start) is not int or not text.startswith(answer, start):
        return answer
    first, last = sentence_around(text, start, start + len(answer))
    return f"{text[first:start]}[{answer}]{text[start + len(answer) : last]}"


def check_file(path: Path) -> None:
    """Raise `QuestionError` when `path` is not the name of a file of questions that drafts can be put into."""
    if path.suffix.lower() != ".jsonl":
        raise QuestionError(f"{path}: drafts are kept as JSON Lines; give the file a name ending in .jsonl")


def find_articles(sources: Sequence[str], library: str | Path | None) -> list[Article]:
    """The articles of files and folders, or by their ids (or the beginning of them) from the library.

    Raises `ArticleQAError` naming the source that is neither.
    """
    ids = [source for source in sources if not Path(source).exists() and not Path(source).suffix]
    paths = [source for source in sources if source not in ids]
    found = [article for path in find_files(paths) for article in load_file(path)] if paths else []
    if ids:
        with Library.open(library or default_library_path()) as opened:
            found += [opened.article(opened.complete_id(source)) for source in ids]
    return found

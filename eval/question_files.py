"""Files of questions for `articleqa eval`: JSONL, CSV, and data sets that bring their passages."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from corpus import Article, QuestionError
from corpus.articles import slug
from eval.dataset import Question, load_passages, load_questions, read, text_of

_CSV_SUFFIXES = {".csv", ".tsv"}
_DELIMITERS = ",;\t"
_ANSWERS = re.compile(r"answers?[ _]?\d*")
_SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """The questions of a file, and the articles it brings along, which the `article_id` of its questions name."""

    questions: list[Question]
    articles: list[Article]

    def without_articles(self) -> QuestionFile:
        """The same questions for a library of one's own, where the articles brought along would go by other ids."""
        if not self.articles:
            return self
        return replace(self, questions=[replace(one, article_id=None) for one in self.questions], articles=[])


def load_question_file(path: Path) -> QuestionFile:
    """The questions of a file, or .gz of one, and the articles it brings along, if any.

    A name in .csv or .tsv says CSV, see `load_csv`. A SQuAD 1.1 or 2.0 file, or JSONL rows with "context", bring an
    article for each of theirs. Anything else is JSONL, see `eval.dataset.load_questions`. Raises `QuestionError`
    naming file, place and remedy.
    """
    if Path(path.name.lower().removesuffix(".gz")).suffix in _CSV_SUFFIXES:
        return QuestionFile(load_csv(path), [])
    return _with_articles(path) if _brings_passages(read(path)) else QuestionFile(load_questions(path), [])


def load_csv(path: Path) -> list[Question]:
    """The questions of a table with the columns question, answers, and if wanted id, article_id and category.

    Answers are parted by "|", or stand in columns of their own (answers, answers, ... or answer_1, answer_2, ...);
    none mean that the articles do not say. Cells are parted by comma, semicolon or tab, as in the first line. Without
    ids the questions are numbered from 1. Raises `QuestionError` naming file, line and remedy.
    """
    questions: dict[str, Question] = {}
    for place, cells in _csv_rows(read(path), path):
        named = {name: value for name, value in cells if value and not _ANSWERS.fullmatch(name)}
        identified = any(name == "id" for name, _ in cells)
        question = Question(
            id=text_of(named.get("id"), place, '"id"') if identified else str(len(questions) + 1),
            question=text_of(named.get("question"), place, '"question"'),
            answers=_answers(cells),
            article_id=named.get("article_id"),
            category=named.get("category"),
        )
        if question.id in questions:
            raise QuestionError(f"{place}: the id {question.id!r} is used twice; give each question its own")
        questions[question.id] = question
    if not questions:
        raise QuestionError(f"{path}: there are no questions in it; write one on each line after the first")
    return list(questions.values())


def _csv_rows(text: str, path: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The (place, cells) of every line that is not blank; a cell is its column's name and its own text, trimmed."""
    first = text.lstrip().partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=first.count), strict=True)
    columns: list[str] = []
    try:
        for row in rows:
            cells, place = [cell.strip() for cell in row], f"{path}:{rows.line_num}"
            if not any(cells):
                continue
            if not columns:
                columns = [cell.lower() for cell in cells]
                if "question" not in columns or not any(map(_ANSWERS.fullmatch, columns)):
                    raise QuestionError(
                        f'{place}: no columns "question" and "answers"; name the columns in the first line'
                    )
            elif len(cells) > len(columns):
                raise QuestionError(
                    f"{place}: {len(cells)} cells for {len(columns)} columns; put a cell that holds the delimiter "
                    f"in double quotes"
                )
            else:
                yield place, list(zip(columns, cells, strict=False))
    except csv.Error as error:
        raise QuestionError(f"{path}:{rows.line_num}: not valid CSV ({error}); save the table again as CSV") from error


def _answers(cells: list[tuple[str, str]]) -> tuple[str, ...]:
    """The accepted answers; with columns of their own, an answer may hold the separator."""
    written = [value for name, value in cells if _ANSWERS.fullmatch(name)]
    if len(written) == 1:
        written = [one.strip() for one in written[0].split(_SEPARATOR)]
    return tuple(one for one in written if one)


def _brings_passages(text: str) -> bool:
    """Whether the file, or its first line, is an object of a reading data set."""
    for part in (text.strip().partition("\n")[0], text):
        try:
            whole = json.loads(part)
        except (ValueError, RecursionError):
            continue
        return isinstance(whole, dict) and bool({"data", "context"} & whole.keys())
    return False


def _with_articles(path: Path) -> QuestionFile:
    texts: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    questions: dict[str, Question] = {}
    for passage in load_passages(path):
        article_id = f"{passage.article}-{slug(passage.title)}"
        titles[article_id] = passage.title
        texts.setdefault(article_id, []).append(passage.text)
        for one in passage.examples:
            if one.id in questions:
                raise QuestionError(f"{path}: the id {one.id!r} is used twice; give each question its own")
            questions[one.id] = Question(one.id, one.question, tuple(dict.fromkeys(one.answers)), article_id)
    articles = [Article(name, titles[name], "\n\n".join(parts), path.name) for name, parts in texts.items()]
    return QuestionFile(list(questions.values()), articles)

"""Files of questions with accepted answers, and of reading examples with their passages."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus import QuestionError
from qa.batch import history_of

BUNDLED_QUESTIONS = Path(__file__).parent / "data" / "bundled.jsonl"
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Question:
    """A question and every answer that counts as right; no `answers` means that the articles do not say.

    `article_id` is the article that says it, if only one does. `history` holds the (question, answer or None) pairs
    before it, oldest first.
    """

    id: str
    question: str
    answers: tuple[str, ...] = ()
    article_id: str | None = None
    history: tuple[tuple[str, str | None], ...] = ()
    category: str | None = None

    @property
    def answerable(self) -> bool:
        """Whether the articles say it."""
        return bool(self.answers)


@dataclass(frozen=True, slots=True)
class ReadingExample:
    """A question on one passage and every answer that counts as right; no `answers` means that it does not say.

    `starts` says where in the passage each answer stands; None where the file does not say, or says it wrongly.
    """

    id: str
    question: str
    passage: str
    answers: tuple[str, ...] = ()
    starts: tuple[int | None, ...] = ()

    @property
    def answerable(self) -> bool:
        """Whether the passage says it."""
        return bool(self.answers)


@dataclass(frozen=True, slots=True)
class ReadingPassage:
    """A passage of a reading data set with its questions; `article` numbers the article it is from, in the file."""

    article: int
    title: str
    text: str
    examples: tuple[ReadingExample, ...]


def load_questions(path: Path) -> list[Question]:
    """The questions of a JSONL file, or .gz of one.

    Its rows are `{"id", "question", "answers", "article_id"?, "history"?, "category"?}`, where `history` is a list of
    `[question, answer or null]`; other fields are passed over. Rows with "draft" count for nothing until they are
    accepted, see `eval.drafting`. Raises `QuestionError` naming file, line and remedy.
    """
    questions: dict[str, Question] = {}
    drafts = 0
    for place, row in rows_of(read(path), path):
        if row.get("draft"):
            drafts += 1
            continue
        question = Question(
            id=_id(row, place),
            question=text_of(row.get("question"), place, '"question"'),
            answers=_answers(row, place),
            article_id=_optional(row, "article_id", place),
            history=tuple(history_of(row.get("history"), place)),
            category=_optional(row, "category", place),
        )
        if question.id in questions:
            raise QuestionError(f"{place}: the id {question.id!r} is used twice; give each question its own")
        questions[question.id] = question
    if drafts and not questions:
        raise QuestionError(
            f"{path}: all {drafts} questions are drafts; accept some with `articleqa questions --file {path}`"
        )
    return list(questions.values())


def load_reading(path: Path) -> list[ReadingExample]:
    """The examples of a SQuAD 1.1 or 2.0 JSON file, or of JSONL rows `{"context","questions":[...]}`, or .gz of either.

    Raises `QuestionError` naming file, place and remedy.
    """
    return [example for passage in load_passages(path) for example in passage.examples]


def load_passages(path: Path) -> list[ReadingPassage]:
    """The passages of a reading data set with their questions, as for `load_reading`.

    In SQuAD an article has many passages and a title; in our rows each passage is an article of its own.
    """
    text = read(path)
    squad = _squad(text, path)
    passages = list(_squad_passages(squad, path) if squad else _row_passages(text, path))
    if not any(passage.examples for passage in passages):
        raise QuestionError(f"{path}: there are no questions in it; use a SQuAD file or JSONL with questions")
    return passages


def read(path: Path) -> str:
    """The text of a file in UTF-8, or .gz of one. Raises `QuestionError` when there is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise QuestionError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    if data.startswith(_GZIP) or path.suffix.lower() == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise QuestionError(f"{path}: not a whole gzip file ({error}); compress or fetch it again") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QuestionError(f"{path}: not a text file in UTF-8; save the questions as JSON Lines in UTF-8") from error
    if not text.strip():
        raise QuestionError(f"{path}: the file is empty; put questions with their answers in it")
    return text


def rows_of(text: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The (place, row) of every line that is not blank."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise QuestionError(f"{place}: not valid JSON ({error}); put one JSON object on each line") from error
        yield place, _object(row, place)


def _squad(text: str, path: Path) -> dict[str, Any] | None:
    """The whole file as a SQuAD object; None when its first line is a row of JSONL by itself."""
    first = text.strip().split("\n", 1)[0]
    for part in (first, text):
        try:
            whole = json.loads(part)
        except RecursionError as error:
            raise QuestionError(f"{path}: nested too deeply; use a SQuAD file or JSONL with questions") from error
        except ValueError as error:
            if part is text:
                line = getattr(error, "lineno", 1)
                raise QuestionError(f"{path}:{line}: not valid JSON ({error}); mend it or fetch it again") from error
            continue
        if isinstance(whole, dict) and "data" in whole:
            return whole
        if isinstance(whole, dict) and "context" in whole:
            return None
        break
    raise QuestionError(f'{path}: neither SQuAD ("data" at the top) nor JSONL rows with "context"; use one of these')


def _squad_passages(squad: dict[str, Any], path: Path) -> Iterator[ReadingPassage]:
    for i, entry in enumerate(_list(squad, "data", str(path))):
        inside = f"{path}: data[{i}]"
        title = _object(entry, inside).get("title")
        for j, paragraph in enumerate(_list(entry, "paragraphs", inside)):
            where = f"{inside}.paragraphs[{j}]"
            passage = text_of(_object(paragraph, where).get("context"), where, '"context"')
            examples = _examples(_list(paragraph, "qas", where), passage, f"{where}.qas")
            yield ReadingPassage(i, title if isinstance(title, str) else "", passage, examples)


def _row_passages(text: str, path: Path) -> Iterator[ReadingPassage]:
    for number, (where, row) in enumerate(rows_of(text, path)):
        passage = text_of(row.get("context"), where, '"context"')
        examples = _examples(_list(row, "questions", where), passage, f"{where}: questions")
        yield ReadingPassage(number, _optional(row, "title", where) or "", passage, examples)


def _examples(rows: list[Any], passage: str, place: str) -> tuple[ReadingExample, ...]:
    return tuple(_example(_object(row, f"{place}[{k}]"), passage, f"{place}[{k}]") for k, row in enumerate(rows))


def _example(row: dict[str, Any], passage: str, place: str) -> ReadingExample:
    answers = [] if row.get("is_impossible") is True else _list(row, "answers", place)
    texts = tuple(text_of(_object(one, place).get("text"), place, 'an answer\'s "text"') for one in answers)
    return ReadingExample(
        id=_id(row, place),
        question=text_of(row.get("question"), place, '"question"'),
        passage=passage,
        answers=texts,
        starts=tuple(_start(one, text, passage) for one, text in zip(answers, texts, strict=True)),
    )


def _start(answer: dict[str, Any], text: str, passage: str) -> int | None:
    """Where the answer stands by its row (`start` in our rows, `answer_start` in SQuAD), if it does stand there."""
    start = answer.get("start", answer.get("answer_start"))
    return start if type(start) is int and start >= 0 and passage.startswith(text, start) else None


def _answers(row: dict[str, Any], place: str) -> tuple[str, ...]:
    answers = _list(row, "answers", place, '[] when the articles do not say, or ["an accepted answer", ...]')
    return tuple(text_of(one, place, "each of the answers") for one in answers)


def _id(row: dict[str, Any], place: str) -> str:
    value = row.get("id")
    return str(value) if type(value) is int else text_of(value, place, '"id"')


def _optional(row: dict[str, Any], key: str, place: str) -> str | None:
    return None if row.get(key) is None else text_of(row[key], place, f'"{key}"')


def text_of(value: object, place: str, what: str) -> str:
    """The value as text that is not empty; raises `QuestionError` naming `place` and `what` else."""
    if not isinstance(value, str) or not value.strip():
        raise QuestionError(f"{place}: {what} has no text; write it as a string that is not empty")
    # half of a surrogate pair cannot be encoded, and tokenizers refuse it
    return value.encode("utf-8", "replace").decode()


def _object(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise QuestionError(f"{place}: not a JSON object; write it as {{...}} with its fields")
    return value


def _list(row: dict[str, Any], key: str, place: str, remedy: str = "write it as a list") -> list[Any]:
    value = row.get(key)
    if not isinstance(value, list):
        raise QuestionError(f'{place}: "{key}" is {"not a list" if key in row else "missing"}; {remedy}')
    return value

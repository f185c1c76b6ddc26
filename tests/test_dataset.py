import gzip
import json

import pytest

from corpus import QuestionError, samples, split
from eval.dataset import BUNDLED_QUESTIONS, Question, ReadingExample, load_questions, load_reading
from eval.judge import first_relevant

ROW = {"id": "1", "question": "Who?", "answers": ["Aitken"]}
SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Race",
            "paragraphs": [
                {
                    "context": "Aitken replaces Sims.",
                    "qas": [
                        {"id": "a", "question": "Who?", "answers": [{"text": "Aitken", "answer_start": 0}]},
                        {
                            "id": "b",
                            "question": "Why?",
                            "answers": [],
                            "plausible_answers": [{"text": "Sims", "answer_start": 16}],
                            "is_impossible": True,
                        },
                    ],
                }
            ],
        }
    ],
}
EXAMPLES = [
    ReadingExample("a", "Who?", "Aitken replaces Sims.", ("Aitken",), (0,)),
    ReadingExample("b", "Why?", "Aitken replaces Sims.", ()),
]
READING_ROW = {
    "source": "race",
    "context": "Aitken replaces Sims.",
    "questions": [
        {"id": "a", "question": "Who?", "answers": [{"text": "Aitken", "start": 0}]},
        {"id": "b", "question": "Why?", "answers": []},
    ],
}


def write(tmp_path, *rows, name="questions.jsonl"):
    path = tmp_path / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return path


def complaint(load, path):
    with pytest.raises(QuestionError) as raised:
        load(path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert ";" in message, "no remedy"
    return message.removeprefix(str(path))


def test_questions(tmp_path):
    full = {
        "id": 2,
        "question": "And when?",
        "answers": [],
        "article_id": "race",
        "history": [["Who?", "Aitken"], ["Why?", None]],
        "category": "when",
        "note": "passed over",
    }
    assert load_questions(write(tmp_path, ROW, "", full)) == [
        Question("1", "Who?", ("Aitken",)),
        Question("2", "And when?", (), "race", (("Who?", "Aitken"), ("Why?", None)), "when"),
    ]


@pytest.mark.parametrize("name", ["questions.jsonl.gz", "questions.jsonl"])
def test_questions_may_be_compressed_whatever_their_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(json.dumps(ROW).encode()))
    assert load_questions(path) == [Question("1", "Who?", ("Aitken",))]


def test_questions_with_byte_order_mark_windows_line_ends_and_line_separators(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + '{"id":"1","question":"Who\u2028?","answers":["x"]}\r\n'.encode())
    assert load_questions(path)[0].question == "Who\u2028?"


def test_halves_of_surrogate_pairs_are_replaced(tmp_path):
    path = write(tmp_path, r'{"id":"1","question":"Who \ud83d?","answers":["x"]}')
    load_questions(path)[0].question.encode()


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{", "not valid JSON"),
        ('{"id": 1' + "0" * 5000 + "}", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        ({**ROW, "id": None}, '"id" has no text'),
        ({**ROW, "id": True}, '"id" has no text'),
        ({**ROW, "id": "0"}, "used twice"),
        ({**ROW, "question": " "}, '"question" has no text'),
        ({"id": "1", "answers": []}, '"question" has no text'),
        ({"id": "1", "question": "Who?"}, '"answers" is missing'),
        ({**ROW, "answers": "Aitken"}, '"answers" is not a list'),
        ({**ROW, "answers": None}, '"answers" is not a list'),
        ({**ROW, "answers": [""]}, "each of the answers has no text"),
        ({**ROW, "answers": [3]}, "each of the answers has no text"),
        ({**ROW, "article_id": 3}, '"article_id" has no text'),
        ({**ROW, "category": ""}, '"category" has no text'),
        ({**ROW, "history": "Who?"}, '"history" is wrong'),
        ({**ROW, "history": [["Who?"]]}, '"history" is wrong'),
        ({**ROW, "history": [["Who?", 3]]}, '"history" is wrong'),
        ({**ROW, "history": [[None, "x"]]}, '"history" is wrong'),
    ],
)
def test_bad_rows_are_named_by_line(tmp_path, row, problem):
    message = complaint(load_questions, write(tmp_path, {**ROW, "id": "0"}, "", row))
    assert message.startswith(":3: ")
    assert problem in message


@pytest.mark.parametrize("load", [load_questions, load_reading])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (gzip.compress(b'{"id": 1}', mtime=0)[:-9], "gzip"),
        (b"\x1f\x8bnot gzip after all", "gzip"),
        (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "UTF-8"),
        (b'"a string"', "; "),
    ],
)
def test_files_that_hold_no_questions(tmp_path, load, content, problem):
    path = tmp_path / "questions.jsonl"
    path.write_bytes(content)
    assert problem in complaint(load, path)


@pytest.mark.parametrize("load", [load_questions, load_reading])
def test_files_that_cannot_be_read(tmp_path, load):
    assert "cannot be read (No such file" in complaint(load, tmp_path / "missing.jsonl")
    assert "cannot be read (Is a directory)" in complaint(load, tmp_path)


@pytest.mark.parametrize("load", [load_questions, load_reading])
def test_a_plain_file_named_gz(tmp_path, load):
    assert "not a whole gzip file" in complaint(load, write(tmp_path, ROW, name="questions.jsonl.gz"))


@pytest.mark.parametrize("indent", [None, 2])
def test_squad(tmp_path, indent):
    assert load_reading(write(tmp_path, json.dumps(SQUAD, indent=indent), name="dev.json")) == EXAMPLES


def test_reading_rows(tmp_path):
    assert load_reading(write(tmp_path, READING_ROW)) == EXAMPLES
    assert load_reading(write(tmp_path, READING_ROW, READING_ROW)) == EXAMPLES * 2


def test_compressed_reading_data(tmp_path):
    path = tmp_path / "dev.json.gz"
    path.write_bytes(gzip.compress(json.dumps(SQUAD).encode()))
    assert load_reading(path) == EXAMPLES


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        ({"data": {}}, ": ", '"data" is not a list'),
        ({"data": []}, ": ", "no questions"),
        ({"data": [3]}, ": data[0]: ", "not a JSON object"),
        ({"data": [{}]}, ": data[0]: ", '"paragraphs" is missing'),
        ({"data": [{"paragraphs": [{"qas": []}]}]}, ": data[0].paragraphs[0]: ", '"context" has no text'),
        (
            {"data": [{"paragraphs": [{"context": "x", "qas": [{"id": "1", "question": "Who?"}]}]}]},
            ": data[0].paragraphs[0].qas[0]: ",
            '"answers" is missing',
        ),
        ({"version": "v2.0"}, ": ", "neither SQuAD"),
        (ROW, ": ", "neither SQuAD"),
        ([], ": ", "neither SQuAD"),
        (json.dumps(SQUAD)[:-20], ":1: ", "not valid JSON"),
        (json.dumps(SQUAD, indent=1)[:-20], ":", "not valid JSON"),
        ("[" * 100_000, ": ", "nested too deeply"),
        ({**READING_ROW, "questions": None}, ":1: ", '"questions" is not a list'),
        ({**READING_ROW, "context": ""}, ":1: ", '"context" has no text'),
        ({**READING_ROW, "questions": [3]}, ":1: questions[0]: ", "not a JSON object"),
        (
            {**READING_ROW, "questions": [{"id": "1", "question": "Who?", "answers": ["Aitken"]}]},
            ":1: questions[0]: ",
            "not a JSON object",
        ),
        (json.dumps(READING_ROW) + "\n{", ":2: ", "not valid JSON"),
    ],
)
def test_bad_reading_data_is_named_by_place(tmp_path, content, place, problem):
    message = complaint(load_reading, write(tmp_path, content, name="dev.json"))
    assert message.startswith(place)
    assert problem in message


def test_bundled_questions_are_about_the_bundled_articles():
    questions = load_questions(BUNDLED_QUESTIONS)
    passages = [passage for article in samples() for passage in split(article)]
    assert {question.article_id for question in questions} - {None} == {passage.article_id for passage in passages}
    assert any(not question.answerable for question in questions)
    for question in questions:
        assert (first_relevant(question, passages) is not None) == question.answerable, question

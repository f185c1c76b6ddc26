import json
from pathlib import Path

import pytest
from conftest import HashEmbedder, ScriptedReader, article

from corpus import QuestionError
from index import Library
from qa import Answer, ArticleQA, Settings
from qa.batch import answer_rows, history_of, read_lines


@pytest.fixture(scope="module")
def small() -> ArticleQA:
    """An assistant that answers every question by the first word of a passage."""
    library = Library.in_memory(HashEmbedder())
    library.add([article("kelp", "Aitken found the kelp."), article("vase", "Braun sold the vase.")])
    reader = ScriptedReader(lambda text: ([9, 0, 0, 0], [9, 0, 0, 0], 0.0))
    return ArticleQA(library, reader, settings=Settings(threshold=0.0))


def answered(bot: ArticleQA, *rows: object) -> list[Answer | QuestionError]:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return list(answer_rows(bot, list(enumerate(lines, start=1)), "questions.jsonl"))


# --- reading ------------------------------------------------------------------------------------------------------


def test_read_lines_keeps_numbers_and_skips_blank_lines(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"question": "a"}\r\n\n  \n{"question": "b\xe2\x80\xa8c"}')
    lines = read_lines(path)
    assert [number for number, _ in lines] == [1, 4]
    assert [json.loads(line)["question"] for _, line in lines] == ["a", "b\u2028c"]


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(QuestionError, match=str(tmp_path)):
        read_lines(tmp_path / name)


def test_an_empty_file_has_no_lines(tmp_path):
    (tmp_path / "empty.jsonl").write_text("\n\n")
    assert read_lines(tmp_path / "empty.jsonl") == []


def test_bytes_that_are_no_text_do_not_stop_the_other_lines(tmp_path, small):
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b'{"question": "Who found the kelp \xff?"}\n\xff\xfe\x00\n{"question": "Who sold the vase?"}\n')
    outcomes = list(answer_rows(small, read_lines(path), str(path)))
    assert [isinstance(one, Answer) for one in outcomes] == [True, False, True]
    assert str(outcomes[1]).startswith(f"{path}:2: ")


# --- answering ----------------------------------------------------------------------------------------------------


def test_rows_are_answered_in_order_and_keep_their_ids(small):
    ids = ["q1", 7, None, 1.5, "q1", ["a"], {"b": 1}, True]
    questions = ["Who found the kelp?", "Who sold the vase?"] * 4
    outcomes = answered(small, *({"id": one, "question": asked} for one, asked in zip(ids, questions, strict=True)))
    assert [one.id for one in outcomes] == ids
    assert [one.to_dict()["id"] for one in outcomes] == ids
    assert [one.question for one in outcomes] == questions
    assert [one.text for one in outcomes] == ["Aitken", "Braun"] * 4
    assert answered(small, {"question": "Who found the kelp?"})[0].id is None


def test_rows_are_answered_one_by_one(small):
    def lines():
        yield 1, '{"question": "Who found the kelp?"}'
        raise AssertionError("the second row was read before the first answer was taken")

    assert next(answer_rows(small, lines(), "questions.jsonl")).text == "Aitken"


def test_a_batch_says_what_single_questions_say(brief_bot):
    asked = ["Who replaces Sims?", "How old is Blomqvist?"]
    for question, outcome in zip(asked, answered(brief_bot, *({"question": one} for one in asked)), strict=True):
        alone = brief_bot.answer(question).to_dict()
        assert outcome.to_dict() | {"timings_ms": None} == alone | {"timings_ms": None}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        pytest.param("{", "not valid JSON", id="cut off"),
        pytest.param("[" * 100_000, "not valid JSON", id="deep"),
        pytest.param('{"question": "Who?", "id": ' + "1" * 5000 + "}", "not valid JSON", id="long number"),
        pytest.param("who?", "not valid JSON", id="words"),
        pytest.param('"who?"', "no question", id="string"),
        pytest.param({}, "no question", id="nothing"),
        pytest.param({"question": None}, "no question", id="null"),
        pytest.param({"question": ["Who?"]}, "no question", id="list"),
        pytest.param({"question": " "}, "empty", id="space"),
        pytest.param({"question": "Who \ud800?"}, "not valid text", id="surrogate"),
        pytest.param({"question": "w" * 2000}, "2,000 characters", id="long"),
        pytest.param({"question": "Who?", "history": "Who?"}, '"history"', id="history of text"),
        pytest.param({"question": "Who?", "history": [["Who?"]]}, '"history"', id="turn without answer"),
        pytest.param({"question": "Who?", "history": [["a", "b", "c"]]}, '"history"', id="turn of three"),
        pytest.param({"question": "Who?", "history": [[None, "b"]]}, '"history"', id="turn without question"),
        pytest.param({"question": "Who?", "history": [["a", 5]]}, '"history"', id="number"),
        pytest.param({"question": "Who?", "history": ["ab"]}, '"history"', id="two letters"),
        pytest.param({"question": "Who?", "history": 0}, '"history"', id="zero"),
    ],
)
def test_bad_rows_are_named_and_the_others_answered(small, row, problem):
    good = {"id": 1, "question": "Who found the kelp?"}
    first, bad, last = answered(small, good, row, good)
    assert (first.text, last.text) == ("Aitken", "Aitken")
    assert isinstance(bad, QuestionError)
    assert str(bad).startswith("questions.jsonl:2: ")
    assert str(bad).count("questions.jsonl") == 1
    assert problem in str(bad)
    assert len(str(bad).splitlines()) == 1


@pytest.mark.parametrize(
    "history",
    [
        [["Who found the kelp?", "Morag Aitken"]],
        [["Who sold the vase?", "Linus Braun"], ["Who found the kelp?", "Morag Aitken"]],
        [["Who found the kelp?", "Morag Aitken"], ["Is she tall?", None]],
        [{"question": "Who found the kelp?", "answer": "Morag Aitken"}],
        {"question": "Who found the kelp?", "answer": "Morag Aitken"},
    ],
)
def test_forms_of_history(small, history):
    (answer,) = answered(small, {"question": "Where was she born?", "history": history})
    assert answer.understood_as == "Where was Morag Aitken born?"


@pytest.mark.parametrize("history", [None, []])
def test_no_history(small, history):
    (answer,) = answered(small, {"question": "Where was she born?", "history": history})
    assert answer.understood_as == "Where was she born?"


@pytest.mark.parametrize(
    "history", [[["Who is \ud800 Ada Lunn?", None]], [["Who?", "Ada\ud800"]], [["Who? " * 10_000, "Ada " * 10_000]]]
)
def test_odd_history_does_not_stop_the_other_rows(brief_bot, history):
    rows = [{"question": "What about 2021?", "history": history}, {"question": "Who replaces Sims?"}]
    first, last = answered(brief_bot, *rows)
    assert isinstance(first, Answer | QuestionError)
    assert last.text


def test_history_of():
    assert history_of(None, "q:1") == []
    assert history_of([["a", None], {"question": "b", "answer": "c"}], "q:1") == [("a", None), ("b", "c")]
    with pytest.raises(QuestionError, match="q:1"):
        history_of([[]], "q:1")


def test_no_rows_no_answers(small):
    assert answered(small) == []
    assert list(answer_rows(small, [], str(Path("x")))) == []

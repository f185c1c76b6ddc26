import gzip
import json
from dataclasses import replace

import pytest

from corpus import QuestionError
from eval.dataset import BUNDLED_QUESTIONS, Question, load_questions
from eval.question_files import load_question_file

SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "The_Race",
            "paragraphs": [
                {
                    "context": "Aitken replaces Sims.",
                    "qas": [
                        {
                            "id": "a",
                            "question": "Who?",
                            "answers": [{"text": "Aitken", "answer_start": 0}, {"text": "Aitken", "answer_start": 0}],
                        }
                    ],
                },
                {
                    "context": "Sims is 35.",
                    "qas": [
                        {
                            "id": "b",
                            "question": "Why?",
                            "answers": [],
                            "plausible_answers": [{"text": "35", "answer_start": 8}],
                            "is_impossible": True,
                        }
                    ],
                },
            ],
        },
        {"title": "", "paragraphs": [{"context": "It rained.", "qas": []}]},
    ],
}


def written(tmp_path, content, name):
    path = tmp_path / name
    data = (content if isinstance(content, str) else json.dumps(content)).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def loaded(tmp_path, content, name="questions.csv"):
    return load_question_file(written(tmp_path, content, name))


def test_jsonl_is_as_it_was():
    assert load_question_file(BUNDLED_QUESTIONS).questions == load_questions(BUNDLED_QUESTIONS)
    assert load_question_file(BUNDLED_QUESTIONS).articles == []


@pytest.mark.parametrize("name", ["dev.json", "dev.json.gz"])
@pytest.mark.parametrize("indent", [None, 2])
def test_squad_brings_its_articles(tmp_path, name, indent):
    found = loaded(tmp_path, json.dumps(SQUAD, indent=indent), name)
    race = Question("a", "Who?", ("Aitken",), "0-the-race")
    never = Question("b", "Why?", (), "0-the-race")
    assert found.questions == [race, never]
    assert [(one.id, one.title, one.text) for one in found.articles] == [
        ("0-the-race", "The_Race", "Aitken replaces Sims.\n\nSims is 35."),
        ("1-article", "", "It rained."),
    ]
    own = found.without_articles()
    assert (own.questions, own.articles) == ([replace(race, article_id=None), replace(never, article_id=None)], [])


def test_reading_rows_bring_an_article_each(tmp_path):
    rows = [
        {"context": "Aitken drives.", "questions": [{"id": "a", "question": "Who?", "answers": [{"text": "Aitken"}]}]},
        {"context": "It rained.", "questions": [{"id": "b", "question": "When?", "answers": []}]},
    ]
    found = loaded(tmp_path, "\n".join(map(json.dumps, rows)), "rows.jsonl")
    assert [one.article_id for one in found.questions] == [one.id for one in found.articles]
    assert [one.text for one in found.articles] == ["Aitken drives.", "It rained."]
    with pytest.raises(QuestionError, match=r"rows.jsonl: the id 'a' is used twice"):
        loaded(tmp_path, "\n".join(map(json.dumps, rows[:1] * 2)), "rows.jsonl")


def test_questions_of_ones_own_articles_keep_their_ids(tmp_path):
    row = {"id": "1", "question": "Who?", "answers": ["Aitken"], "article_id": "race"}
    found = loaded(tmp_path, row, "q.jsonl")
    assert found.without_articles().questions[0].article_id == "race"


@pytest.mark.parametrize("name", ["q.csv", "Q.CSV.gz"])
def test_csv_with_separators(tmp_path, name):
    text = (
        "\ufeffid,question,answers,article_id,category,note\r\n"
        'x1,"Who, then?", Aitken | Jack Aitken |,race,who,kept by me\r\n'
        ",,,,,\r\n"
        "x2,When is lunch?,,,,\r\n"
    )
    assert loaded(tmp_path, text, name).questions == [
        Question("x1", "Who, then?", ("Aitken", "Jack Aitken"), "race", category="who"),
        Question("x2", "When is lunch?"),
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Question;Answers;Answers\nWho?;Aitken;a|b\nWhy?;;\n", "q.csv"),
        ("question\tanswer_1\tanswer_2\nWho?\tAitken\ta|b\nWhy?\n", "q.tsv"),
        ("answer 1,question,answer 2\nAitken,Who?,a|b\n,Why?,\n", "q.csv"),
    ],
)
def test_csv_with_columns_of_answers_and_without_ids(tmp_path, text, name):
    assert loaded(tmp_path, text, name).questions == [
        Question("1", "Who?", ("Aitken", "a|b")),
        Question("2", "Why?"),
    ]


def test_a_cell_may_hold_lines(tmp_path):
    found = loaded(tmp_path, 'question,answers\n"Who\nor what?","Jack\nAitken"\nWhy?,\n')
    assert [one.question for one in found.questions] == ["Who\nor what?", "Why?"]
    assert found.questions[0].answers == ("Jack\nAitken",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r"q.csv: the file is empty; "),
        ("who,what\n1,2\n", r"q.csv:1: no columns .question. and .answers.; "),
        ("question,expected\nWho?,x\n", r"q.csv:1: no columns"),
        ("question,answers\n", r"q.csv: there are no questions in it; "),
        ("question,answers\n,Aitken\n", r'q.csv:2: "question" has no text; '),
        ("id,question,answers\n1,Who?,x\n,Why?,x\n", r'q.csv:3: "id" has no text; '),
        ("id,question,answers\n1,Who?,x\n1,Why?,x\n", r"q.csv:3: the id '1' is used twice; "),
        ("question,answers\nWho,then?,x\n", r"q.csv:2: 3 cells for 2 columns; "),
        ('question,answers\n"Who?,x\n', r"q.csv:2: not valid CSV \(.+\); "),
    ],
)
def test_bad_tables_are_named_by_line(tmp_path, text, problem):
    with pytest.raises(QuestionError, match=problem):
        loaded(tmp_path, text, "q.csv")


@pytest.mark.parametrize("content", ["{", "[]", "not a table", '{"id": "1"}', '{"id": "1"}\n{'])
def test_anything_else_is_read_as_jsonl(tmp_path, content):
    path = written(tmp_path, content, "q.txt")
    with pytest.raises(QuestionError) as ours:
        load_question_file(path)
    with pytest.raises(QuestionError) as theirs:
        load_questions(path)
    assert str(ours.value) == str(theirs.value)

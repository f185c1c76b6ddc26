"""Questions drafted from articles by rule, and the file in which a person accepts them."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli import main
from corpus import Article, QuestionError, samples
from eval.dataset import load_questions
from eval.drafting import DraftFile, review
from qa.drafts import draft_questions
from qa.names import names, people
from qa.verbs import finite

TEXT = (
    "Aster Racing has signed Mara Lindqvist, 31, for the 2027 season. "
    "Lindqvist replaces Joao Prado, who broke his wrist.\n"
    "Prado won four races with Aster Racing in 2024. The team lost £2 million last year. "
    "Lindqvist was born in Tromsø.\n"
    "“She is the quickest driver that we have ever tested,” said Ines Okafor, team manager of Aster Racing.\n"
    "She has 11 wins from 40 starts. Okafor will retire in August because she wants to sail.\n"
)


def article(text, name="a"):
    return Article(name, "T", text, f"{name}.txt")


def drafted(text):
    return {draft.question: draft.answer for draft in draft_questions(article(text))}


def test_every_rule_gives_its_question():
    found = drafted(TEXT)
    assert found["How old is Mara Lindqvist?"] == "31"
    assert found["Who replaces Joao Prado?"] == "Lindqvist"
    assert found["Who does Lindqvist replace?"] == "Joao Prado"
    assert found["How many races did Prado win with Aster Racing in 2024?"] == "four"
    assert found["When did Prado win four races with Aster Racing?"] == "2024"
    assert found["How much did the team lose last year?"] == "£2 million"
    assert found["Where was Lindqvist born?"] == "Tromsø"
    assert found["Who is the team manager of Aster Racing?"] == "Ines Okafor"
    assert found["Who said “She is the quickest driver that we have ever tested”?"] == "Ines Okafor"
    assert found["When will Okafor retire?"] == "August"


def test_answers_are_exact_quotes_and_near_misses_have_none():
    for one in samples():
        drafts = draft_questions(one)
        assert len(drafts) >= 5
        assert len({draft.question.casefold() for draft in drafts}) == len(drafts)
        for draft in drafts:
            if draft.answer is None:
                assert (draft.start, draft.end, draft.category) == (-1, -1, "unanswerable-near")
            else:
                assert one.text[draft.start : draft.end] == draft.answer
                assert all(form in one.text for form in draft.also)


def test_a_near_miss_asks_of_somebody_of_whom_it_is_not_said():
    ages = drafted(
        "Ann Bell, 31, and Carl Dorn, 40, met. Dorn said Ann Bell was late. Eve Falk said so too. Falk left."
    )
    assert "How old is Eve Falk?" in ages
    assert ages["How old is Eve Falk?"] is None


def test_words_inside_quotations_are_not_taken_for_the_article_s_own():
    assert not drafted("“Lindqvist won three races in 2020,” nobody of note said. Lindqvist? Mara Lindqvist.")


@pytest.mark.parametrize(
    ("word", "base"),
    [("moved", "move"), ("stopped", "stop"), ("carried", "carry"), ("added", "add"), ("hoped", "hope"), ("won", "win"),
     ("passed", "pass"), ("opened", "open"), ("travelled", "travel"), ("used", "use"), ("flies", None)],
)  # fmt: skip
def test_the_base_of_a_verb(word, base):
    verb = finite(word)
    assert (verb.base if verb else None) == (base or "fly")


@pytest.mark.parametrize("word", ["team", "red", "need", "drivers", "xqzed", ""])
def test_words_that_are_no_finite_verbs(word):
    assert finite(word) is None


def test_have_is_a_main_verb_or_a_helper_by_the_word_after_it():
    assert finite("has", "five").inverted("Ann") == "does Ann have"
    assert finite("has", "won").inverted("Ann") == "has Ann"
    assert finite("had", "no").inverted("Ann") == "did Ann have"


def test_names_and_people():
    assert [name.text for name in names("Yesterday the Daytona 24 Hours went to Dr. Tom Vane’s team.")][
        -1
    ] == "Tom Vane"
    assert people(TEXT)["Lindqvist"] == "Mara Lindqvist"
    assert "Aster Racing" not in people(TEXT)


@given(st.text(alphabet=st.sampled_from("Aa Bb. ,“”\n’said 12 £has won in The He ")))
def test_any_text_is_survived(text):
    for draft in draft_questions(article(text)):
        assert draft.answer is None or text[draft.start : draft.end] == draft.answer


@pytest.fixture
def file(tmp_path):
    return tmp_path / "questions.jsonl"


def test_drafts_do_not_count_until_they_are_accepted(file):
    drafts = DraftFile(file)
    made = drafts.add(article(TEXT))
    assert made > 10
    with pytest.raises(QuestionError, match=rf"all {made} questions are drafts; accept some"):
        load_questions(file)
    first, second, third = list(drafts.drafts())[:3]
    drafts.decide(first, "accept")
    drafts.decide(second, "reject")
    drafts.decide(third, "accept", question="What?", answers=["31", "thirty-one"])
    counted = load_questions(file)
    assert [one.question for one in counted] == [first["question"], "What?"]
    assert counted[1].answers == ("31", "thirty-one")


def test_drafting_again_adds_nothing_that_was_decided(file):
    drafts = DraftFile(file)
    drafts.add(article(TEXT))
    for decision, row in zip(("accept", "reject"), list(drafts.drafts()), strict=False):
        drafts.decide(row, decision, question="Edited, asked otherwise?" if decision == "accept" else "")
    before = file.read_text()
    assert DraftFile(file).add(article(TEXT)) == 0
    assert file.read_text() == before


def test_review_ends_with_the_input_and_keeps_what_was_decided(file):
    drafts = DraftFile(file)
    drafts.add(article(TEXT))
    typed, shown = iter(["a", "e", "Is it so?", "-", "r", "l"]), []

    def ask(prompt):
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    review(drafts, [article(TEXT)], ask, shown.append)
    assert [row.get("draft") for row in DraftFile(file).rows[:4]] == [None, None, "rejected", True]
    edited = load_questions(file)[1]
    assert (edited.question, edited.answers) == ("Is it so?", ())
    assert any("[31]" in line for line in shown)


def test_the_command(tmp_path, capsys, monkeypatch):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["articleqa", "questions", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr()

    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.txt").write_text(TEXT)
    code, shown = run("note.txt")
    assert not code
    assert "questions drafted into questions.jsonl" in shown.out
    rows = [json.loads(line) for line in (tmp_path / "questions.jsonl").read_text().splitlines()]
    assert all(row["draft"] is True for row in rows)
    code, shown = run("--file", "questions.txt")
    assert (code, "ending in .jsonl" in shown.err) == (2, True)
    code, shown = run("--file", "none.jsonl")
    assert (code, "no article to draft questions from" in shown.err) == (2, True)

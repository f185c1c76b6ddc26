"""Every command as a user runs it: in a process of its own, in a folder of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.loading import SAMPLES

BLOMQVIST = next(SAMPLES.glob("*blomqvist*"))
ANSWER_KEYS = {
    *("id", "question", "understood_as", "answer", "confidence", "reason", "citation", "alternatives", "hits"),
    *("timings_ms", "mode", "choices", "groups", "longer", "items", "unknown_words", "hint"),
}


class Home:
    """A user's home folder, in which commands run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str | Path, code: int = 0, python: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *(["-c", python] if python else ["-m", "app"]), *map(str, words)]
        environment = os.environ | {"XDG_DATA_HOME": str(self.folder / "data"), "COLUMNS": "100"}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def refused(self, *words: str | Path) -> str:
        """What a command says that fails as it should: exit code 2, nothing on stdout, one line on stderr."""
        done = self.run(*words, code=2)
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("articleqa: ")
        return done.stderr


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose default library holds the bundled articles, as after the first question."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.run("ask", "Who replaces Sims?")
    return home


def test_help_lists_the_commands_and_imports_nothing_heavy(home: Home) -> None:
    text = home.run("--help").stdout
    for command in "add list show remove rebuild ask chat doctor eval read-eval bench".split():
        assert f"  {command} " in text
    heavy = "import sys, app.cli; print([m for m in ('torch', 'faiss', 'gradio', 'numpy') if m in sys.modules])"
    assert home.run(python=heavy).stdout.strip() == "[]"


def test_first_question_needs_no_set_up_and_no_torch(home: Home) -> None:
    script = (
        "import sys; sys.argv[0] = 'articleqa'\n"
        "from app.cli import main\n"
        "try: main()\n"
        "finally: print(sorted({'torch', 'transformers', 'gradio'} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = home.run("ask", "How many points were deducted from Blomqvist and Braun?", python=script)
    assert done.stderr.strip() == "[]"
    assert "200" in done.stdout.splitlines()[0]
    assert "deduction after Blomqvist won his second straight" in " ".join(done.stdout.split())
    assert "Blomqvist joins Action Express" in done.stdout
    assert "2023-10-19" in done.stdout


def test_json_of_an_answer(filled: Home) -> None:
    answer = json.loads(filled.run("ask", "How old is Blomqvist?", "--json").stdout)
    assert set(answer) == ANSWER_KEYS
    assert answer["answer"] == answer["citation"]["quote"] == "29"
    assert set(answer["citation"]) == {
        *("article_id", "title", "source", "published", "date", "page", "heading", "link"),
        *("start", "end", "quote", "sentence"),
    }
    assert answer["citation"]["article_id"] == BLOMQVIST.stem
    assert BLOMQVIST.read_text()[answer["citation"]["start"] : answer["citation"]["end"]] == "29"
    assert set(answer["timings_ms"]) == {"retrieve", "read", "total"}


def test_unanswerable_question_says_so_and_shows_the_closest_passage(filled: Home) -> None:
    text = filled.run("ask", "What is the boiling point of tungsten?").stdout
    assert text.startswith("The articles do not say.")
    assert "closest passage" in text
    answer = json.loads(filled.run("ask", "What is the boiling point of tungsten?", "--json").stdout)
    assert answer["answer"] is None
    assert answer["citation"] is None
    assert answer["reason"]
    assert answer["hits"]


def test_add_list_show_remove_survive_restarts(home: Home) -> None:
    library = ("--library", home.folder / "mine")
    (home.folder / "notes").mkdir()
    (home.folder / "notes" / "one.txt").write_text("The Quillfeather bridge opened on 4 May 2021.\n")
    assert home.run("add", BLOMQVIST, home.folder / "notes", *library).stdout.startswith("2 added, 0 replaced")
    assert home.run("add", BLOMQVIST, *library).stdout.startswith("0 added, 0 replaced, 1 unchanged")
    (home.folder / "notes" / "one.txt").write_text("The Quillfeather bridge opened on 5 June 2022.\n")
    assert home.run("add", "notes", *library).stdout.startswith("0 added, 1 replaced")
    listed = home.run("list", *library).stdout
    assert BLOMQVIST.stem in listed
    assert "one" in listed
    rows = json.loads(home.run("list", "--json", *library).stdout)
    assert [row["id"] for row in rows] == [BLOMQVIST.stem, "one"]
    assert "5 June 2022" in home.run("show", "one", *library).stdout
    shown = json.loads(home.run("show", "2023", "--json", *library).stdout)
    assert shown["text"] == BLOMQVIST.read_text()
    assert "5 June 2022" in home.run("ask", "When did the Quillfeather bridge open?", *library).stdout
    assert home.run("remove", "2023", *library).stdout.startswith(f"removed {BLOMQVIST.stem}")
    assert [row["id"] for row in json.loads(home.run("list", "--json", *library).stdout)] == ["one"]


def test_a_bad_file_among_good_ones_is_named_and_the_rest_goes_in(home: Home) -> None:
    folder = home.folder / "in"
    folder.mkdir()
    (folder / "good.txt").write_text("A good article about nothing in particular.\n")
    (folder / "bad.txt").write_bytes(b"\x00\x01\x02" * 50)
    (folder / "empty.txt").write_text(" \n")
    done = home.run("add", folder, "--library", "mine", code=2)
    assert done.stdout.startswith("1 added")
    assert "2 failed" in done.stdout
    assert "bad.txt: this is not a text file" in done.stderr
    assert "empty.txt: the file is empty" in done.stderr


def test_batch_answers_in_order_and_names_bad_rows(filled: Home) -> None:
    rows = [
        json.dumps({"id": "a", "question": "Who replaces Sims?"}),
        "{broken",
        json.dumps({"id": 7, "question": "And how old is he?", "history": [["Who joins?", "Tom Blomqvist"]]}),
        json.dumps({"id": "x", "question": "   "}),
        json.dumps({"question": "How old is Blomqvist?"}),
    ]
    (filled.folder / "batch.jsonl").write_text("\n".join(rows) + "\n")
    done = filled.run("ask", "--batch", "batch.jsonl", "--json", code=2)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", 7, None]
    assert answers[1]["understood_as"] == "How old is Tom Blomqvist?"
    assert "batch.jsonl:2:" in done.stderr
    assert "batch.jsonl:4:" in done.stderr
    assert done.stderr.count("\n") == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ask", "   "], "the question is empty"),
        (["ask", "x" * 100_000], "the question has 100,000 characters"),
        (["ask"], "ask needs one question"),
        (["ask", "--batch", "missing.jsonl", "--json"], "missing.jsonl: cannot be read"),
        (["add", "missing.txt"], "missing.txt: there is no such file"),
        (["add", "picture.png"], "picture.png: articles of this kind cannot be read"),
        (["show", "nobody"], "nobody: no article of this id"),
        (["remove", "nobody"], "nobody: no article of this id"),
        (["ask", "Who?", "--reader", "no/such/folder"], "no/such/folder"),
        (["ask", "Who?", "--library", "picture.png"], "picture.png: the library cannot be made here"),
        (["read-eval", "missing.json"], "missing.json"),
        (["eval", "missing.jsonl"], "missing.jsonl"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(home: Home, words: list[str], says: str) -> None:
    (home.folder / "picture.png").write_bytes(b"\x89PNG")
    assert says in home.refused(*words)


def test_lone_surrogates_in_a_question(home: Home) -> None:
    script = "import sys; sys.argv = ['articleqa', 'ask', 'Who is \\udc80?']\nfrom app.cli import main; main()"
    assert "not valid text" in home.run(python=script, code=2).stderr


def test_damaged_library_file_is_named_and_left_alone(home: Home) -> None:
    library = home.folder / "mine"
    home.run("add", BLOMQVIST, "--library", library)
    database = library / "library.sqlite"
    database.write_bytes(b"not a database" * 100)
    assert "library.sqlite: the library cannot be used" in home.refused("ask", "Who?", "--library", library)
    assert database.read_bytes() == b"not a database" * 100


def test_truncated_index_file_is_built_again(home: Home) -> None:
    library = home.folder / "mine"
    home.run("add", BLOMQVIST, "--library", library)
    index = next(library.glob("snapshots/*/dense/*.flat"))
    index.write_bytes(index.read_bytes()[:100])
    done = home.run("ask", "How old is Blomqvist?", "--library", library)
    assert done.stdout.startswith("29")
    assert done.stderr.count("\n") == 1
    assert str(index.parent) in done.stderr
    assert home.run("ask", "How old is Blomqvist?", "--library", library).stderr == ""


def test_doctor(filled: Home) -> None:
    text = filled.run("doctor").stdout
    assert "wrong" not in text
    assert "10 articles" in text

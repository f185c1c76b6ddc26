import json
from dataclasses import replace
from io import StringIO
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from scipy.stats import permutation_test
from test_evaluation import FACTS
from typer.testing import CliRunner

from app.cli import cli
from corpus import QuestionError
from eval import commands, gate, report
from eval.compare import SIGNIFICANT, compare, difference, load_run, mcnemar, randomisation_test, tables, to_dict
from eval.dataset import BUNDLED_QUESTIONS, load_questions
from eval.gate import Baseline
from eval.run import evaluate
from qa import ArticleQA, Settings
from qa.reader import Window


def row(name, *, em, f1=None, failure=None, answer="x", **more):
    return {
        "id": name,
        "question": f"{name}?",
        "expected": ["x"],
        "answer": answer,
        "exact_match": em,
        "f1": em if f1 is None else f1,
        "failure": failure,
        **more,
    }


def run(*rows, kind="end_to_end", **more):
    return {"kind": kind, "results": list(rows), "run": {"reader": "r"}, **more}


WRONG = {"em": 0.0, "failure": "reader"}
A = run(
    row("same", em=100.0),
    row("lost", em=100.0),
    row("gained", **WRONG),
    row("nearer", em=0.0, f1=50.0),
    row("a", em=0.0),
)
B = run(
    row("b", em=0.0),
    row("same", em=100.0),
    row("lost", **WRONG),
    row("gained", em=100.0),
    row("nearer", em=0.0, f1=80.0),
)


def test_questions_that_both_have_are_compared():
    found = compare(A, B)
    assert set(found.rows) == {"same", "lost", "gained", "nearer"}
    assert (found.only_a, found.only_b) == (("a",), ("b",))
    assert (found.gained, found.lost, found.p_flips) == (("gained",), ("lost",), 1)
    f1 = found.differences["f1"]
    assert (f1.a, f1.b, f1.difference) == (pytest.approx(2.5 / 4), pytest.approx(2.8 / 4), pytest.approx(0.3 / 4))
    assert f1.interval[0] < f1.difference < f1.interval[1]
    assert found.differences["exact_match"].difference == found.differences["correct"].difference == 0


def test_a_comparison_is_the_other_way_round_backwards():
    found, back = compare(A, B), compare(B, A)
    assert (found.gained, found.lost) == (back.lost, back.gained)
    for name, one in found.differences.items():
        assert back.differences[name].difference == -one.difference
        assert back.differences[name].p == one.p


def test_a_run_does_not_differ_from_itself():
    found = compare(A, A)
    assert (found.gained, found.lost, found.p_flips) == ((), (), 1)
    for one in found.differences.values():
        assert (one.difference, one.interval, one.p) == (0, (0, 0), 1)


def test_the_report_of_a_comparison():
    found = compare(A, B)
    figures = json.loads(json.dumps(to_dict(found), allow_nan=False))
    assert figures["flips"] == {"gained": ["gained"], "lost": ["lost"], "p": 1.0}
    assert figures["differences"]["f1"]["difference"] == 0.075
    differences, counts, flips = tables(found)
    assert differences.rows[1][:4] == ("f1", "62.50", "70.00", "+7.50")
    assert dict(counts.rows)["right in A only"] == "1"
    assert flips.rows == (("lost", "lost", "x", "x", "x", "reader"), ("gained", "gained", "x", "x", "x", ""))


@settings(max_examples=30)
@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=1, max_size=9))
def test_randomisation_test_agrees_with_all_flips_of_signs(differences):
    sums = [abs(np.dot(signs, differences)) for signs in product((1, -1), repeat=len(differences))]
    exact = np.mean([one >= abs(sum(differences)) - 1e-9 for one in sums])
    assert randomisation_test(differences) == pytest.approx(exact, abs=0.02)


def test_randomisation_test_agrees_with_scipy():
    differences = np.random.default_rng(3).normal(0.25, 1, 60)
    theirs = permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(1)
    )
    ours = randomisation_test(differences)
    assert ours == pytest.approx(theirs.pvalue, abs=0.015)
    assert ours == randomisation_test(differences)  # the same every time


def test_what_is_clear_is_significant_and_what_is_not_is_not():
    assert difference([0] * 40, [1] * 30 + [0] * 10).p < 0.001
    assert difference([0, 1] * 20, [1, 0] * 20).p > 0.5


@given(st.integers(0, 20), st.integers(0, 20))
def test_mcnemar_by_its_definition(gained, lost):
    flips, most = gained + lost, max(gained, lost)
    tail = sum(comb(flips, k) for k in range(most, flips + 1)) / 2**flips
    assert mcnemar(gained, lost) == pytest.approx(min(1, 2 * tail), abs=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "problem"),
    [
        (A, run(row("z", em=0.0)), "no question in common; "),
        (A, {**A, "kind": "reading"}, "one run is end_to_end, the other reading; "),
        (A, run({**row("same", em=0.0), "question": "Why?"}), "question same: not the same in both runs; "),
        (A, run({**row("same", em=0.0), "expected": ["y"]}), "question same: not the same in both runs; "),
    ],
)
def test_runs_that_cannot_be_compared(a, b, problem):
    with pytest.raises(QuestionError, match=problem):
        compare(a, b)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "not the figures"),
        ({"kind": "bench"}, "not the figures"),
        (run(), "not the figures"),
        (run({"id": "1"}), "not the figures"),
        (run(row("1", em="all")), "not the figures"),
    ],
)
def test_files_that_are_no_runs(tmp_path, content, problem):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(QuestionError, match=rf"a.json: .*{problem}.*; name a file that `articleqa eval --json FILE`"):
        load_run(path)


def test_the_command_compares(tmp_path):
    for name, content in (("a.json", A), ("b.json", B)):
        (tmp_path / name).write_text(json.dumps(content))
    out = tmp_path / "c.json"
    arguments = ["eval", "--compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    done = CliRunner().invoke(cli, [*arguments, "--json", str(out)])
    assert done.exit_code == 0, done.output
    assert "Differences, B less A" in done.output
    figures = json.loads(out.read_text("utf-8"))
    assert (figures["kind"], figures["a"]["run"]) == ("comparison", {"reader": "r"})
    assert "| lost | lost |" in (tmp_path / "c.md").read_text("utf-8")
    refused = CliRunner().invoke(cli, [*arguments, "--library", "x"])
    assert isinstance(refused.exception, QuestionError)


# the gate


class Weakened:
    """A reader whose five best starts of every window are lost."""

    def __init__(self, reader):
        self.reader, self.name = reader, f"weakened {reader.name}"

    def read(self, question, passages, **how):
        return [self._weaker(window) for window in self.reader.read(question, passages)]

    def _weaker(self, window: Window) -> Window:
        starts = window.start_logits.copy()
        if len(starts):
            starts[starts.argsort()[-5:]] = -50
        return replace(window, start_logits=starts)


@pytest.fixture(scope="module")
def questions():
    asked = load_questions(BUNDLED_QUESTIONS)
    return [one for one in asked if one.category == "how-many"][:24] + [one for one in asked if not one.answerable][:4]


@pytest.fixture(scope="module")
def sound(brief_bot, questions):
    return evaluate(brief_bot, questions)


@pytest.fixture(scope="module")
def weak(sample_library, reader, questions):
    return evaluate(ArticleQA(sample_library, Weakened(reader), settings=Settings(passages=2)), questions)


@pytest.fixture
def baseline(sound, tmp_path):
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(report.to_dict(sound, FACTS)))
    return Baseline.load(path)


def test_the_same_passes_the_gate(baseline, sound, questions):
    baseline.check(questions)
    assert baseline.breaches(sound) == []


def test_the_same_run_again_gives_the_same_figures(sound, brief_bot, questions):
    def figures(found):
        told = report.to_dict(found, FACTS)
        del told["latency_ms"]
        return told | {"results": [{**row, "timings_ms": None} for row in told["results"]]}

    assert figures(evaluate(brief_bot, questions)) == figures(sound)


def test_a_weakened_reader_fails_the_gate(baseline, weak):
    breaches = baseline.breaches(weak)
    assert [line.split(" fell ")[0] for line in breaches if " fell " in line][:2] == ["exact match", "F1"]
    assert all("; tolerated is " in line and "\n" not in line for line in breaches)


def test_the_command_compares_a_weakened_reader_and_a_run_with_itself(sound, weak, tmp_path):
    for name, found in (("sound", sound), ("weak", weak)):
        (tmp_path / f"{name}.json").write_text(json.dumps(report.to_dict(found, FACTS)))

    def compared(*names):
        files = [str(tmp_path / f"{name}.json") for name in names]
        done = CliRunner().invoke(cli, ["eval", "--compare", *files, "--json", str(tmp_path / "out.json")])
        assert done.exit_code == 0, done.output
        return json.loads((tmp_path / "out.json").read_text("utf-8")), done.output

    figures, shown = compared("sound", "sound")
    assert "worse" not in shown
    assert figures["flips"] == {"gained": [], "lost": [], "p": 1.0}
    for one in figures["differences"].values():
        assert (one["difference"], one["interval_95"], one["p"], one["verdict"]) == (0, [0, 0], 1, None)
    figures, shown = compared("sound", "weak")
    assert len(figures["flips"]["lost"]) > len(figures["flips"]["gained"])
    for name in ("exact_match", "f1"):
        one = figures["differences"][name]
        assert one["difference"] < 0
        assert one["p"] < SIGNIFICANT
        assert one["verdict"] == "worse"


def test_a_difference_that_chance_would_not_make_is_flagged():
    assert difference([1] * 8, [0] * 8).verdict == "worse"
    assert difference([0] * 8, [1] * 8).verdict == "better"
    assert difference([1, 0] * 4, [0, 1] * 4).verdict == ""


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"exact_match": gate.EXACT_MATCH_DROP}, "exact match"),
        ({"f1": gate.F1_DROP}, "F1"),
        ({"retrieval": {"recall_at_5": gate.RECALL_AT_5_DROP}}, "recall@5"),
        ({"citation_exactness": gate.CITATION_EXACTNESS_DROP}, "citation exactness"),
        ({"rates": {"false_answer": -gate.FALSE_ANSWER_RISE}}, "false-answer rate"),
    ],
)
def test_the_gate_is_as_wide_as_it_says(baseline, sound, changes, name):
    now = report.figures(sound)

    def moved(by):
        figures = dict(baseline.figures)
        for key, change in changes.items():
            if isinstance(change, dict):
                ((inner, value),) = change.items()
                figures[key] = {**now[key], inner: now[key][inner] + value + by * (1 if value >= 0 else -1)}
            else:
                figures[key] = now[key] + change + by
        return replace(baseline, figures=figures).breaches(sound)

    assert moved(0) == []
    (line,) = moved(0.001)
    assert line.startswith(name)


def test_what_is_not_measured_any_more_is_a_breach(baseline, sound):
    silent = replace(sound, citation_exactness=None)
    assert baseline.breaches(silent) == ["citation exactness: 1 in the baseline, not measured now"]
    assert replace(baseline, figures=report.figures(silent)).breaches(sound) == []


def test_a_baseline_of_other_questions_is_refused(baseline, questions, tmp_path):
    with pytest.raises(QuestionError, match=r"baseline.json: measured on other questions \(.+ and 0 more differ\); "):
        baseline.check(questions[1:])
    path = tmp_path / "reading.json"
    path.write_text(json.dumps({**baseline.figures, "kind": "reading"}))
    with pytest.raises(QuestionError, match="not an end-to-end run; "):
        Baseline.load(path)


def test_the_command_fails_with_a_line_for_each_breach(tmp_path, baseline):
    asked, library = tmp_path / "q.jsonl", tmp_path / "library"
    asked.write_text('{"id": "1", "question": "Who replaces Sims?", "answers": ["Jack Aitken"]}\n')
    (tmp_path / "race.txt").write_text("Race\n\nJack Aitken replaces Sims.")
    runner = CliRunner()
    assert runner.invoke(cli, ["add", str(tmp_path / "race.txt"), "--library", str(library)]).exit_code == 0
    first = tmp_path / "first.json"
    arguments = ["eval", str(asked), "--library", str(library)]
    assert runner.invoke(cli, [*arguments, "--json", str(first)]).exit_code == 0
    passed = runner.invoke(cli, [*arguments, "--baseline", str(first)])
    assert (passed.exit_code, passed.stderr) == (0, "")
    figures = json.loads(first.read_text("utf-8"))
    first.write_text(json.dumps({**figures, "f1": figures["f1"] + 3, "exact_match": figures["exact_match"] + 4}))
    failed = runner.invoke(cli, [*arguments, "--baseline", str(first)])
    assert failed.exit_code == 1
    lines = failed.stderr.splitlines()
    assert [line.split(" fell ")[0] for line in lines] == ["exact match", "F1"]
    with pytest.raises(QuestionError, match="measured on other questions"):
        commands.run_eval(asked, library, None, None, None, Console(file=StringIO()), baseline=baseline)

import json
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from corpus import QuestionError
from eval import commands, reading_report
from eval.dataset import ReadingExample
from eval.facts import Facts
from eval.figures import markdown
from eval.reading import evaluate_reader
from eval.wrong_passages import with_wrong_passages
from qa.reader import Window

FACTS = Facts("articleqa read-eval dev.json", "2024-01-01T00:00:00+00:00", "0.1.0", "Linux", "3.11", 2, "scripted")
PASSAGE = "Jack Aitken replaces Sims today"
WORDS = [(0, 4), (5, 11), (12, 20), (21, 25), (26, 31)]


class Scripted:
    """A reader whose best span, by question, is the words first to last with the score given over the null score."""

    name = "scripted"

    def __init__(self, spans):
        self.spans = spans

    def read(self, question, passages, **how):
        assert list(passages) == [PASSAGE]
        if self.spans[question] is None:
            return []
        first, last, score = self.spans[question]
        starts, ends = (np.array(offsets, np.int64) for offsets in zip(*WORDS, strict=True))
        start_logits, end_logits = np.full(5, -50, np.float32), np.full(5, -50, np.float32)
        start_logits[first], end_logits[last] = 4.0, 3.0
        return [Window(0, starts, ends, start_logits, end_logits, 7.0 - score)]


SPANS = {
    "exact": (0, 1, 6.0),
    "partial": (1, 2, 4.0),  # "Aitken replaces" for "Jack Aitken": F1 0.5
    "wrong": (3, 3, 2.0),
    "unsure": (1, 1, -1.0),  # right, and scored below 0
    "none": None,
    "false": (3, 3, 1.0),
    "silent": (3, 3, -3.0),
}
ACCEPTED = {
    "exact": ("Jack Aitken",),
    "partial": ("Jack Aitken",),
    "wrong": ("Jack Aitken",),
    "unsure": ("Aitken",),
    "none": ("Aitken",),
    "false": (),
    "silent": (),
}
EXAMPLES = [ReadingExample(name, name, PASSAGE, ACCEPTED[name]) for name in SPANS]
ANSWERABLE = [example for example in EXAMPLES if example.answerable]


def test_without_unanswerable_questions_everything_is_answered():
    found = evaluate_reader(Scripted(SPANS), ANSWERABLE)
    assert found.threshold is None
    assert found.readings == found.final
    assert [one.text for one in found.final] == ["Jack Aitken", "Aitken replaces", "Sims", "Aitken", ""]
    assert [one.failure for one in found.final] == [None, None, "wrong span", None, "refused"]
    assert (found.overall.exact_match, found.overall.f1) == (pytest.approx(2 / 5), pytest.approx(2.5 / 5))
    assert found.unanswerable.exact_match is None
    assert found.roc_area is None


def test_with_unanswerable_questions_spans_below_the_null_score_are_refused():
    found = evaluate_reader(Scripted(SPANS), EXAMPLES)
    assert found.threshold == 0
    assert [one.text for one in found.final] == ["Jack Aitken", "Aitken replaces", "Sims", "", "", "Sims", ""]
    assert found.answerable.exact_match == pytest.approx(1 / 5)
    assert found.answerable.f1 == pytest.approx(1.5 / 5)
    assert found.unanswerable.exact_match == pytest.approx(1 / 2)
    assert found.overall.f1 == pytest.approx(2.5 / 7)
    assert found.failures == {"wrong span": 1, "refused": 2, "false answer": 1}


def test_the_best_thresholds():
    found = evaluate_reader(Scripted(SPANS), EXAMPLES)
    # F1 from the surest on: +1, +0.5, 0, -1 (false), +1 (unsure), -1 (silent), onto 2 for refusing everything
    assert (found.best_f1.score, found.best_f1.at) == (pytest.approx(3.5 / 7), pytest.approx(4.0))
    assert (found.best_exact_match.score, found.best_exact_match.at) == (pytest.approx(3 / 7), pytest.approx(6.0))


def test_the_area_under_the_roc_curve():
    found = evaluate_reader(Scripted(SPANS), EXAMPLES)
    # over "false": 3 of 5; over "silent": 4 of 5 (no span at all scores lowest)
    assert found.roc_area == pytest.approx(7 / 10)


def test_a_threshold_of_ones_own():
    found = evaluate_reader(Scripted(SPANS), EXAMPLES, threshold=-2.0)
    assert found.answerable.exact_match == pytest.approx(2 / 5)
    assert found.unanswerable.exact_match == pytest.approx(1 / 2)
    assert evaluate_reader(Scripted(SPANS), ANSWERABLE, threshold=5.0).overall.exact_match == pytest.approx(1 / 5)


def test_progress_and_no_examples():
    steps = []
    evaluate_reader(Scripted(SPANS), EXAMPLES, on_progress=steps.append)
    assert steps == [1] * len(EXAMPLES)
    with pytest.raises(ValueError, match="at least 1"):
        evaluate_reader(Scripted(SPANS), [])


def test_report_as_json():
    found = evaluate_reader(Scripted(SPANS), EXAMPLES)
    figures = json.loads(json.dumps(reading_report.to_dict(found, FACTS), allow_nan=False))
    assert (figures["kind"], figures["questions"], figures["exact_match"], figures["f1"]) == (
        "reading",
        7,
        28.57,
        35.71,
    )
    assert figures["threshold"] == 0
    assert figures["best_f1"] == {"f1": 50.0, "threshold": 4.0}
    assert figures["roc_area"] == 0.7
    assert figures["questions_per_second"] > 0
    assert figures["results"][3] == {
        "id": "unsure",
        "question": "unsure",
        "expected": ["Aitken"],
        "answer": None,
        "best_span": "Aitken",
        "score": -1.0,
        "exact_match": 0.0,
        "f1": 0.0,
        "failure": "refused",
    }
    assert figures["results"][4]["score"] is None


def test_report_as_markdown():
    found = evaluate_reader(Scripted(SPANS), EXAMPLES)
    text = markdown("Reader", FACTS, [*reading_report.tables(found), reading_report.wrong_answers(found)])
    assert "| answerable | 5 | 20.00 | 30.00 | 0.400 |" in text
    assert "| wrong | wrong | Jack Aitken | Sims | wrong span |" in text
    assert "| false | false | (not in the articles) | Sims | false answer |" in text
    assert "embedder" not in text


def test_the_command(tmp_path, monkeypatch):
    path, out, stdout = tmp_path / "dev.jsonl", tmp_path / "out.json", StringIO()
    questions = [{"id": n, "question": n, "answers": [{"text": a} for a in ACCEPTED[n]]} for n in SPANS]
    path.write_text(json.dumps({"context": PASSAGE, "questions": questions}))
    monkeypatch.setattr(commands, "load_reader", lambda name: Scripted(SPANS))
    commands.run_read_eval(path, None, out, Console(file=stdout, width=100))
    assert "28.57" in stdout.getvalue()
    assert json.loads(out.read_text("utf-8"))["run"]["reader"] == "scripted"
    assert "## Wrong answers" in (tmp_path / "out.md").read_text("utf-8")
    with pytest.raises(QuestionError, match="cannot be read"):
        commands.run_read_eval(tmp_path / "missing.json", None, None, Console(file=stdout))


def test_the_bundled_reader_on_one_passage():
    from qa.reader import load_reader

    example = ReadingExample(
        "1", "Who replaces Sims?", "Jack Aitken replaces Alexander Sims in 2024.", ("Jack Aitken",)
    )
    found = evaluate_reader(load_reader(), [example])
    assert found.readings[0].text in example.passage
    assert np.isfinite(found.readings[0].score)


def test_wrong_passages_are_close_and_do_not_answer():
    sims = ReadingExample("1", "Who replaces Sims?", "Jack Aitken replaces Sims today.", ("Aitken", "Jack Aitken"))
    spa = ReadingExample("2", "Where is Spa?", "Spa is in Belgium; Aitken replaces nobody.", ("Belgium",))
    lost = ReadingExample("3", "Who lost?", "Sims replaces nobody.")
    found = with_wrong_passages([sims, spa, lost])
    assert found[:3] == [sims, spa, lost]
    # the passage about Spa names Aitken too
    assert [(one.id, one.question, one.passage, one.answers) for one in found[3:]] == [
        ("1 (wrong passage)", sims.question, lost.passage, ())
    ]

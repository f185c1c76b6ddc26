import json
import math
import sys
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from conftest import HashEmbedder
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy.special import betaincinv
from scipy.stats import binom, binomtest

from app.cli import main
from corpus import Article, ArticleQAError, ModelError, QuestionError
from eval import calibrate as command
from eval.calibration import Rescaling, calibrate, fit_rescaling
from eval.plots import reliability_diagram
from eval.thresholds import (
    LEVELS,
    Labelled,
    Rate,
    folds,
    observed_level,
    outcome,
    promised_level,
    questions_needed,
)
from index import Library
from qa import ArticleQA
from qa.confidence import BUNDLED_CALIBRATOR, Calibrator, Signals

TOWNS = "Bergen Lisbon Dresden Kyoto Galway Tallinn Verona Cardiff Malmo Porto Leiden Quito Nairobi Oslo Hobart".split()
NAMES = "Ada Bruno Clara Dmitri Elsa Farid Greta Hugo Irene Jonas Katya Louis Marta Nils Olga".split()
PEOPLE = {f"{name} {town[:3]}erson": town for name, town in zip(NAMES, TOWNS, strict=True)}


def drawn(seed: int, answerable: int = 150, unanswerable: int = 150) -> Labelled:
    """Questions with overconfident probabilities, those of the unanswerable by Beta(2, 5)."""
    rng = np.random.default_rng(seed)
    p = np.concatenate([rng.beta(5, 2, answerable), rng.beta(2, 5, unanswerable)])
    able = np.arange(len(p)) < answerable
    return Labelled(p, able & (rng.random(len(p)) < p**2), able)


# --- bounds -------------------------------------------------------------------------------------------------------


def test_bounds_known():
    assert Rate(0, 29).upper_bound(0.95) == pytest.approx(0.0981, abs=5e-5)
    assert Rate(0, 28).upper_bound(0.95) > 0.1
    assert Rate(7, 7).upper_bound(0.95) == 1
    assert Rate(0, 0).upper_bound(0.95) == 1
    assert Rate(0, 0).interval() == (0, 1)
    assert Rate(0, 0).share is None


@given(st.integers(1, 400), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_bounds_agree_with_the_binomial_distribution(of, share, assurance):
    rate = Rate(min(int(share * (of + 1)), of), of)
    exact = binomtest(rate.count, of).proportion_ci(assurance, method="exact")
    assert rate.interval(assurance) == pytest.approx((exact.low, exact.high), abs=1e-9)
    if rate.count < of:
        assert binom.cdf(rate.count, of, rate.upper_bound(assurance)) == pytest.approx(1 - assurance, abs=1e-6)


@pytest.mark.parametrize(
    ("target", "assurance", "needed"), [(0.1, 0.95, 29), (0.05, 0.95, 59), (0.01, 0.99, 459), (0.5, 0.5, 1)]
)
def test_questions_needed(target, assurance, needed):
    assert questions_needed(target, assurance) == needed
    assert needed == math.ceil(round(math.log(1 - assurance) / math.log(1 - target), 9))
    assert promised_level(np.full(needed, 0.2), target, assurance) == 0.21
    assert promised_level(np.full(needed - 1, 0.2), target, assurance) is None


# --- thresholds ---------------------------------------------------------------------------------------------------


def test_the_sequence_stops_at_the_first_failure():
    # 0 of 44 pass with a bound of 6.6%, 1 of 44 does not with 10.3%
    p = np.full(44, 0.1)
    p[0] = 0.735
    assert promised_level(p, 0.1, 0.95) == 0.74
    p[1:] = 0.73  # what comes after the failure changes nothing
    assert promised_level(p, 0.1, 0.95) == 0.74
    # 8 of 150 pass, 9 do not
    p = (np.arange(150) + 0.5) / 150
    level = promised_level(p, 0.1, 0.95)
    passed = [one for one in LEVELS if Rate(int((p >= one).sum()), 150).upper_bound(0.95) <= 0.1]
    assert level == min(passed)
    assert ((p >= level).sum(), (p >= level - 0.01).sum()) == (8, 9)


def test_the_observed_level():
    p = np.arange(100) / 100
    assert observed_level(p, 0.1) == 0.9
    assert (p >= observed_level(p, 0.1)).mean() == 0.1
    assert observed_level(np.ones(3), 0.1) == 1.0


def test_the_promise_holds():
    """With 150 questions, the rate behind the threshold is at most 10% in at least 95% of draws; observed, in half."""
    anybody = betaincinv(2, 5, (np.arange(4000) + 0.5) / 4000)
    kept, observed, answered = [], [], []
    for seed in range(300):
        asked = drawn(seed)
        unanswerable = asked.p[~asked.answerable]
        rescaling = fit_rescaling(asked.p, asked.right)
        promised, plain = promised_level(unanswerable, 0.1, 0.95), observed_level(unanswerable, 0.1)
        for level, found in ((promised, kept), (plain, observed)):
            found.append((rescaling.of(anybody) >= rescaling.of(np.array(level))).mean() <= 0.1)
        answered.append((asked.p >= promised)[asked.answerable].mean())
    assert np.mean(kept) >= 0.95
    assert np.mean(observed) < 0.7
    assert np.mean(answered) > 0.7


def test_outcome():
    asked = Labelled(
        p=np.array([0.9, 0.8, 0.4, 0.5, 0.3]),
        right=np.array([True, False, True, False, False]),
        answerable=np.array([True, True, True, False, False]),
    )
    found = outcome(asked, 0.5)
    assert (found.answered, found.answered_right) == (Rate(2, 3), Rate(1, 3))
    assert (found.false_answers, found.precision) == (Rate(1, 2), Rate(1, 3))
    assert found.to_dict()["precision_of_answers"] == 0.3333
    assert outcome(asked, 0.95).to_dict()["precision_of_answers"] is None


def test_folds_share_out_every_row():
    masks = folds(23)
    assert np.sum(masks, axis=0).tolist() == [1] * 23
    assert sorted(mask.sum() for mask in masks) == [4, 4, 5, 5, 5]
    assert np.array_equal(masks, folds(23))


# --- rescaling ----------------------------------------------------------------------------------------------------


def test_a_rescaling_is_recovered():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 1, 20_000)
    right = rng.random(len(p)) < Rescaling(0.5, -1.0).of(p)
    found = fit_rescaling(p, right)
    assert (found.slope, found.shift) == pytest.approx((0.5, -1.0), abs=0.05)


def test_few_questions_change_little_and_none_nothing():
    assert asdict(fit_rescaling(np.empty(0), np.empty(0, bool))) == {"slope": 1, "shift": 0}
    one = fit_rescaling(np.array([0.5]), np.array([True]))
    assert one.slope == pytest.approx(1)
    assert 0 < one.shift < 0.5


@pytest.mark.parametrize("p", [0.0, 1.0, 1e-300, 0.999999])
@pytest.mark.parametrize("right", [True, False])
def test_a_rescaling_is_finite_and_rising_whatever_comes(p, right):
    found = fit_rescaling(np.array([p] * 100 + [1 - p] * 100), np.array([right] * 100 + [not right] * 100))
    assert math.isfinite(found.shift)
    assert 0.1 <= found.slope < 100
    assert (np.diff(found.of(np.linspace(0.01, 0.99, 99))) > 0).all()


@given(st.floats(0.1, 4), st.floats(-4, 4))
def test_a_rescaled_calibrator_decides_alike(slope, shift):
    bundled, rescaling = Calibrator.load(), Rescaling(slope, shift)
    threshold = float(rescaling.of(np.array(bundled.threshold)))
    rescaled = bundled.rescaled(slope, shift, threshold=threshold)
    for margin in range(-20, 21, 4):
        signals = Signals(margin, 2.0, 0.4, 0.6, 0.0, 0.9)
        p = bundled.probability(signals)
        assert rescaled.probability(signals) == pytest.approx(float(rescaling.of(np.array(p))), abs=1e-9)
        assert (rescaled.probability(signals) >= threshold) == (p >= bundled.threshold)


# --- the whole fit ------------------------------------------------------------------------------------------------


def test_a_calibration_with_a_promise():
    asked = drawn(0)
    found = calibrate(asked, threshold=0.41, target=0.1, assurance=0.95)
    assert found.promised
    assert found.fitted.false_answers.upper_bound(0.95) <= 0.1
    assert found.fitted == replace(
        outcome(replace(asked, p=found.rescaling.of(asked.p)), found.threshold),
        calibration_error=found.fitted.calibration_error,
    )
    assert found.fitted.calibration_error < found.bundled.calibration_error / 2
    assert found.bundled == outcome(asked, 0.41)
    assert "PROMISE, with 95% assurance" in command.summary(found)
    assert "at most 10% get an answer" in command.summary(found)
    figures = json.loads(json.dumps(command.to_dict(found), allow_nan=False))
    assert figures["promise"]["upper_bound"] <= 0.1


def test_a_calibration_without_enough_to_promise():
    found = calibrate(drawn(0, answerable=60, unanswerable=28), threshold=0.41, target=0.1, assurance=0.95)
    assert not found.promised
    assert found.fitted.false_answers.of == 28
    assert 0 < found.fitted.false_answers.count <= 2
    assert command.summary(found).startswith("NO PROMISE: only 28 of the questions")
    assert "takes 29." in command.summary(found)
    assert command.to_dict(found)["promise"] is None


def test_a_promise_that_takes_silence_says_so():
    asked = drawn(0, unanswerable=30)
    asked.p[-1] = 0.9999
    asked.p[:-1] *= 0.9
    assert "No question at all gets one" in command.summary(
        calibrate(asked, threshold=0.41, target=0.1, assurance=0.95)
    )


def test_too_few_to_fit():
    asked = replace(drawn(0, answerable=10, unanswerable=40), right=np.arange(50) < 5)
    with pytest.raises(QuestionError, match=r"right for 5 and wrong for 45, and 40 are marked"):
        calibrate(asked, threshold=0.41, target=0.1, assurance=0.95)
    with pytest.raises(QuestionError, match=r"and 0 are marked as not answered.*at least 20, 20 and 1"):
        calibrate(drawn(0, unanswerable=0), threshold=0.41, target=0.1, assurance=0.95)


@pytest.mark.parametrize("values", [(0, 0.95), (1.5, 0.95), (0.1, 1.0), (0.1, math.nan)])
def test_shares_out_of_range(values):
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        calibrate(drawn(0), threshold=0.41, target=values[0], assurance=values[1])


# --- a library's own calibrator -----------------------------------------------------------------------------------


@pytest.fixture
def library(tmp_path, embedder):
    """A library of two short articles on disk, closed."""
    with Library.open(tmp_path / "library", embedder=embedder) as opened:
        opened.add([Article("a", "Kelp", "Ada Lunn measured the kelp.", "a"), Article("b", "Tea", "Tea is warm.", "b")])
    return tmp_path / "library"


def own(library: Path, **notes: str) -> Calibrator:
    names = {"reader": "reader-v7-int8", "embedder": "all-MiniLM-L6-v2-int8"}
    calibrator = Calibrator.load().rescaled(2.0, 1.0, threshold=0.6)
    calibrator.save(library / "confidence.json", **(names | notes))
    return calibrator


def test_a_library_without_a_calibrator_has_the_bundled_one(library, reader):
    with ArticleQA.open(library) as bot:
        assert bot.calibrator == Calibrator.load()
    with ArticleQA(Library.in_memory(HashEmbedder()), reader) as bot:
        assert bot.calibrator == Calibrator.load()


def test_a_library_has_a_calibrator_of_its_own(library, reader, embedder, caplog):
    fitted = own(library, reader=reader.name, embedder=embedder.name)
    with ArticleQA.open(library) as bot:
        assert bot.calibrator == fitted
        answer = bot.answer("Who measured the kelp?")
    with ArticleQA.open(library, calibrator=Calibrator.load()) as bot:
        p = bot.answer("Who measured the kelp?").confidence
    assert answer.confidence == pytest.approx(float(Rescaling(2.0, 1.0).of(np.array(p))))
    assert not caplog.records


@pytest.mark.parametrize("notes", [{"reader": "another"}, {"embedder": "another"}])
def test_with_another_model_the_bundled_calibrator_is_used_and_a_line_says_so(library, notes, caplog):
    own(library, **notes)
    with ArticleQA.open(library) as bot:
        assert bot.calibrator == Calibrator.load()
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{library / 'confidence.json'}: fitted with ")
    assert "another" in record.getMessage()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"weights": {}}', "\x00"])
def test_a_damaged_calibrator_of_a_library_is_an_error_with_the_remedy(library, content):
    (library / "confidence.json").write_text(content)
    with pytest.raises(ModelError, match=r"confidence\.json: .*; run `articleqa calibrate` again, or with --reset"):
        ArticleQA.open(library)
    with ArticleQA.open(library, calibrator=Calibrator.load()) as bot:
        assert bot.answer("Who measured the kelp?").hits


def test_a_calibrator_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(28, "No space left on device")

    path = tmp_path / "confidence.json"
    path.write_text("old")
    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(ModelError, match=r"confidence\.json: .*No space left on device"):
        Calibrator.load().save(path)
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["confidence.json"]


# --- the command --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def town_questions(tmp_path_factory):
    """A file of questions on people and where they were born, and a library that knows: 30 are answered, 30 are not."""
    folder = tmp_path_factory.mktemp("towns")
    articles = [
        Article(f"p{n}", name, f"{name} was born in {town}.", f"p{n}") for n, (name, town) in enumerate(PEOPLE.items())
    ]
    with Library.open(folder / "library") as opened:
        opened.add(articles)
    asked = [(f"Where was {name} born?", [town]) for name, town in PEOPLE.items()]
    asked += [(f"Who was born in {town}?", [name]) for name, town in PEOPLE.items()]
    asked += [(f"How long is the bridge of {town}?", []) for town in TOWNS]
    asked += [(f"Which instrument does {name}'s mother play?", []) for name in PEOPLE]
    rows = [{"id": n, "question": question, "answers": answers} for n, (question, answers) in enumerate(asked)]
    (folder / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_calibrate_from_end_to_end(town_questions, tmp_path):
    library, out, stdout = town_questions / "library", tmp_path / "out.json", StringIO()
    console = Console(file=stdout, width=100)
    found = command.run_calibrate(town_questions / "q.jsonl", library, out, None, None, console)
    assert found.promised
    assert found.fitted.false_answers.of == 30
    assert (library / "confidence.png").read_bytes().startswith(b"\x89PNG")
    notes = json.loads((library / "confidence.json").read_text())
    assert (notes["fitted_on"], notes["questions"], notes["reader"]) == ("q.jsonl", 60, "reader-v7-int8")
    bound = round(Rate(0, 30).upper_bound(0.95), 4)
    assert list(notes["promise"].values()) == [0.1, 0.95, bound, 30, 0]
    figures = json.loads(out.read_text())
    assert (figures["kind"], figures["threshold"]) == ("calibration", found.threshold)
    assert figures["run"]["passages"] == 15
    assert "PROMISE, with 95% assurance" in out.with_suffix(".md").read_text()
    assert f"written: {library / 'confidence.json'}" in stdout.getvalue()
    with ArticleQA.open(library) as bot:
        assert bot.calibrator.threshold == found.threshold
        given = [bot.answer(f"How long is the bridge of {town}?").best for town in TOWNS[:4]]
    assert given == [None] * 4
    command.reset(library, console)
    assert not list(library.glob("confidence.*"))
    with ArticleQA.open(library) as bot:
        assert bot.calibrator == Calibrator.load(BUNDLED_CALIBRATOR)


def run(capsys, monkeypatch, *words: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command, run in this process."""
    monkeypatch.setattr(sys, "argv", ["articleqa", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "calibrate needs a file of questions, or --reset"),
        (["q.jsonl", "--reset"], "calibrate needs a file of questions, or --reset"),
        (["missing.jsonl"], "missing.jsonl: cannot be read"),
        (["q.jsonl", "--false-answers", "10"], "--false-answers 10.0: give a share between 0 and 1"),
        (["q.jsonl", "--assurance", "1"], "--assurance 1.0: give a share between 0 and 1"),
        (["q.jsonl", "--json", "no/such/out.json"], "make the folder first"),
        (["q.jsonl"], "q.jsonl: too few questions to fit a confidence"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(library, tmp_path, capsys, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    Path("q.jsonl").write_text('{"id": 1, "question": "Who measured the kelp?", "answers": ["Ada Lunn"]}\n')
    code, out, err = run(capsys, monkeypatch, "calibrate", *words, "--library", library)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err
    assert not list(library.glob("confidence.*"))


def test_reset_on_the_command_line(library, capsys, monkeypatch):
    (library / "confidence.json").write_text("damaged")
    code, out, _ = run(capsys, monkeypatch, "calibrate", "--reset", "--library", library)
    assert code == 0
    assert "deleted; the bundled confidence is used" in " ".join(out.split())
    code, out, _ = run(capsys, monkeypatch, "calibrate", "--reset", "--library", library)
    assert code == 0
    assert "nothing to delete" in " ".join(out.split())


# --- the diagram --------------------------------------------------------------------------------------------------


def test_a_reliability_diagram(tmp_path):
    asked = drawn(0)
    reliability_diagram(asked.p, asked.right, tmp_path / "one.png", "Drawn")
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    reliability_diagram(np.array([0.0, 1.0]), np.array([False, True]), tmp_path / "two.png", "Extremes")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["one.png", "two.png"]
    with pytest.raises(ArticleQAError, match=r"three\.png: the diagram cannot be written"):
        reliability_diagram(asked.p, asked.right, tmp_path / "missing" / "three.png", "")


def test_without_matplotlib_a_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    asked = drawn(0)
    with pytest.raises(ArticleQAError, match=r"needs matplotlib; pip install 'articleqa\[plots\]'"):
        reliability_diagram(asked.p, asked.right, tmp_path / "one.png", "Drawn")
    assert command._diagram(asked.p, asked.right, tmp_path / "one.png").startswith("no diagram: the diagram needs")

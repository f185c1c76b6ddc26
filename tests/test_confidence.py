import json
import math
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import ModelError
from qa.confidence import BUNDLED_CALIBRATOR, Calibrator, Signals, content_words, cover, fit

MIDDLE = Signals(margin=0.0, gap=1.0, dense=0.5, lexical=0.5, agreement=0.0, cover=0.5)
NAMES = ["margin", "gap", "dense", "lexical", "agreement", "cover"]


def weights(**some: float) -> dict[str, float]:
    return dict.fromkeys(NAMES, 0.0) | some


def toy(count: int = 400, noise: float = 0.0) -> tuple[list[Signals], list[bool]]:
    """Spans that are right when their margin is positive; the other signals tell nothing."""
    chance = random.Random(7)
    spans, right = [], []
    for _ in range(count):
        margin = chance.uniform(-10, 10)
        others = [chance.random() for _ in range(5)]
        spans.append(Signals(margin, *others))
        right.append(margin + chance.gauss(0, noise) > 0)
    return spans, right


def test_signals_as_a_row_have_outliers_cut():
    assert Signals(99, 99, 0.1, 0.2, 0.3, 0.4).row().tolist() == [20, 10, 0.1, 0.2, 0.3, 0.4]
    assert Signals(-99, -1, 0.1, 0.2, 0.3, 0.4).row().tolist() == [-20, 0, 0.1, 0.2, 0.3, 0.4]


def test_fit_recovers_what_decides():
    spans, right = toy()
    fitted = fit(spans, right, threshold=0.4)
    assert fitted.threshold == 0.4
    assert fitted.weights["margin"] > 0.3
    guessed = [fitted.probability(one) > 0.5 for one in spans]
    assert np.mean(np.array(guessed) == right) > 0.98
    assert fitted.probability(replace(MIDDLE, margin=9.0)) > 0.95
    assert fitted.probability(replace(MIDDLE, margin=-9.0)) < 0.05


def test_fitted_probabilities_are_calibrated():
    spans, right = toy(4000, noise=3.0)
    told = np.array([fit(spans, right, threshold=0.5).probability(one) for one in spans[:1]])
    fitted = fit(spans, right, threshold=0.5)
    told = np.array([fitted.probability(one) for one in spans])
    assert told.mean() == pytest.approx(np.mean(right), abs=0.01)
    middling = (told > 0.3) & (told < 0.7)
    assert np.array(right)[middling].mean() == pytest.approx(told[middling].mean(), abs=0.1)


@pytest.mark.parametrize("count", [2, 3, 50, 20_000])
def test_fit_is_finite_on_separable_and_constant_signals(count):
    spans = [replace(MIDDLE, margin=20.0 if number % 2 else -20.0, cover=0.1) for number in range(count)]
    fitted = fit(spans, [bool(number % 2) for number in range(count)], threshold=0.5)
    assert all(math.isfinite(value) for value in (*fitted.weights.values(), fitted.bias))
    # what never varied can tell nothing
    assert fitted.weights["cover"] == pytest.approx(0, abs=1e-3)
    assert fitted.probability(spans[1]) > 0.6 > 0.4 > fitted.probability(spans[0])


@pytest.mark.parametrize("right", [[], [True], [False, False]])
def test_fit_needs_both_kinds(right):
    with pytest.raises(ValueError, match=f"{len(right)} labelled spans"):
        fit([MIDDLE] * len(right), right, threshold=0.5)


@given(st.floats(-30, 30), st.floats(-30, 30), st.floats(0, 5))
def test_probability_grows_with_the_margin(one, other, weight):
    calibrator = Calibrator(weights(margin=weight), -0.5, 0.5)
    low, high = sorted([one, other])
    assert calibrator.probability(replace(MIDDLE, margin=low)) <= calibrator.probability(replace(MIDDLE, margin=high))


@given(*[st.floats(-1e6, 1e6)] * 2, *[st.floats(0, 1)] * 4, st.floats(-200, 200))
def test_probability_is_a_probability(margin, gap, dense, lexical, agreement, covered, weight):
    told = Calibrator(weights(margin=weight), 0.0, 0.5).probability(
        Signals(margin, gap, dense, lexical, agreement, covered)
    )
    assert 0.0 <= told <= 1.0


def test_probability_is_the_logistic_function():
    calibrator = Calibrator(weights(margin=0.5, cover=2.0), -1.0, 0.5)
    assert calibrator.probability(replace(MIDDLE, margin=4.0)) == pytest.approx(1 / (1 + math.exp(-2.0)))


def test_save_and_load(tmp_path):
    spans, right = toy(50)
    fitted = fit(spans, right, threshold=0.37)
    fitted.save(tmp_path / "confidence.json", fitted_on="toy")
    assert Calibrator.load(tmp_path / "confidence.json") == fitted
    assert json.loads((tmp_path / "confidence.json").read_text())["fitted_on"] == "toy"


def test_the_bundled_calibrator():
    bundled = Calibrator.load()
    assert list(bundled.weights) == NAMES
    assert 0 < bundled.threshold < 1
    assert bundled.weights["margin"] > 0


GOOD = json.loads(BUNDLED_CALIBRATOR.read_text())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="cut off"),
        pytest.param("[]", id="list"),
        pytest.param("null", id="null"),
        pytest.param(json.dumps(GOOD | {"weights": {"margin": 1.0}}), id="a weight missing"),
        pytest.param(json.dumps(GOOD | {"weights": [1, 2]}), id="weights in a list"),
        pytest.param(json.dumps(GOOD | {"bias": "high"}), id="words"),
        pytest.param(json.dumps(GOOD | {"bias": None}), id="no bias"),
        pytest.param(json.dumps({key: value for key, value in GOOD.items() if key != "threshold"}), id="no threshold"),
        pytest.param(json.dumps(GOOD | {"bias": math.nan}), id="not a number"),
        pytest.param(json.dumps(GOOD | {"threshold": 50}), id="percent"),
        pytest.param("\x00\ud7ff", id="binary"),
    ],
)
def test_a_damaged_calibrator_is_refused(tmp_path, content):
    path = tmp_path / "confidence.json"
    path.write_text(content)
    with pytest.raises(ModelError, match=str(path)):
        Calibrator.load(path)


def test_a_missing_calibrator_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"none\.json"):
        Calibrator.load(tmp_path / "none.json")
    with pytest.raises(ModelError, match=str(tmp_path)):
        Calibrator.load(tmp_path)


@pytest.mark.parametrize(
    ("question", "text", "share"),
    [
        ("Who won the race?", "The race was won in Rome.", 1.0),
        ("Who won the race?", "The winner raced.", 0.0),
        ("Who is racing in Rome?", "They raced in ROME", 0.5),
        ("Who replaces the conductors?", "A conductor was replaced", 1.0),
        ("Who is it?", "anything", 1.0),
        ("", "anything", 1.0),
        ("Rome Rome Paris", "Rome", 0.5),
        ("Größe", "die GRÖSSE", 0.0),
        ("Zoë", "ZOË", 1.0),
    ],
)
def test_cover(question, text, share):
    assert cover(question, text) == pytest.approx(share)


def test_content_words():
    assert content_words("Who is the boss of the Action Express team?") == ["boss", "action", "express", "team"]

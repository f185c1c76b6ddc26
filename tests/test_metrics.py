import warnings
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    label_ranking_average_precision_score,
    ndcg_score,
    precision_recall_curve,
    roc_auc_score,
    top_k_accuracy_score,
)

from eval.metrics import (
    answers_at_precision,
    best_threshold,
    bootstrap_interval,
    calibration_error,
    exact_match,
    f1,
    mean,
    mean_scores,
    ndcg_at,
    normalise,
    percentile,
    recall_at,
    reciprocal_rank,
    roc_area,
    token_f1,
)
from eval.selective import area_under, macro_calibration_error, reliability, risk_coverage, selective, thinned

PAIRS = [
    ("Aitken", ["Aitken", "Jack Aitken"]),
    ("Jack Aitken", ["Aitken"]),
    ("jack aitken of the team", ["Jack Aitken", "Aitken of Action Express"]),
    ("The Petit Le Mans", ["petit le mans"]),
    ("a an the", ["the"]),
    ("a cat", ["the cat"]),
    ("an apple a day", ["apple day", "apples"]),
    ("theatre", ["the atre"]),
    ("U.S.", ["US"]),
    ("200-point", ["200"]),
    ("200-point", ["200 point"]),
    ("$1,200", ["1200"]),
    ("£86", ["86"]),
    ("10.5%", ["105"]),
    ("IMSA\u2019s GTD Pro", ["IMSA's GTD Pro"]),
    ("\u201cfifth\u201d", ["fifth"]),
    ("1990\u20131993", ["1990-1993", "1990 1993"]),
    ("Zürich", ["zurich", "ZÜRICH"]),
    ("İstanbul", ["istanbul"]),
    ("Straße", ["STRASSE", "straße"]),
    ("東京", ["東京", "京都"]),
    ("東京 タワー", ["東京"]),
    ("é", ["e\u0301"]),
    ("  spaced \t out\nwords ", ["spaced out words"]),
    ("non\u00a0breaking", ["non breaking"]),
    ("to be or not to be", ["to be", "not to be or to"]),
    ("x x x y", ["x y y"]),
    ("one two three four", ["three four five", "six"]),
    ("nothing alike", ["entirely other"]),
    ("", ["something"]),
    ("!!!", ["?"]),
    ("!!!", ["word"]),
    ("word", ["the"]),
    ("because Holt is moving", ["Holt is moving to a post in Toronto", "moving"]),
]
TEXTS = st.text(alphabet="ab the.,-'é東 \n", max_size=20)


@pytest.fixture(scope="module")
def squad():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whatever torchmetrics and torch say while they are imported
        import torch
        from torchmetrics.functional.text import squad
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield squad
    torch.set_default_dtype(before)


@pytest.mark.parametrize(("answer", "accepted"), PAIRS)
def test_agrees_with_torchmetrics(squad, answer, accepted):
    target = {"answers": {"answer_start": [0] * len(accepted), "text": accepted}, "id": "1"}
    theirs = squad([{"prediction_text": answer, "id": "1"}], [target])
    assert 100 * exact_match(answer, accepted) == pytest.approx(float(theirs["exact_match"]), abs=1e-9)
    assert 100 * f1(answer, accepted) == pytest.approx(float(theirs["f1"]), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The U.S. Senate!", "us senate"),
        ("  A\tcat,  an   owl ", "cat owl"),
        ("theatre", "theatre"),
        ("1990\u20131993", "1990\u20131993"),  # the official script knows ASCII punctuation only
        ("\u201cthe end\u201d", "\u201c end\u201d"),
        ("...", ""),
    ],
)
def test_normalise(text, expected):
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("answer", "accepted", "em", "score"),
    [
        ("Jack Aitken", ["Aitken"], 0, 2 / 3),
        ("Jack Aitken", ["Aitken", "jack aitken."], 1, 1),
        ("x x x y", ["x y y"], 0, 4 / 7),
        ("", [], 1, 1),
        ("Aitken", [], 0, 0),
        ("", ["Aitken"], 0, 0),
        ("the", [], 1, 1),  # normalises to nothing, as in the official script
        ("", ["the", "!"], 1, 1),  # accepted answers that say nothing are dropped
        ("", ["the", "word"], 0, 0),
    ],
)
def test_exact_match_and_f1_by_hand(answer, accepted, em, score):
    assert exact_match(answer, accepted) == em
    assert f1(answer, accepted) == pytest.approx(score)


@settings(deadline=None)
@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_exact_match_and_f1_keep_their_bounds(answer, accepted):
    assert 0 <= f1(answer, accepted) <= 1
    assert exact_match(answer, accepted) in {0, 1}
    if exact_match(answer, accepted):
        assert f1(answer, accepted) == 1
    assert f1(answer, [*accepted, answer]) == 1 or not normalise(answer)


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_f1_is_symmetric(one, other):
    assert token_f1(one, other) == token_f1(other, one)
    assert token_f1(one, one) == 1


def test_recall_and_reciprocal_rank():
    ranks = [1, 3, None, 11]
    assert [recall_at(ranks, k) for k in (1, 3, 10, 11)] == [0.25, 0.5, 0.5, 0.75]
    assert [reciprocal_rank(rank) for rank in ranks] == [1, pytest.approx(1 / 3), 0, 0]
    assert reciprocal_rank(11, k=20) == pytest.approx(1 / 11)


def test_percentile_interpolates():
    assert percentile([4, 1, 3, 2], 50) == 2.5
    assert percentile([7], 95) == 7
    assert percentile(range(101), 95) == 95


@pytest.mark.parametrize(
    "measure",
    [
        mean,
        bootstrap_interval,
        lambda values: percentile(values, 50),
        lambda values: recall_at(values, 1),
        lambda values: calibration_error(values, values),
        lambda values: best_threshold(values, values, np.array([], bool)),
    ],
)
def test_nothing_has_no_measure(measure):
    with pytest.raises(ValueError, match="at least 1"):
        measure([])


def test_bootstrap_interval_holds_the_mean_and_repeats():
    values = [0.0] * 30 + [1.0] * 70
    low, high = bootstrap_interval(values)
    assert 0.55 < low < 0.7 < high < 0.85
    assert bootstrap_interval(values) == (low, high)
    assert bootstrap_interval([1.0]) == (1.0, 1.0)


def test_calibration_error():
    assert calibration_error([1.0, 0.0], [1, 0]) == 0
    assert calibration_error([0.75, 0.75, 0.75, 0.75], [1, 1, 1, 0]) == pytest.approx(0)
    # bins 0.9..1 (gap 0.95 - 0.5, two answers) and 0.2..0.3 (gap 0.25 - 0, one answer)
    assert calibration_error([0.95, 0.95, 0.25], [1, 0, 0]) == pytest.approx((2 * 0.45 + 0.25) / 3)


def test_answers_at_precision():
    assert answers_at_precision([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1], precision=0.75) == 4
    assert answers_at_precision([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1], precision=0.9) == 2
    assert answers_at_precision([0.9, 0.9], [1, 0], precision=0.9) == 0  # equal confidence is not told apart
    assert answers_at_precision([], []) == 0


RANKINGS = st.lists(st.booleans(), min_size=2, max_size=30)


@given(RANKINGS, st.integers(0, 3), st.sampled_from([1, 5, 10, 20]))
def test_ndcg_agrees_with_scikit_learn(found, missed, k):
    ranks = [rank for rank, relevant in enumerate(found, start=1) if relevant]
    if not ranks and not missed:
        with pytest.raises(ValueError, match="0 relevant passages"):
            ndcg_at(ranks, 0, k)
        return
    # what was missed stands at the end of the ranking, where no k reaches it
    relevant = [*found, *[False] * 30, *[True] * missed]
    order = -np.arange(len(relevant), dtype=np.float64)
    theirs = ndcg_score([np.array(relevant, float)], [order], k=k)
    assert ndcg_at(ranks, len(ranks) + missed, k) == pytest.approx(theirs, abs=1e-9)


def test_ndcg_by_hand():
    assert ndcg_at([1], 1) == 1
    assert ndcg_at([2, 11], 3) == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3) + 1 / 2))
    assert ndcg_at([], 2) == 0


@given(st.lists(st.integers(1, 8), min_size=1, max_size=20))
def test_recall_and_reciprocal_rank_agree_with_scikit_learn(ranks):
    # a question is a row of eight passages, the one that answers at the rank
    scores = np.array([[-passage for passage in range(8)]] * len(ranks), np.float64)
    truth = np.array([rank - 1 for rank in ranks])
    for k in (1, 5):
        theirs = top_k_accuracy_score(truth, scores, k=k, labels=range(8))
        assert recall_at(ranks, k) == pytest.approx(theirs, abs=1e-9)
    theirs = label_ranking_average_precision_score(np.eye(8)[truth], scores)
    assert mean([reciprocal_rank(rank) for rank in ranks]) == pytest.approx(theirs, abs=1e-9)


ANSWERS = st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=30)


def arrays(answers):
    return np.array([sure for sure, _ in answers], np.float64), np.array([float(right) for _, right in answers])


@given(ANSWERS)
def test_calibration_error_agrees_with_torchmetrics(answers):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from torchmetrics.functional.classification import binary_calibration_error
    sure, right = arrays(answers)
    # they close a bin at its upper end, we at its lower: a confidence on the border is moved inside
    sure = np.where(np.isclose(sure * 10, np.round(sure * 10), atol=1e-6), np.clip(sure, 0.001, 0.999) + 1e-4, sure)
    theirs = binary_calibration_error(torch.tensor(sure), torch.tensor(right).int(), n_bins=10)
    assert calibration_error(sure, right) == pytest.approx(float(theirs), abs=1e-9)


@given(ANSWERS)
def test_macro_calibration_error_by_its_definition(answers):
    kinds = [[abs(right - sure) for sure, right in answers if right == kind] for kind in (True, False)]
    expected = [sum(kind) / len(kind) for kind in kinds if kind]
    assert macro_calibration_error(*arrays(answers)) == pytest.approx(sum(expected) / len(expected), abs=1e-9)


def test_macro_calibration_error_does_not_reward_a_constant():
    right = [1.0] * 3 + [0.0]
    assert calibration_error([0.75] * 4, right) == pytest.approx(0)
    assert macro_calibration_error([0.75] * 4, right) == pytest.approx(0.5)


@given(ANSWERS)
def test_risk_coverage_by_its_definition(answers):
    curve = risk_coverage(*arrays(answers))
    assert [point.confidence for point in curve] == sorted({sure for sure, _ in answers}, reverse=True)
    for point in curve:
        given = [right for sure, right in answers if sure >= point.confidence]
        assert point.coverage == pytest.approx(len(given) / len(answers), abs=1e-9)
        assert point.risk == pytest.approx(1 - sum(given) / len(given), abs=1e-9)
    assert curve[-1].coverage == 1


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_area_under_risk_coverage_is_the_mean_risk_of_the_surest(right):
    sure = np.linspace(0.9, 0.1, len(right))
    risks = [1 - sum(right[:n]) / n for n in range(1, len(right) + 1)]
    area = area_under(risk_coverage(sure, np.array(right, float)))
    assert area == pytest.approx(sum(risks) / len(risks), abs=1e-9)


@given(ANSWERS)
def test_coverage_agrees_with_scikit_learn(answers):
    sure, right = arrays(answers)
    if right.any():
        precisions, _, levels = precision_recall_curve(right, sure)
        good = [level for precision, level in zip(precisions, levels, strict=False) if precision >= 0.9]
        assert answers_at_precision(sure, right) == (int((sure >= min(good)).sum()) if good else 0)
    else:
        assert answers_at_precision(sure, right) == 0


@given(ANSWERS)
def test_reliability_is_what_the_calibration_error_is_made_of(answers):
    sure, right = arrays(answers)
    bins = reliability(sure, right)
    assert sum(one.count for one in bins) == len(answers)
    assert all(one.low - 1e-9 <= one.confidence <= one.high + 1e-9 for one in bins)
    gaps = sum(one.count * abs(one.right - one.confidence) for one in bins)
    assert gaps / len(answers) == pytest.approx(calibration_error(sure, right), abs=1e-9)


def test_all_measures_of_a_confidence():
    found = selective([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1])
    assert (found.questions, found.coverage) == (4, 0.5)
    assert found.area == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)
    assert [point.coverage for point in found.curve] == [0.25, 0.5, 0.75, 1]


def test_a_curve_is_thinned_to_the_last_point_of_each_step():
    curve = risk_coverage(np.linspace(1, 0, 1000), np.ones(1000))
    assert [round(point.coverage, 3) for point in thinned(curve, 4)] == [0.25, 0.5, 0.75, 1]
    assert thinned(curve[:3]) == [curve[2]]


@pytest.mark.parametrize("measure", [risk_coverage, macro_calibration_error, reliability, selective])
def test_confidences_without_answers(measure):
    for arguments in (([], []), ([0.5], [])):
        with pytest.raises(ValueError, match="at least 1"):
            measure(*arguments)


@given(st.lists(st.tuples(st.floats(-5, 5), st.booleans()), min_size=2, max_size=20))
def test_roc_area_agrees_with_scikit_learn(rows):
    scores, positive = [row[0] for row in rows], np.array([row[1] for row in rows])
    if positive.all() or not positive.any():
        assert roc_area(scores, positive) is None
    else:
        assert roc_area(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-9)


def test_mean_scores_of_nothing():
    assert mean_scores([]).questions == 0
    assert mean_scores([]).f1 is None


def test_best_threshold_by_hand():
    # in order of score: right (+1), right (+1), false answer (-1), half right (+0.5); refusing all is worth 1
    answerable = np.array([True, False, True, True])
    best = best_threshold([5.0, 1.0, 3.0, -2.0], [1.0, 0.0, 1.0, 0.5], answerable)
    assert (best.score, best.at) == (3 / 4, 3.0)


def test_best_threshold_may_be_to_refuse_everything():
    best = best_threshold([5.0, 4.0], [0.0, 1.0], np.array([False, True]))
    assert (best.score, best.at) == (0.5, None)


def test_best_threshold_keeps_equal_scores_together():
    best = best_threshold([2.0, 2.0], [1.0, 0.0], np.array([True, False]))
    assert (best.score, best.at) == (0.5, None)


SPANS = st.lists(
    st.tuples(st.integers(-3, 3), st.sampled_from([0.0, 0.5, 1.0]), st.booleans()), min_size=1, max_size=12
)


@settings(deadline=None)
@given(SPANS)
def test_best_threshold_is_the_best_of_all(rows):
    spans = [float(row[0]) for row in rows]
    scores = [row[1] if row[2] else 0.0 for row in rows]
    answerable = np.array([row[2] for row in rows])

    def reached(at):
        given = [score >= at for score in spans]
        return mean([score if g else float(not a) for score, g, a in zip(scores, given, answerable, strict=True)])

    best = best_threshold(spans, scores, answerable)
    assert best.score == pytest.approx(max(reached(at) for at in [*spans, np.inf]))
    assert reached(np.inf if best.at is None else best.at) == pytest.approx(best.score)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), max_size=12))
def test_roc_area_counts_pairs(rows):
    positive = [score for score, flag in rows if flag]
    negative = [score for score, flag in rows if not flag]
    area = roc_area([float(score) for score, _ in rows], np.array([flag for _, flag in rows], bool))
    if not positive or not negative:
        assert area is None
    else:
        wins = [(a > b) + (a == b) / 2 for a, b in product(positive, negative)]
        assert area == pytest.approx(mean(wins))


def test_roc_area_takes_spans_that_were_not_found():
    assert roc_area([1.0, -np.inf], np.array([True, False])) == 1


@given(
    st.lists(st.booleans(), min_size=1, max_size=30),
    st.integers(0, 5),
    st.sampled_from([1, 3, 5, 10, 20]),
)
@settings(deadline=None, max_examples=60)
def test_rankings_agree_with_ir_measures(relevant, missed, k):
    """`relevant` says of each passage found whether it is relevant; so many relevant ones were not found."""
    ir = pytest.importorskip("ir_measures", reason="the independent implementation comes with the dev extra")
    total = sum(relevant) + missed
    if not total:
        return
    places = [f"p{place}" for place in range(len(relevant))]
    judged = [ir.Qrel("q", name, 1) for name, good in zip(places, relevant, strict=True) if good]
    judged += [ir.Qrel("q", f"missed{number}", 1) for number in range(missed)]
    run = [ir.ScoredDoc("q", name, float(-place)) for place, name in enumerate(places)]
    told = ir.calc_aggregate([ir.nDCG @ k, ir.RR @ k, ir.Success @ k], judged, run)
    ranks = [place for place, good in enumerate(relevant, start=1) if good]
    first = ranks[0] if ranks else None
    assert ndcg_at(ranks, total, k) == pytest.approx(told[ir.nDCG @ k], abs=1e-9)
    assert reciprocal_rank(first, k=k) == pytest.approx(told[ir.RR @ k], abs=1e-9)
    assert recall_at([first], k) == pytest.approx(told[ir.Success @ k], abs=1e-9)

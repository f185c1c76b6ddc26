import math
import random
from dataclasses import replace

import pytest
from conftest import HashEmbedder, ScriptedReader, article, hit, window
from hypothesis import given, settings
from hypothesis import strategies as st

import qa.assistant
from corpus import Passage
from index import Library
from index.fusion import BM25_WEIGHT, DENSE_WEIGHT, fuse, saturated
from qa import ArticleQA, Settings, Span
from qa.ranking import SATURATION, Candidate, distinct, needed, rank, rank_score, settled, signals
from qa.spans import best_spans

ONE, TWO, THREE = (article(name, f"{name} won the race in the rain") for name in ("Ada", "Bea", "Cyd"))


def span(about, text: str, score: float) -> Span:
    start = about.text.index(text)
    return Span(hit(about).passage, start, start + len(text), text, score)


def test_rank_weighs_reader_and_retrieval():
    hits = [hit(ONE, 0.9), hit(TWO, 0.2)]
    ranked = rank([span(TWO, "Bea", 6.0), span(ONE, "Ada", 1.0), span(ONE, "rain", 5.0)], hits)
    assert [(one.span.text, one.rank) for one in ranked] == [("rain", 14.0), ("Ada", 10.0), ("Bea", 8.0)]
    assert ranked[0].hit == hits[0]


def test_rank_is_bounded_and_ties_go_to_the_better_reader_score():
    assert rank_score(50.0, 0.5) == rank_score(8.0, 0.5) == 13.0
    hits = [hit(ONE, 0.5), hit(TWO, 0.5)]
    ranked = rank([span(ONE, "Ada", 13.0), span(TWO, "Bea", 14.0), span(ONE, "race", 13.0)], hits)
    assert [one.span.text for one in ranked] == ["Bea", "Ada", "race"]


def test_a_place_that_two_passages_hold_ranks_by_the_better_of_them():
    """Neighbouring passages share sentences: an answer there must not sink with the one that fits the question less."""
    text = "Ada won. Bea lost. Cyd left."
    about = article("race", text)
    near, far = Passage("race", 0, 18, text[:18]), Passage("race", 9, 28, text[9:])
    hits = [hit(about, 0.9, near), hit(about, 0.1, far)]
    spans = best_spans(
        [window(0, near.text, [0, 0, 5.0, 0], [0, 0, 5.0, 0]), window(1, far.text, [5.1, 0, 0, 0], [5.1, 0, 0, 0])],
        [near, far],
    )
    best = rank(spans, hits)[0]
    assert (best.span.text, best.span.passage, best.rank) == ("Bea", near, 17.0)
    places = [(one.span.start, one.span.end) for one in rank(spans, hits)]
    assert len(places) == len(set(places))


def test_settled():
    found = rank([span(ONE, "Ada", 7.0)], [hit(ONE, 0.9)])  # ranks 16
    assert settled(found, [hit(TWO, 0.7)])
    assert settled(found, [])
    assert not settled(found, [hit(TWO, 0.2), hit(THREE, 0.81)])
    assert not settled([], [hit(TWO, 0.1)])


def test_nothing_is_settled_while_a_tie_is_possible():
    """An unread span could rank the same, and go first for its reader score or its place."""
    found = rank([span(ONE, "Ada", 8.0)], [hit(ONE, 0.5)])
    assert not settled(found, [hit(TWO, 0.5)])


def test_what_a_passage_needs_to_rank_first():
    found = rank([span(ONE, "Ada", 7.0)], [hit(ONE, 0.9)])  # ranks 16
    assert needed(found, hit(TWO, 0.9)) == pytest.approx(7.0)
    assert needed(found, hit(TWO, 1.2)) == pytest.approx(4.0)
    assert needed(found, hit(TWO, 0.5)) == SATURATION  # a span that is sure counts, though it cannot rank first
    assert needed([], hit(TWO, 0.5)) == -math.inf


class Trial:
    """One library and one random reader, asked with and without early stopping."""

    def __init__(self, articles: int, kind: str, seed: int, scale: float) -> None:
        self.chance = random.Random(seed)
        self.scale = scale
        self.scores: dict[str, tuple[list[float], list[float], float]] = {}
        words = ["who", "won", "the", "race", "in", "rain", "Ada", "Bea"]
        texts = [" ".join(self.chance.choices(words, k=8)) for _ in range(articles)]
        if kind == "permuted":  # the same words in another order are found with the same score
            texts = [" ".join(self.chance.sample(words, k=8)) for _ in range(articles)]
        if kind == "copied":
            texts += texts
        self.library = Library.in_memory(HashEmbedder())
        self.library.add(replace(article(f"a{number}", text), title="Race") for number, text in enumerate(texts))

    def logits(self, text: str) -> tuple[list[float], list[float], float]:
        """Few numbers, so that ties are common; the same text always gets the same."""
        if text not in self.scores:
            draw = [self.chance.randint(-3, 3) * self.scale for _ in range(17)]
            self.scores[text] = draw[:8], draw[8:16], draw[16]
        return self.scores[text]

    def ask(self, *, early: bool):
        reader = ScriptedReader(self.logits)
        with pytest.MonkeyPatch.context() as patch:
            if not early:
                patch.setattr(qa.assistant, "settled", lambda *_: False)
            answer = ArticleQA(self.library, reader, settings=Settings(threshold=0.0)).answer("Who won the race?")
        return answer, reader.passages_read


@settings(max_examples=100)
@given(
    st.integers(1, 8),
    st.sampled_from(["random", "copied", "permuted"]),
    st.integers(0, 2**32),
    st.sampled_from([0.5, 1.0, 3.0, 8.0]),
)
def test_stopping_early_never_changes_the_answer(articles, kind, seed, scale):
    trial = Trial(articles, kind, seed, scale)
    with trial.library:
        early, _ = trial.ask(early=True)
        full, count = trial.ask(early=False)
    assert count == len(full.hits) == min(8, articles)  # copies of an article are read once
    assert early.span == full.span
    assert early.hits == full.hits


def test_reading_does_stop_early():
    stopped = []
    for seed in range(20):
        trial = Trial(8, "random", seed, 8.0)
        with trial.library:
            stopped.append(trial.ask(early=True)[1] < 8)
    assert any(stopped)


# --- distinct answers and signals ---------------------------------------------------------------------------------


def candidates(*spans: Span) -> list[Candidate]:
    return rank(spans, [hit(ONE, 0.5), hit(TWO, 0.4), hit(THREE, 0.3)])


def test_distinct_answers_say_different_things():
    found = candidates(
        span(ONE, "Ada", 9), span(ONE, "Ada won", 8), span(TWO, "Bea", 7), span(TWO, "race", 6), span(THREE, "race", 5)
    )
    assert [one.span.text for one in distinct(found, 9)] == ["Ada", "Bea", "race"]
    assert [one.span.text for one in distinct(found, 2)] == ["Ada", "Bea"]
    assert distinct(found, 0) == distinct([], 3) == []


def test_signals():
    found = candidates(
        span(ONE, "race", 7),
        span(TWO, "race", 3),
        span(THREE, "race", -1),
        span(THREE, "Cyd", 4),
        span(ONE, "the race", 2),
    )
    told = signals(found[0], found, "Who won the race in Rome?", "Racing")
    assert told.margin == 7
    assert told.gap == pytest.approx((7 + 5) - (4 + 3))
    assert told.dense == 0.5
    assert told.lexical == pytest.approx(5 / 15)
    assert told.agreement == pytest.approx(math.log(2))  # one other passage says the same above its null score
    assert told.cover == pytest.approx(2 / 3)  # won, race; not Rome


def test_a_lone_answer_has_the_full_gap_and_no_agreement():
    (only,) = candidates(span(ONE, "race", 9))
    told = signals(only, [only], "Who?", "")
    assert (told.gap, told.agreement, told.cover) == (10.0, 0.0, 1.0)


def test_an_answer_of_one_letter_does_not_agree_with_everything():
    """ "A" was taken for the article "a", which every answer was then held to contain."""
    grades = article("grades", "Ada got an A this year")
    letter = Span(hit(grades).passage, 11, 12, "A", 7.0)
    found = rank([letter, span(TWO, "Bea", 6.0)], [hit(grades), hit(TWO)])
    told = signals(found[0], found, "What did Ada get?", "")
    assert (told.gap, told.agreement) == (1.0, 0.0)


# --- fusion -------------------------------------------------------------------------------------------------------


def test_fusion_weighs_both_parts():
    assert (saturated(0), saturated(10), saturated(30)) == (0.0, 0.5, 0.75)
    fused = fuse({1: 0.8, 2: 0.6, 3: -0.5}, {1: 10.0, 4: 30.0})
    evidence = {1: DENSE_WEIGHT * 0.8 + BM25_WEIGHT * 10.0, 2: DENSE_WEIGHT * 0.6, 3: 0.0, 4: BM25_WEIGHT * 30.0}
    assert fused == pytest.approx({row: e / (1 + e) for row, e in evidence.items()})
    assert fuse({}, {}) == {}


@given(
    st.dictionaries(st.integers(), st.floats(-1, 1)),
    st.dictionaries(st.integers(), st.floats(0, 1000)),
)
def test_fused_scores_are_from_0_to_1(dense, lexical):
    fused = fuse(dense, lexical)
    assert fused.keys() == dense.keys() | lexical.keys()
    assert all(0.0 <= score <= 1.0 for score in fused.values())

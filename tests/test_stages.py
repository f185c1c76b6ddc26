"""Each stage is broken by itself, and the failure must be put down to just that stage."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import WORD, HashEmbedder, ScriptedReader
from test_evaluation import FACTS

from corpus import Article
from eval.alone import gold_reading
from eval.dataset import Question
from eval.explain import STAGES, would_be_right
from eval.judge import FAILURES
from eval.remembered import Remembered
from eval.report import to_dict
from eval.run import evaluate
from index import Library, searcher
from qa import ArticleQA, Settings

TEXT = "Jack Aitken replaces Alexander Sims in the number 31 Cadillac for the long endurance races of next season."
RACE = Article("race", "The race", TEXT, "race.txt")
NOISE = [
    Article(f"noise{number}", "Gardens", f"Gardener {name} plants {count} roses.", f"{number}.txt")
    for number, (name, count) in enumerate([("Olga", 4), ("Pavel", 5), ("Rita", 6), ("Sven", 7)])
]
WHO = Question("who", "Who replaces Alexander Sims?", ("Jack Aitken", "Aitken"), "race")
NEVER = Question("never", "Who replaces Sims in the garden?", ())
READ = 2


def points_at(quotes):
    """A reader that finds the first of these quotes that a passage holds, with its logit, and nothing elsewhere."""
    quotes = quotes if isinstance(quotes, dict) else {quotes: 9}

    def logits(passage):
        words = [found.group() for found in WORD.finditer(passage)]
        starts, ends = np.zeros(len(words)), np.zeros(len(words))
        for quote, logit in quotes.items():
            if quote in passage:
                first = len(WORD.findall(passage[: passage.index(quote)]))
                starts[first] = ends[first + len(WORD.findall(quote)) - 1] = logit
                return starts, ends, 0.0
        return starts, ends, 4.0

    return ScriptedReader(logits)


def assistant(reader=None, *, threshold=0.0, embedder=None):
    library = Library.in_memory(embedder or HashEmbedder(512))
    library.add([*NOISE, RACE])
    return ArticleQA(library, reader or points_at("Jack Aitken"), settings=Settings(READ, threshold=threshold))


def asked(bot, question=WHO):
    return evaluate(bot, [question], parts=True).results[0]


def test_nothing_is_wrong():
    result = asked(assistant())
    assert (result.failure, would_be_right(result)) == (None, "")
    assert result.parts.gold[0].article_id == "race"
    assert (result.parts.ranks, result.parts.searched, result.parts.threshold) == ((1,), None, 0)
    assert gold_reading(WHO, result.parts).exact_match == 1


def test_retrieval():
    # the question shares no word with the article, and the reader would have known
    question = replace(WHO, question="Gardener roses plants?")
    result = asked(assistant(), question)
    assert result.failure == "retrieval"
    assert result.parts.searched == (None, None)
    assert gold_reading(question, result.parts).correct
    assert would_be_right(result) == (
        "the passage with the answer among the first 2: it came at place 5, dense not at all, lexical not at all"
    )


def test_fusion(monkeypatch):
    monkeypatch.setattr(
        searcher, "fuse", lambda dense, lexical, *_: {row: -dense.get(row, 0) for row in dense | lexical}
    )
    result = asked(assistant())
    assert result.failure == "fusion"
    assert result.parts.searched == (1, 1)
    assert would_be_right(result) == (
        "the passage with the answer among the first 2: it came at place 5, dense at place 1, lexical at place 1"
    )


def test_reader():
    result = asked(assistant(points_at("Cadillac")))
    assert result.failure == "reader"
    assert (
        would_be_right(result)
        == "“Jack Aitken” at 0 of race, in the passage at place 1; given only such passages, the reader says “Cadillac”"
    )


def test_reader_that_is_led_astray_by_another_passage():
    result = asked(assistant(points_at({"Jack Aitken": 2, "Gardener": 9})))
    assert (result.span.text, result.failure) == ("Gardener", "reader")
    assert would_be_right(result).endswith("; given only such passages, the reader says that")


def test_span():
    result = asked(assistant(points_at(TEXT.removesuffix("."))))
    assert result.span.text.startswith("Jack Aitken replaces")
    assert (result.failure, result.f1 > 0) == ("span", True)


def test_threshold():
    result = asked(assistant(threshold=1.0))
    assert result.failure == "threshold"
    assert result.span is None
    assert result.guess.text == "Jack Aitken"
    assert would_be_right(result).startswith("the answer withheld, “Jack Aitken”: confidence 0.")
    assert would_be_right(result).endswith(", threshold 1.00")


def test_what_is_withheld_and_wrong_is_not_put_down_to_the_threshold():
    assert asked(assistant(points_at("Cadillac"), threshold=1.0)).failure == "reader"
    assert asked(assistant(points_at(TEXT.removesuffix(".")), threshold=1.0)).failure == "span"


def test_false_answer():
    result = asked(assistant(), NEVER)
    assert result.failure == "false answer"
    assert would_be_right(result).startswith("no answer: confidence 0.")
    assert asked(assistant(threshold=1.0), NEVER).failure is None


def test_an_answer_that_stands_in_no_passage_is_not_put_down_to_retrieval():
    question = replace(WHO, answers=("a racing driver",))
    result = asked(assistant(), question)
    assert (result.rank, result.failure, result.parts.gold) == (None, "reader", ())
    assert would_be_right(result) == "an accepted answer, which stands word for word in no passage"
    # its passage cannot be found, nor read
    found = evaluate(assistant(), [question], parts=True).alone
    assert (found.searched, found.mrr, found.reader.questions) == (0, None, 0)


def test_an_article_that_the_library_does_not_have():
    result = asked(assistant(), replace(WHO, article_id="elsewhere"))
    assert result.failure == "retrieval"
    assert would_be_right(result) == "a passage with an accepted answer; no search found one"


def test_every_stage_is_explained():
    assert set(STAGES) == set(FAILURES)


def test_numbers_of_the_parts_alone():
    anywhere = replace(WHO, id="anywhere", article_id=None)
    far = replace(WHO, id="far", question="Gardener roses plants?")
    found = evaluate(assistant(threshold=1.0), [WHO, anywhere, far, NEVER], parts=True)
    alone = found.alone
    assert alone.searched == 3
    assert alone.recall == {1: pytest.approx(2 / 3), 5: 1, 10: 1, 20: 1}
    assert alone.mrr == pytest.approx((1 + 1 + 1 / 5) / 3)
    assert alone.ndcg == pytest.approx((1 + 1 + 1 / np.log2(6)) / 3)
    assert (alone.reader.questions, alone.reader.exact_match) == (2, 1)  # where the article is named
    assert found.threshold == 1
    # all was withheld: two best spans would have been right, one is from another article, one has no answer
    assert found.best_span.questions == 4
    assert found.best_span.curve[-1].risk == pytest.approx(2 / 4)
    figures = to_dict(found, FACTS)
    assert figures["alone"]["retrieval"]["recall_at_1"] == 0.6667
    assert figures["alone"]["retrieval"]["interval_95"].keys() >= {"recall_at_20", "ndcg_at_10"}
    assert figures["alone"]["reader"]["interval_95"] == {"exact_match": [100.0, 100.0], "f1": [100.0, 100.0]}
    best = figures["confidence"]["best_span"]
    assert best["risk_coverage"]["coverage"][-1] == 1
    assert sum(one["count"] for one in best["reliability"]) == 4
    assert figures["results"][0]["expected_at"] == {"article_id": "race", "start": 0, "end": 11}
    assert figures["results"][0]["best_span"]["correct"] is True
    assert figures["results"][2]["gold_ranks"] == [5]


def test_what_was_read_for_an_answer_is_not_read_again_for_its_parts():
    reader = points_at("Jack Aitken")
    result = asked(assistant(reader, threshold=1.0))
    assert reader.passages_read == READ  # not again for the guess that was withheld, nor for the gold passage
    assert result.guess.text == gold_reading(WHO, result.parts).span.text == "Jack Aitken"
    far = replace(WHO, question="Gardener roses plants?")
    assert gold_reading(far, asked(assistant(reader), far).parts).correct
    assert reader.passages_read == READ + READ + 1  # the gold passage was not found


def test_the_latency_of_an_answer_is_that_of_a_first_reading():
    reader = points_at("Jack Aitken")
    found = evaluate(assistant(reader), [WHO, replace(WHO, id="again")], parts=True)
    assert reader.passages_read == 2 * READ
    for result in found.results:
        assert result.timings.total == pytest.approx(result.timings.retrieve + result.timings.read)


def test_readings_remembered_are_those_of_the_reader(reader):
    texts, question = [TEXT, NOISE[0].text, TEXT], "Who replaces Sims?"
    memory = Remembered(reader)
    memory.read(question, texts[1:])
    alone = [replace(window, passage=n) for n, text in enumerate(texts) for window in reader.read(question, [text])]
    for one, other in zip(memory.read(question, texts), alone, strict=True):
        assert (one.passage, one.null_score) == (other.passage, other.null_score)
        assert np.array_equal(one.start_logits, other.start_logits)
        assert np.array_equal(one.ends, other.ends)
    counted = points_at("Jack Aitken")
    memory = Remembered(counted)
    memory.read("Who?", texts)
    memory.read("Whom?", texts[:1])
    memory.read("Who?", texts[:1], to_beat=3.0)
    memory.forget()
    memory.read("Who?", texts)
    assert counted.passages_read == 2 + 1 + 1 + 2

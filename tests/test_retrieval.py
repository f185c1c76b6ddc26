"""The measuring of retrieval: its sets, its metrics, its command; and what closeness adds."""

import gzip
import json

import numpy as np
import pytest

from eval import retrieval
from eval.dataset import BUNDLED_QUESTIONS
from eval.retrieval_methods import Lists, dense_alone, lexical_alone, quality, ranked, reciprocal_ranks
from eval.retrieval_sets import OPEN_FILES, bundled_set, joined_sets, open_sets, other_sets
from eval.retrieval_vectors import VectorCache
from index import Library
from index.closeness import closeness
from index.fusion import fuse


def write(folder, file, count=6):
    with gzip.open(folder / f"{file}.jsonl.gz", "wt") as lines:
        for n in range(count):
            answer = {"text": f"Name{n}", "start": 4}
            asked = {"id": f"{file}-{n}", "question": f"Who is number {n} of {file}?", "answers": [answer]}
            row = {"source": file, "context": f"The Name{n} is here, number {n} of {file}.\n", "questions": [asked]}
            lines.write(json.dumps(row) + "\n")


def test_quality_counts_the_first_relevant_passage():
    worth = quality([[3, 1], [2], [5, 6]], [frozenset({1}), frozenset({2}), frozenset({9})], 3.0)
    assert worth.recall == {
        1: pytest.approx(1 / 3),
        5: pytest.approx(2 / 3),
        10: pytest.approx(2 / 3),
        20: pytest.approx(2 / 3),
    }
    assert worth.mrr == pytest.approx(0.5)
    assert worth.milliseconds == pytest.approx(1000)


def test_methods_rank_as_they_say():
    far = 10**6
    lists = Lists(
        np.array([1, 2, 3]), np.array([0.9, 0.5, 0.1]), np.array([0.0, 4.0, 9.0]),
        np.array([1, 2, far]), np.array([far, 2, 1]), frozenset({2}),
    )  # fmt: skip
    assert ranked(lists, dense_alone(lists)) == [1, 2]
    assert ranked(lists, lexical_alone(lists)) == [3, 2]
    assert ranked(lists, reciprocal_ranks(lists))[0] == 2
    assert lists.cut(1).rows.tolist() == [1, 3]


def test_open_sets_keep_roles_apart(tmp_path):
    for file in OPEN_FILES:
        write(tmp_path, file)
    sets = open_sets(tmp_path, 100)
    assert len(sets[0].collection.passages) == 24
    assert len(sets[0].questions) == 6
    texts = [{q.text for q in one.questions} for one in sets]
    assert sum(map(len, texts)) == len(set().union(*texts)) == 24
    passage = sets[0].collection.passages[next(iter(sets[0].questions[0].relevant))]
    assert "Name" in passage.text
    joined = joined_sets(tmp_path, OPEN_FILES[1], 100, most=6)
    assert {
        p.text.split()[1]
        for one in joined
        for q in one.questions
        for i in q.relevant
        for p in [one.collection.passages[i]]
    }


def test_what_several_passages_are_asked_in_the_same_words_is_one_question(tmp_path):
    """As of privacy policies: whose is meant, nobody says, so every passage that is asked it answers it."""
    rows = [
        {"context": f"We keep {what}.", "questions": [{"id": what, "question": asked, "answers": [answer]}]}
        for what, asked in (("names", "What is kept?"), ("dates", "What is kept?"), ("ages", "What else?"))
        for answer in [{"text": what, "start": 8}]
    ]
    with gzip.open(tmp_path / "policyqa.jsonl.gz", "wt") as lines:
        lines.write("\n".join(map(json.dumps, rows)))
    questions = {q.text: q.relevant for one in other_sets(tmp_path, "policyqa", 100) for q in one.questions}
    assert questions == {"What is kept?": {0, 1}, "What else?": {2}}


def test_vectors_are_kept(tmp_path, embedder):
    cache = VectorCache(tmp_path)
    first = cache.passages(embedder, ["one", "two"])
    assert len(list(tmp_path.iterdir())) == 1
    assert np.array_equal(first, cache.passages(embedder, ["one", "two"]))


def test_the_command_measures_and_refuses(tmp_path, capsys):
    assert retrieval.main(["--data", str(tmp_path / "none"), "--cache", str(tmp_path)]) == 2
    assert "name the folder of the data" in capsys.readouterr().err


def test_hybrid_is_never_below_its_parts_on_the_bundled_articles(tmp_path, embedder):
    one = bundled_set(BUNDLED_QUESTIONS)
    bench = retrieval.Bench(embedder, VectorCache(tmp_path))
    worth = {row[2]: row[3] for row in bench.fusions(one, "Fusion", ["dense alone", "BM25 alone"])}
    with bench.library(one) as library:
        worth["shipped"] = retrieval.shipped(library, one)[3]
    for k in (1, 5, 10, 20):
        assert worth["shipped"].recall[k] >= max(worth["dense alone"].recall[k], worth["BM25 alone"].recall[k])
    assert worth["shipped"].recall[5] >= 0.99


def test_closeness_counts_pairs_and_what_stands_together():
    weights = {"who": 0.0, "red": 1.0, "car": 1.0}
    assert closeness(["who", "red", "car"], ["a", "red", "car"], weights)[1] == 1.0
    assert closeness(["red", "car"], ["red", "car"], weights) == (1.0, 1.0)
    assert closeness(["red", "car"], ["car", "red"], weights) == (0.0, 1.0)
    assert closeness(["red", "car"], ["red", *["x"] * 30, "car"], weights) == (0.0, 0.5)
    assert closeness(["red", "car"], ["blue"], weights) == (0.0, 0.0)


def test_scores_stay_between_0_and_1_and_rise_with_their_parts():
    fused = fuse({1: 0.5, 2: -0.4}, {1: 8.0, 3: 90.0}, {1: (1.0, 1.0)})
    assert fused[2] == 0.0
    assert 0 < fuse({1: 0.5}, {1: 8.0})[1] < fused[1] < 1


def test_an_empty_library_finds_nothing(embedder):
    with Library.in_memory(embedder) as library:
        assert library.search('Who won "it" in 2019 at the FIA?') == []

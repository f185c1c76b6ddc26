"""Large libraries: layers of vectors, inverted files, and what a change writes."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import HashEmbedder, article

from corpus import LibraryError
from eval import embedding, size, size_library, size_measure
from eval.dataset import BUNDLED_QUESTIONS
from eval.retrieval_sets import bundled_set
from index import Library, inverted, layers
from index.database import Database
from index.dense import Flat
from index.inverted import DamagedIndexError, Inverted
from index.layers import Layer, Layers
from index.lexical import LexicalIndex

DIMENSION = 16
COUNT = 3_000


def vectors(count: int, seed: int = 0) -> np.ndarray:
    """Unit vectors in clusters."""
    chance = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((40, DIMENSION))
    made = centres[chance.integers(40, size=count)] + 0.7 * chance.standard_normal((count, DIMENSION))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


ALL = vectors(COUNT)
NUMBERS = np.arange(COUNT, dtype=np.int64) * 3 + 7  # of passages, with gaps
QUESTIONS = vectors(50, seed=5)


def fetch(rows: np.ndarray) -> np.ndarray:
    return ALL[(rows - 7) // 3]


def nearest(question: np.ndarray, k: int, kept: np.ndarray | None = None) -> set[int]:
    scores = ALL @ question
    if kept is not None:
        scores[~kept] = -np.inf
    return set(np.argsort(-scores)[:k].tolist())


def recall(index: Inverted, truth: np.ndarray = ALL, kept: np.ndarray | None = None) -> float:
    found = [set(index.search(one, 50, kept)[0].tolist()) for one in QUESTIONS]
    return float(np.mean([len(nearest(one, 10, kept) & got) / 10 for one, got in zip(QUESTIONS, found, strict=True)]))


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    stem = tmp_path_factory.mktemp("inverted") / "one"
    inverted.build(stem, NUMBERS, fetch)
    return stem


# --- inverted files -------------------------------------------------------------------------------------------------


def test_an_inverted_file_finds_what_exact_search_finds(built):
    index = Inverted.opened(built)
    assert index.rows.tolist() == NUMBERS.tolist()
    assert recall(index) >= 0.97
    assert index.probes < len(index.sizes)
    positions, scores = index.search(QUESTIONS[0], 5)
    assert scores == pytest.approx(ALL[positions] @ QUESTIONS[0], abs=0.02)
    assert not list(built.parent.glob("*.codes"))


@pytest.mark.parametrize("share", [0.5, 0.01])
def test_what_is_not_kept_is_not_found(built, share):
    index, kept = Inverted.opened(built), np.random.default_rng(1).random(COUNT) < share
    for question in QUESTIONS:
        assert kept[index.search(question, 20, kept)[0]].all()
    assert recall(index, kept=kept) >= 0.95


def test_an_extended_file_has_what_is_kept_and_what_is_new(built, tmp_path):
    half = COUNT // 2
    base = inverted.build(tmp_path / "base", NUMBERS[:half], fetch)
    kept = np.ones(half, bool)
    kept[::5] = False
    inverted.extend(tmp_path / "more", base, kept, NUMBERS[half:], fetch)
    index = Inverted.opened(tmp_path / "more")
    assert index.rows.tolist() == [*NUMBERS[:half][kept], *NUMBERS[half:]]
    held = np.concatenate([kept, np.ones(COUNT - half, bool)])
    found = [{(row - 7) // 3 for row in index.rows[index.search(one, 50)[0]].tolist()} for one in QUESTIONS]
    shares = [len(got & nearest(one, 10, held)) / 10 for one, got in zip(QUESTIONS, found, strict=True)]
    assert np.mean(shares) >= 0.95
    index.verify()


def test_only_the_lists_that_are_read_are_checked(built, tmp_path):
    for end in (inverted.HEAD, inverted.LISTS):
        (tmp_path / f"one{end}").write_bytes(built.with_suffix(end).read_bytes())
    file = tmp_path / f"one{inverted.LISTS}"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)
    index, refused = Inverted.opened(tmp_path / "one"), 0
    for question in ALL[:200]:
        try:
            index.search(question, 5, probes=1)
        except DamagedIndexError:
            refused += 1
    assert 0 < refused < 200
    with pytest.raises(DamagedIndexError, match="is damaged"):
        index.verify()
    file.write_bytes(data[:-1])
    with pytest.raises(DamagedIndexError, match="bytes long"):
        Inverted.opened(tmp_path / "one")


# --- layers ---------------------------------------------------------------------------------------------------------


def layered(parts: list[np.ndarray]) -> Layers:
    made = [Layer(str(n), Flat(NUMBERS[one], ALL[one]), np.ones(len(one), bool)) for n, one in enumerate(parts)]
    return Layers(made, Database(None), DIMENSION)


def test_layers_find_the_same_as_one():
    places = np.arange(COUNT)
    one, many = layered([places]), layered([places[:2000], places[2000:2900], places[2900:]])
    assert len(one) == len(many) == COUNT
    for question in QUESTIONS:
        for only in (None, NUMBERS[::2], NUMBERS[5:25], NUMBERS[:0]):
            rows, cosines = one.search(question, 10, only=only)
            again, same = many.search(question, 10, only=only)
            assert rows.tolist() == again.tolist()
            assert cosines == pytest.approx(same, abs=1e-6)
            if only is None:
                assert set(((rows - 7) // 3).tolist()) == nearest(question, 10)
    assert many.cosines(QUESTIONS[0], NUMBERS[[5, 2950]]) == pytest.approx(ALL[[5, 2950]] @ QUESTIONS[0], abs=1e-6)
    assert many.cosines(QUESTIONS[0], np.array([1, 10**9])).tolist() == [0, 0]
    assert many.search(QUESTIONS[0], 0)[0].tolist() == []
    many.verify()


def test_an_empty_library_finds_nothing():
    empty = layered([])
    assert empty.search(QUESTIONS[0], 5)[0].tolist() == empty.rows().tolist() == []
    assert empty.cosines(QUESTIONS[0], NUMBERS[:2]).tolist() == [0, 0]


@pytest.mark.parametrize("values", [(1, 2, 3), [np.nan] * DIMENSION])
def test_vectors_that_do_not_fit_are_refused(values):
    with pytest.raises(ValueError, match=r"need \(16,\)"):
        layered([np.arange(5)]).search(np.array(values, np.float32), 1)
    with pytest.raises(ValueError, match="all finite"):
        Flat(NUMBERS[:1], np.full((1, DIMENSION), np.nan, np.float32))


# --- libraries ------------------------------------------------------------------------------------------------------


def stories(first: int, count: int) -> list:
    return [
        article(f"story-{n}", f"Story number {n} tells of thing {n % 50} and of place {n % 7}.")
        for n in range(first, first + count)
    ]


def opened(folder: Path) -> Library:
    return Library.open(folder, embedder=HashEmbedder(DIMENSION))


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A folder in which a library is large from 200 passages on."""
    monkeypatch.setattr(layers, "EXACT", 200)
    return tmp_path / "library"


def files(folder: Path) -> dict[str, int]:
    return {
        path.name: path.stat().st_ino
        for path in folder.glob("snapshots/*/dense/*")
        if path.suffix not in {".npy", ".txt"}
    }


def kinds(library: Library) -> list[str]:
    return [type(layer.vectors).__name__ for layer in library._indexes.current().dense.layers]


def consistent(library: Library) -> None:
    searcher, rows = library._indexes.current(), library._database.passage_rows()
    assert searcher.dense.rows().tolist() == rows.tolist()
    assert searcher.lexical._index.searcher().num_docs == len(rows)


def test_a_library_grows_through_all_kinds_of_layers(large):
    with opened(large) as library:
        library.add(stories(0, 100))
        assert kinds(library) == ["Flat"]
        library.add(stories(100, 150))
        assert kinds(library) == ["Inverted"]
        before = files(large)
        library.add(stories(250, 1))
        assert kinds(library) == ["Inverted", "Flat"]
        assert before.items() < files(large).items()  # not one of the big files was written again
        library.remove("story-3")
        library.add([article("story-4", "Story number 4 was told anew.")])
        assert library.search("story number 4 was told anew", k=1)[0].article.id == "story-4"
        assert before.items() < files(large).items()
        consistent(library)
        library.add(stories(251, 250))
        assert kinds(library) == ["Inverted"]
        consistent(library)
    with opened(large) as library:
        consistent(library)
        assert kinds(library) == ["Inverted"]
        assert {hit.article.id for hit in library.search("story number 77", k=3)} >= {"story-77"}
        assert all(hit.article.id != "story-3" for hit in library.search("story number 3", k=100))
        library.remove_all([f"story-{n}" for n in range(450)])
        assert kinds(library) == ["Flat"]
        consistent(library)
        library.remove_all([f"story-{n}" for n in range(600)])
        assert (kinds(library), library.search("story")) == ([], [])


def test_many_small_changes_make_few_layers(tmp_path):
    with opened(tmp_path / "library") as library:
        for number in range(40):
            library.add(stories(number, 1))
        assert len(kinds(library)) <= 6
        consistent(library)


def test_a_damaged_list_is_noticed_when_it_is_read_and_made_again(large, caplog):
    with opened(large) as library:
        library.add(stories(0, 300))
        before = [hit.article.id for hit in library.search("thing 12", k=5)]
    (file,) = large.glob("snapshots/*/dense/*.lists")
    file.write_bytes(bytes(len(file.read_bytes())))
    with caplog.at_level(logging.WARNING), opened(large) as library:
        with pytest.raises(LibraryError, match="is damaged"):
            library.check()
        assert [hit.article.id for hit in library.search("thing 12", k=5)] == before
        library.check()
    assert len(caplog.records) == 1


def test_what_another_process_changed_is_added_and_taken_away(large):
    with opened(large) as library, opened(large) as other:
        library.add(stories(0, 300))
        consistent(other)
        other.remove("story-7")
        other.add(stories(300, 2))
        consistent(library)
        library.remove_all(["story-301", "story-8"])
        consistent(other)
        assert other._database.rows("SELECT * FROM removed") == []


# --- words ----------------------------------------------------------------------------------------------------------


def test_very_common_words_of_a_large_library_decide_nothing(monkeypatch):
    index = LexicalIndex(None)
    rows = [(n, "", f"the thing {'apple' if n % 10 == 0 else 'pear'} number {n}") for n in range(100)]
    index.change(remove=[], add=rows)
    exact = index.search("the apple", 100)
    monkeypatch.setattr("index.lexical._LARGE", 50)
    assert len(exact) == 100
    assert set(index.search("the apple", 100)) == set(range(0, 100, 10))
    assert len(index.search("the", 100)) == 100


@pytest.mark.parametrize("few", [2_000, 3])
def test_words_are_searched_in_some_passages_only(monkeypatch, few):
    monkeypatch.setattr("index.lexical._FEW", few)
    index = LexicalIndex(None)
    index.change(remove=[], add=[(n, "", f"apple {'tart ' * (n % 3)}") for n in range(300)])
    everything, only = index.search("apple tart", 300), np.arange(0, 300, 7)
    found = index.search("apple tart", 5, only=only)
    best = sorted((row for row in only.tolist()), key=lambda row: -everything[row])[:5]
    assert list(found.values()) == pytest.approx([everything[row] for row in best])
    assert set(found) <= set(only.tolist())
    assert len(index.search("apple tart", 300, only=only)) == len(only)
    assert index.search("apple", 5, only=np.array([], np.int64)) == {}


# --- the benchmarks ---------------------------------------------------------------------------------------------------


def test_libraries_for_measuring_are_whole_and_always_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(size_library, "_SENTENCES", 300)
    embedder = HashEmbedder(DIMENSION)
    of = size_library.source([size_library.NEWS], embedder, tmp_path / "vectors")
    assert len(of.sentences) == len(of.vectors) == len(of.topics) >= 300
    assert of.questions
    size_library.fill(tmp_path / "library", of, 30, embedder)
    size_library.fill(tmp_path / "library", of, 60, embedder)
    size_library.fill(tmp_path / "other", of, 60, embedder)
    with opened(tmp_path / "library") as library, opened(tmp_path / "other") as other:
        library.check()
        assert (len(library), library.passages) == (12, 60)
        assert [library.article(f"made-{n}") for n in range(12)] == [other.article(f"made-{n}") for n in range(12)]
    asked, asked_for = tmp_path / "asked.npz", list(of.questions) * 10
    monkeypatch.setattr(size_measure, "load_embedder", lambda: embedder)
    built = size_measure.build(tmp_path / "library", asked_for, asked)
    found = size_measure.measure(tmp_path / "library", asked_for, asked)
    assert built["build_s"] >= 0 < found["search_ms"]
    assert found["recall_at_10"] == 1
    figures = [
        {"passages": n, "parts_ms": {}, "search_ms": n**0.5}
        | dict.fromkeys(("memory_mb", "build_cpu_s", "add_ms"), 1.0)
        for n in (100, 10_000)
    ]
    assert size.growth(figures, "search_ms") == pytest.approx(0.5)
    assert "| hybrid search, ms, median | 10.0 | 100.0 | 0.50 |" in size.report(figures, {"command": "x"})


def test_embedders_side_by_side():
    one = bundled_set(BUNDLED_QUESTIONS)
    few = replace(one, questions=one.questions[:20])
    ours = HashEmbedder(64)
    assert 0.2 < embedding.recall(ours, few) <= 1
    assert all(rate["per_second"] > 0 for rate in embedding.rates([ours, HashEmbedder(32)], ["a text"] * 5))

import math
import shutil
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpus import ModelError, samples, split
from qa import onnx_reader
from qa.onnx_reader import OnnxReader, near_ties
from qa.reader import BUNDLED_READER, MAX_QUESTION_TOKENS, Window, load_reader, windows

PASSAGES = [passage.text for sample in samples() for passage in split(sample)][:12]
LONG = "\n".join(sample.text for sample in samples()[:3])
QUESTION = "Who replaces Sims?"


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(BUNDLED_READER / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


# --- windows over the bundled tokenizer ---------------------------------------------------------------------------


def cut(tokenizer, question: str, passages: list[str], **limits: int) -> list[Window]:
    """Windows whose start logits are the tokens' places in the input."""
    found = windows(tokenizer, question, passages, **limits)
    places = [np.arange(len(one.encoding.ids), dtype=np.float32) for one in found]
    return [one.scored(place, place) for one, place in zip(found, places, strict=True)]


characters = st.characters(exclude_categories=["Cs", "Cc"])


@given(st.text(characters, max_size=60), st.text(characters, max_size=400))
@example("Who?", "👨‍👩‍👧 é ﬁ İ ß 東京 1.5% “x” e\u0301")
def test_offsets_are_of_the_passages_own_characters(tokenizer, question, passage):
    for window in cut(tokenizer, question, [passage]):
        assert len(window.starts) == len(window.ends) == len(window.start_logits) == len(window.end_logits)
        assert (window.starts < window.ends).all()
        assert (window.ends <= len(passage)).all()
        assert (np.diff(window.starts) >= 0).all()
        for start, end in zip(window.starts, window.ends, strict=True):
            assert passage[start:end].strip() == passage[start:end] != ""


def test_every_word_is_covered_and_maps_to_itself(tokenizer):
    text = "Zoë’s naïve 👨‍👩‍👧 façade cost €1,200.50 in 東京 — “really”?"
    (window,) = cut(tokenizer, "Who?", [text])
    covered = {place for a, b in zip(window.starts, window.ends, strict=True) for place in range(a, b)}
    assert all(place in covered for place, character in enumerate(text) if character.isalnum())
    pieces = [text[a:b] for a, b in zip(window.starts, window.ends, strict=True)]
    assert {"Zoë", "façade", "200", "東", "really"} <= set(pieces)


def test_long_passages_become_windows_that_overlap_and_cover_all(tokenizer):
    whole = tokenizer.encode(LONG, add_special_tokens=False)
    found = cut(tokenizer, QUESTION, ["Short.", LONG, "Short too."])
    assert [window.passage for window in found] == [0, *[1] * (len(found) - 2), 2]
    parts = [list(zip(window.starts, window.ends, strict=True)) for window in found[1:-1]]
    assert len(parts) > 3
    for one, following in pairwise(parts):
        assert one[-128:] == following[:128]
    joined = [*parts[0], *(place for part in parts[1:] for place in part[128:])]
    assert joined == whole.offsets
    sizes = [len(part) for part in parts]
    assert max(sizes) == sizes[0] <= 384


@pytest.mark.parametrize("limit", [384, 128, 80, 67, 64, 32])
@pytest.mark.parametrize("question", ["Who?", "word " * 200, "x" * 1000, "🙂" * 1000])
def test_a_question_of_any_length_leaves_room_for_the_passage(tokenizer, limit, question):
    found = windows(tokenizer, question, [LONG], max_tokens=limit)
    assert all(len(one.encoding.ids) <= limit for one in found)
    assert all(len(one.encoding.ids) - one.encoding.sequence_ids.count(1) <= MAX_QUESTION_TOKENS + 3 for one in found)
    covered = {offset for window in cut(tokenizer, question, [LONG], max_tokens=limit) for offset in window.starts}
    assert covered == {start for start, _ in tokenizer.encode(LONG, add_special_tokens=False).offsets}


def test_no_passages_no_windows(tokenizer, reader):
    assert windows(tokenizer, QUESTION, []) == []
    assert reader.read(QUESTION, []) == []


@pytest.mark.parametrize("passage", ["", " \n", "\u200b", "\x01"])
def test_a_passage_without_tokens_gives_an_empty_window(tokenizer, reader, passage):
    (window,) = cut(tokenizer, QUESTION, [passage])
    assert len(window.starts) == 0
    assert window.best == -math.inf
    (empty,) = reader.read(QUESTION, [passage])
    assert len(empty.starts) == 0
    *_, full = reader.read(QUESTION, [passage, PASSAGES[0]])
    assert (full.passage, len(full.starts) > 50) == (1, True)


# --- the bundled reader -------------------------------------------------------------------------------------------


def test_the_bundled_reader_reads(reader):
    assert reader.name == "reader-v7-int8"
    found = reader.read(QUESTION, [*PASSAGES[:4], LONG])
    assert [window.passage for window in found] == sorted(window.passage for window in found)
    assert {window.passage for window in found} <= set(range(5))
    for window in found:
        assert window.start_logits.dtype == window.end_logits.dtype == np.float32
        assert window.start_logits.shape == window.end_logits.shape == window.starts.shape == window.ends.shape
        assert np.isfinite(window.start_logits).all()
        assert np.isfinite(window.null_score)


def test_the_bundled_reader_finds_an_answer_beside_emoji(reader):
    text = "🙂🙂 The 東京 café was opened by Zoë Lindqvist in 1987. 👨‍👩‍👧"
    (window,) = reader.read("Who opened the café?", [text])
    first, last = window.start_logits.argmax(), window.end_logits.argmax()
    assert text[window.starts[first] : window.ends[last]] == "Zoë Lindqvist"
    assert window.start_logits.max() + window.end_logits.max() > window.null_score


def test_a_window_does_not_depend_on_what_it_is_read_with(reader):
    """Dynamic quantisation takes its scale from the whole batch: in batches, logits differed by up to 1.0."""
    for together in reader.read(QUESTION, PASSAGES):
        (window,) = reader.read(QUESTION, [PASSAGES[together.passage]])
        np.testing.assert_allclose(window.start_logits, together.start_logits, atol=1e-3)
        np.testing.assert_allclose(window.end_logits, together.end_logits, atol=1e-3)
        assert window.null_score == pytest.approx(together.null_score, abs=1e-3)


def test_what_does_not_look_like_an_answer_is_not_read_to_the_end(reader):
    """Nothing better than what is read may be left out, and a passage on its own is always read."""
    texts = [passage.text for sample in samples() for passage in split(sample)]  # one of them answers, and clearly
    alone = [reader.read(QUESTION, [text])[0].best for text in texts]
    read = {window.passage for window in reader.read(QUESTION, texts)}
    assert int(np.argmax(alone)) in read
    assert len(read) < len(texts)
    assert reader.read(QUESTION, texts, to_beat=1000.0) == []
    assert [w.passage for w in reader.read(QUESTION, texts, to_beat=max(alone))] == sorted(read)


def test_the_best_of_a_window_is_its_best_span_of_any_length():
    window = Window(0, np.arange(4), np.arange(4) + 1, np.array([1, 5, 2, 9.0]), np.array([3, 0, 4, -20.0]), 2.5)
    spans = [window.start_logits[i] + window.end_logits[j] for i in range(4) for j in range(i, 4)]
    assert window.best == max(spans) - 2.5 == 6.5


def test_reading_twice_gives_the_same(reader):
    for one, other in zip(reader.read(QUESTION, PASSAGES[:4]), reader.read(QUESTION, PASSAGES[:4]), strict=True):
        np.testing.assert_array_equal(one.start_logits, other.start_logits)
        np.testing.assert_array_equal(one.end_logits, other.end_logits)


def test_windows_begun_side_by_side_are_those_begun_one_by_one(reader, monkeypatch):
    abreast = reader.read(QUESTION, PASSAGES)
    monkeypatch.setattr(onnx_reader, "_ABREAST", 1)
    for one, other in zip(abreast, reader.read(QUESTION, PASSAGES), strict=True):
        assert one.passage == other.passage
        np.testing.assert_array_equal(one.start_logits, other.start_logits)
        np.testing.assert_array_equal(one.end_logits, other.end_logits)


# --- near ties ----------------------------------------------------------------------------------------------------


def scored(passage: int, *scores: float) -> Window:
    """A window of words with these scores."""
    words, halves = np.arange(len(scores)), np.array(scores, np.float32) / 2
    return Window(passage, words, words + 1, halves, halves, 0.0)


@pytest.mark.parametrize(
    ("found", "to_beat", "expected"),
    [
        ([scored(0, 5.0, -9.0)], 5.0, []),
        ([scored(0, 5.0, 4.9)], 5.0, [0]),
        ([scored(0, 5.0, 4.9)], 7.0, []),  # neither will be the answer
        ([scored(0, 5.0, -9.0), scored(1, 3.0, 3.0), scored(2, -9.0, 4.9)], 5.0, [0, 2]),
        ([scored(0, 5.0, -9.0), scored(0, 4.9, -9.0)], 5.0, []),  # windows of one passage that share a span
    ],
)
def test_spans_that_score_nearly_the_same_are_a_tie(found, to_beat, expected):
    assert near_ties(dict(enumerate(found)), 0.2, to_beat) == expected


def test_a_model_without_a_twin_has_no_ties_however_its_scores_are_rounded():
    assert near_ties({0: scored(0, 5.0, 5.0)}, 0.0, np.nextafter(5.0, 0.0)) == []


# --- the two routes -----------------------------------------------------------------------------------------------


def test_both_routes_read_the_same(trained, exported):
    """Logits of int8 differed from full precision by up to 0.03 (their standard deviation: 0.44), measured."""
    torch_reader, onnx_reader = load_reader(str(trained)), load_reader(str(exported))
    assert (type(torch_reader).__name__, torch_reader.name) == ("TorchReader", str(trained))
    assert isinstance(onnx_reader, OnnxReader)
    assert onnx_reader.name == "tiny"
    passages = [*PASSAGES, LONG, "", "🙂 Zoë’s naïve 東京 — “really”?"]
    for question in (QUESTION, "word " * 300):
        exact, quantised = torch_reader.read(question, passages), onnx_reader.read(question, passages)
        assert len(exact) == len(quantised) > len(passages)
        agreeing = []
        for one, other in zip(exact, quantised, strict=True):
            assert one.passage == other.passage
            np.testing.assert_array_equal(one.starts, other.starts)
            np.testing.assert_array_equal(one.ends, other.ends)
            np.testing.assert_allclose(one.start_logits, other.start_logits, atol=0.1)
            np.testing.assert_allclose(one.end_logits, other.end_logits, atol=0.1)
            assert one.null_score == pytest.approx(other.null_score, abs=0.2)
            if len(one.starts):
                agreeing += [one.start_logits.argmax() == other.start_logits.argmax()]
                agreeing += [one.end_logits.argmax() == other.end_logits.argmax()]
        assert np.mean(agreeing) > 0.75
    assert torch_reader.read(QUESTION, []) == []


def test_the_torch_reader_does_not_depend_on_the_batch(trained):
    reader = load_reader(str(trained))
    for number, together in enumerate(reader.read(QUESTION, PASSAGES)):
        (alone,) = reader.read(QUESTION, [PASSAGES[number]])
        np.testing.assert_allclose(alone.start_logits, together.start_logits, atol=1e-4)


def test_windows_keep_within_the_models_positions(tiny):
    """A tokenizer need not know how many positions its model has."""
    reader = load_reader(str(tiny.save("short", positions=128)))
    found = reader.read(QUESTION, [LONG])
    assert len(found) > 5
    assert max(len(window.starts) for window in found) < 128


def test_a_model_that_was_not_trained_to_read_is_refused(tiny):
    """Its head would be random, and so its answers."""
    with pytest.raises(ModelError, match=r"reader .*headless"):
        load_reader(str(tiny.save("headless", kind="BertModel")))


@pytest.mark.parametrize("damage", ["cut", "missing", "config"])
def test_a_damaged_torch_model_is_refused(trained, tmp_path, damage):
    folder = shutil.copytree(trained, tmp_path / "model")
    weights = folder / "model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:100_000])
    elif damage == "missing":
        weights.unlink()
    else:
        (folder / "config.json").write_text("not JSON")
    with pytest.raises(ModelError, match=f"reader {folder}") as caught:
        load_reader(str(folder))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", [".", "missing"])
def test_a_folder_without_a_reader_is_refused(tiny, tmp_path, name):
    with pytest.raises(ModelError, match="give a model's folder or hub name"):
        load_reader(str(tmp_path / name))

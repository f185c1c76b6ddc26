import shutil
from dataclasses import replace

import numpy as np
import pytest

from corpus import ModelError, samples, split
from index.modelfiles import UNROUNDED, verify
from qa.onnx_reader import OnnxReader
from qa.reader import BUNDLED_READER
from qa.restore import restore_reader
from qa.torch_reader import TorchReader


def test_the_bundled_reader_comes_back_as_float_weights(tmp_path):
    restore_reader(BUNDLED_READER, tmp_path)
    exported, restored = OnnxReader(BUNDLED_READER), TorchReader(str(tmp_path))
    passages = [passage.text for passage in split(samples()[0])]
    for passage in passages:  # by itself, since of several the screen leaves some out
        (one,), (other,) = (reader.read("Who won?", [passage]) for reader in (exported, restored))
        assert np.array_equal(one.starts, other.starts)
        # only the rounding of activations is between them
        assert np.abs(one.start_logits - other.start_logits).mean() < 0.3
        assert np.corrcoef(one.end_logits, other.end_logits)[0, 1] > 0.99


def test_what_is_read_without_rounding_is_what_the_restored_weights_say(tmp_path):
    folder, weights = tmp_path / "reader", tmp_path / "weights"
    shutil.copytree(BUNDLED_READER, folder)
    card, _ = verify(folder, "reader")
    replace(card, resolution=1_000.0).write(folder)  # now everything is too close
    restore_reader(folder, weights)
    unrounded, restored = OnnxReader(folder), TorchReader(str(weights))
    for passage in split(samples()[0]):
        (one,), (other,) = (reader.read("Who won?", [passage.text]) for reader in (unrounded, restored))
        np.testing.assert_allclose(one.start_logits, other.start_logits, atol=1e-3)
        np.testing.assert_allclose(one.end_logits, other.end_logits, atol=1e-3)


def test_an_unrounded_reader_that_was_altered_since_is_refused(tmp_path):
    """It is opened when it is first needed."""
    folder = tmp_path / "reader"
    shutil.copytree(BUNDLED_READER, folder)
    card, _ = verify(folder, "reader")
    replace(card, resolution=1_000.0).write(folder)
    reader = OnnxReader(folder)
    with (folder / UNROUNDED).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match=rf"{UNROUNDED}.*sha256 differs"):
        reader.read("Who won?", [samples()[0].text[:200]])


def test_a_damaged_reader_is_not_restored(tmp_path):
    folder = tmp_path / "reader"
    shutil.copytree(BUNDLED_READER, folder)
    with (folder / "model.onnx").open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(ModelError, match=r"model\.onnx"):
        restore_reader(folder, tmp_path / "out")

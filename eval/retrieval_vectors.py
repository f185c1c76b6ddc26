"""Vectors for measuring retrieval: the embedders compared, and a folder that keeps what they made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus import ModelError
from corpus.whole import replacing
from index.arrays import Floats
from index.embedder import Embedder
from index.modelfiles import sha256_of
from index.onnx_model import processors

_BGE_PREFIX = "Represent this sentence for searching relevant passages: "
_BGE_TOKENS = 256


class PlainOnnx:
    """An ONNX session over a folder that another package made, with `model.onnx` and `tokenizer.json` and no card."""

    def __init__(self, folder: Path, *, max_tokens: int) -> None:
        """Load it. Raises `ModelError` when a file is missing or cannot be loaded."""
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = processors()
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # both libraries raise bare Exception subclasses of their own
            raise ModelError(f"{folder}: cannot be loaded ({str(error).splitlines()[0]}); name its folder") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self.sha256 = sha256_of(folder / "model.onnx")

    def run(self, text: str, pair: str | None = None) -> Floats:
        """The first output for one text, or one pair of texts, without its first axis."""
        encoding = self._tokenizer.encode(text, pair)
        feed = {
            "input_ids": np.array([encoding.ids], np.int64),
            "attention_mask": np.array([encoding.attention_mask], np.int64),
            "token_type_ids": np.array([encoding.type_ids], np.int64),
        }
        return np.asarray(self._session.run(None, feed)[0][0], np.float32)


class BgeEmbedder:
    """bge-small-en-v1.5: the state of the first token, normalised; questions take a prefix, as its makers advise."""

    name = "bge-small-en-v1.5 int8"
    dimension = 384

    def __init__(self, folder: Path) -> None:
        """Load it from a folder with `model.onnx` and `tokenizer.json`."""
        self._model = PlainOnnx(folder, max_tokens=_BGE_TOKENS)
        self.fingerprint = self._model.sha256

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """Vectors of shape (n, 384), float32, each of length 1."""
        vectors = np.stack([self._model.run(text)[0] for text in texts])
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def encode_question(self, text: str) -> Floats:
        """A vector of shape (384,), float32, of length 1."""
        vector: Floats = self.encode_passages([_BGE_PREFIX + text])[0]
        return vector


@dataclass(frozen=True, slots=True)
class VectorCache:
    """Keeps vectors in a folder under the hash of embedder and texts, so that a run can be repeated quickly."""

    folder: Path

    def passages(self, embedder: Embedder, texts: Sequence[str]) -> Floats:
        """Vectors of passages, shape (n, dimension)."""
        return self._kept(embedder, "passages", texts)

    def questions(self, embedder: Embedder, texts: Sequence[str]) -> Floats:
        """Vectors of questions, shape (n, dimension)."""
        return self._kept(embedder, "questions", texts)

    def _kept(self, embedder: Embedder, kind: str, texts: Sequence[str]) -> Floats:
        digest = hashlib.sha256("\0".join([embedder.fingerprint, kind, *texts]).encode()).hexdigest()
        path = self.folder / f"{digest[:32]}.npz"
        if path.is_file():
            with np.load(path, allow_pickle=False) as kept:
                return np.asarray(kept["vectors"], np.float32)
        if not texts:
            vectors = np.empty((0, embedder.dimension), np.float32)
        elif kind == "passages":
            vectors = embedder.encode_passages(texts)
        else:
            vectors = np.stack([embedder.encode_question(text) for text in texts])
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, vectors=vectors)
        return vectors


class PreparedEmbedder:
    """An embedder that has the vectors of some texts already."""

    def __init__(self, embedder: Embedder, known: Mapping[str, Floats]) -> None:
        """`known` holds a vector of shape (dimension,) for each text; other texts go to `embedder`."""
        self._embedder, self._known = embedder, known
        self.name, self.dimension, self.fingerprint = embedder.name, embedder.dimension, embedder.fingerprint

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """Vectors of shape (n, dimension), float32, each of length 1."""
        missing = [text for text in texts if text not in self._known]
        made = dict(zip(missing, self._embedder.encode_passages(missing), strict=True)) if missing else {}
        return np.stack([self._known[text] if text in self._known else made[text] for text in texts])

    def encode_question(self, text: str) -> Floats:
        """A vector of shape (dimension,), float32, of length 1."""
        return self._known[text] if text in self._known else self._embedder.encode_question(text)

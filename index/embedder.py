"""Text to vectors: the protocol, the bundled ONNX embedder and the sentence-transformers route.

The default is all-MiniLM-L6-v2 as int8 ONNX, run without torch. Any other model, a hub name or a folder, goes
through sentence-transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from corpus import ModelError
from index.arrays import Floats
from index.modelfiles import sha256_of
from index.onnx_model import OnnxModel, processors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BUNDLED_EMBEDDER = Path(__file__).parent / "models" / "all-minilm-l6-v2-int8"


class Embedder(Protocol):
    """Turns text into unit vectors, so that the inner product of two is their cosine similarity."""

    name: str
    dimension: int
    fingerprint: str

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """Vectors of shape (n, dimension), float32, each of length 1."""
        ...

    def encode_question(self, text: str) -> Floats:
        """A vector of shape (dimension,), float32, of length 1."""
        ...


class OnnxEmbedder:
    """An embedder from a model folder; its graph pools and normalises. Longer texts are cut at `max_tokens`."""

    def __init__(self, folder: Path = BUNDLED_EMBEDDER, *, threads: int | None = None) -> None:
        """Load the model of `folder`. Raises `ModelError` when it is missing or altered."""
        self._model = OnnxModel(folder, "embedder", threads=threads)
        self._model.tokenizer.enable_truncation(self._model.card.max_tokens)
        self._folder, self._threads = folder, threads or processors()
        self._lanes: OnnxModel | None = None
        self.name = self._model.card.name
        self.dimension = self._model.card.dimension
        self.fingerprint = self._model.sha256

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """Vectors of shape (n, dimension), float32, each of length 1.

        As many at once as there are threads, each on one: two threads that share each text do half as many.
        """
        encodings = self._model.tokenizer.encode_batch(list(texts))
        vectors = np.empty((len(texts), self.dimension), np.float32)
        if len(texts) <= 1 or self._threads == 1:
            for row, encoding in enumerate(encodings):
                vectors[row] = self._model.run(encoding)[0]
            return vectors
        if self._lanes is None:
            self._lanes = OnnxModel(self._folder, "embedder", threads=1)
        with ThreadPoolExecutor(self._threads) as pool:
            for row, outputs in enumerate(pool.map(self._lanes.run, encodings)):
                vectors[row] = outputs[0]
        return vectors

    def encode_question(self, text: str) -> Floats:
        """A vector of shape (dimension,), float32, of length 1."""
        vector: Floats = self.encode_passages([text])[0]
        return vector


class SentenceTransformerEmbedder:
    """Any sentence-transformers model, by hub name or folder; uses a GPU when there is one."""

    def __init__(self, model: str) -> None:
        """Load the model. Raises `ModelError` when it cannot be had or torch is not installed."""
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ModelError(
                f"embedder {model}: needs sentence-transformers and torch ({error}); pip install sentence-transformers"
            ) from error
        try:
            self._model: SentenceTransformer = SentenceTransformer(model)
        except Exception as error:  # a hub name that cannot be reached, a folder without a model, a damaged file
            problem = str(error).splitlines()[0]
            raise ModelError(
                f"embedder {model}: cannot be loaded ({problem}); give a model's folder or hub name"
            ) from error
        self.name = model
        dimension = self._model.get_embedding_dimension()
        if dimension is None:
            raise ModelError(f"embedder {model}: does not say how long its vectors are; choose another model")
        self.dimension = dimension
        self.fingerprint = _fingerprint(model)

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """Vectors of shape (n, dimension), float32, each of length 1."""
        vectors = self._model.encode_document(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32).reshape(len(texts), self.dimension)

    def encode_question(self, text: str) -> Floats:
        """A vector of shape (dimension,), float32, of length 1."""
        return np.asarray(
            self._model.encode_query(text, normalize_embeddings=True, show_progress_bar=False), np.float32
        )


def load_embedder(model: str | None = None, *, threads: int | None = None) -> Embedder:
    """The bundled embedder, an exported model folder, or any model of sentence-transformers (hub name or folder).

    `threads` is for the first two.
    """
    if model is None:
        return OnnxEmbedder(threads=threads)
    if (Path(model) / "model.onnx").is_file() and (Path(model) / "model.json").is_file():
        return OnnxEmbedder(Path(model), threads=threads)
    return SentenceTransformerEmbedder(model)


def _fingerprint(model: str) -> str:
    weights = sorted(Path(model).rglob("*.safetensors"))
    return sha256_of(weights[0]) if weights else f"hub:{model}"

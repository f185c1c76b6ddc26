"""Embedded articles in Parquet files: one row an article, the embedder and the splitter in the file's metadata."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corpus import Article, LibraryError, Passage
from corpus.passages import PASSAGE_OVERLAP, PASSAGE_SIZE
from index.arrays import Floats
from index.embedder import Embedder
from index.records import Record

if TYPE_CHECKING:
    import pyarrow as pa

Batch = list[tuple[Article, list[Passage], Floats]]
_FORMAT = "articleqa shard 1"


def parquet() -> Any:  # noqa: ANN401 - a module without types
    """The module pyarrow.parquet. Raises `LibraryError` when it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise LibraryError(f"shards need pyarrow ({error}); pip install 'articleqa[distributed]'") from error
    return pyarrow.parquet


def facts_of(embedder: Embedder) -> dict[str, str]:
    """What a shard says of how it was made; equal facts give equal vectors."""
    return {
        "format": _FORMAT,
        "embedder": embedder.name,
        "embedder_sha256": embedder.fingerprint,
        "dimension": str(embedder.dimension),
        "splitter": f"sentences {PASSAGE_SIZE}/{PASSAGE_OVERLAP}",
    }


def write_shard(path: Path, embedder: Embedder, rows: Sequence[tuple[Record, Floats]]) -> None:
    """Write a shard, all of it or nothing. Raises `LibraryError`."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {"record": [], "vectors": [], "sha256": []}
    for record, vectors in rows:
        data = np.ascontiguousarray(vectors, np.float32).tobytes()
        columns["record"].append(record.text)
        columns["vectors"].append(data)
        columns["sha256"].append(_sha256(record.text, data))
    kinds = {"record": pa.large_string(), "vectors": pa.large_binary(), "sha256": pa.string()}
    schema = pa.schema(list(kinds.items()), metadata=facts_of(embedder))
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        parquet().write_table(pa.table(columns, schema=schema), scratch, compression="zstd")
        with scratch.open("rb") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise LibraryError(f"{path}: cannot be written ({error}); check the folder and the free space") from error


def read_shards(folder: Path, embedder: Embedder) -> Iterator[Batch]:
    """The articles of a folder of shards with their passages and vectors, shape (n, dimension), a shard at a time.

    Raises `LibraryError` when there is no shard, or one is damaged or was made by another embedder or splitter.
    """
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise LibraryError(f"{folder}: holds no shards; make them with `articleqa embed SOURCE {folder}`")
    for path in paths:
        yield _read_shard(path, embedder)


def _read_shard(path: Path, embedder: Embedder) -> Batch:
    files, remedy = parquet(), "delete it, and run the same `articleqa embed` again"
    try:
        table: pa.Table = files.read_table(path)
        told = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        rows = table.to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these
        raise LibraryError(f"{path}: this shard is damaged ({str(error).splitlines()[0]}); {remedy}") from error
    own = facts_of(embedder)
    if told.get("format") != _FORMAT:
        raise LibraryError(f"{path}: not a shard of `articleqa embed`; take it out of the folder")
    for key in ("embedder_sha256", "dimension", "splitter"):
        if told.get(key) != own[key]:
            name = f"the embedder {told['embedder']}" if key != "splitter" else f"the splitter {told[key]}"
            raise LibraryError(f"{path}: made with {name}, not as this library; embed again, or name that --embedder")
    batch: Batch = []
    for row in rows:
        if _sha256(row["record"], row["vectors"]) != row["sha256"]:
            raise LibraryError(f"{path}: this shard is damaged; {remedy}")
        article, passages = Record(row["record"]).read()
        vectors = np.frombuffer(row["vectors"], np.float32).reshape(len(passages), embedder.dimension)
        batch.append((article, passages, vectors))
    return batch


def _sha256(record: str, vectors: bytes) -> str:
    return hashlib.sha256(record.encode() + vectors).hexdigest()

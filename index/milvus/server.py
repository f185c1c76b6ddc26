"""The collections of a library on Milvus: the one module that touches pymilvus."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from corpus import LibraryError
from index.arrays import Floats, Rows
from index.milvus.address import Address
from index.records import Record, key_of

if TYPE_CHECKING:
    from pymilvus import MilvusClient

GOING_ON = "?"
"""What the token of a change ends in that is not over."""
MOST = 16_384
"""The most entities that Milvus gives at once."""
_CONNECT_SECONDS = 10
_READ_SECONDS = 15  # pymilvus tries again, waiting longer each time, until then
_WRITE_SECONDS = 120
_ROWS = 2_000
_TEXTS = 200
_IDS = 5_000
_FRESH_SECONDS = 15.0
_FACT = -1
_BUILD: dict[str, dict[str, int]] = {
    "HNSW": {"M": 16, "efConstruction": 200},
    "IVF_SQ8": {"nlist": 4096},
}
_SEARCH = {"HNSW": "ef", "IVF_SQ8": "nprobe", "DISKANN": "search_list"}
_CHANGED = "changed"


@dataclass(slots=True)
class Changes:
    """What one transaction changes: articles that come with their vectors, ids that go, and numbers that are no more.

    `stale` gives for each number how many passages and parts it had.
    """

    puts: dict[str, tuple[Record, int, Floats]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    stale: dict[int, tuple[int, int]] = field(default_factory=dict)


class Server:
    """Reads and writes of one library's entities. Every failure is a `LibraryError` in one line, after bounded retries.

    An article is one entity that names its number; parts and passages of that number are written before it and deleted
    after it, so that a kill at any moment leaves the article as it was or as it was to be.
    """

    def __init__(self, address: Address, dimension: int) -> None:
        """Connect, and make the collections that are missing. Raises `LibraryError`."""
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # else it writes to stderr that a server is away
        try:
            import pymilvus
        except ImportError as error:
            raise LibraryError(f"{address}: needs pymilvus ({error}); pip install 'articleqa[distributed]'") from error
        # it logs a traceback for every error that it raises as well
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        self.address = address
        self._dimension = dimension
        self._passages, self._articles, self._texts = (
            f"{address.name}_{part}" for part in ("passages", "articles", "texts")
        )
        self._fresh_until = time.monotonic() + _FRESH_SECONDS
        with self._errors():
            token = os.environ.get("ARTICLEQA_MILVUS_TOKEN", "")
            self._client: MilvusClient = pymilvus.MilvusClient(address.uri, token=token, timeout=_CONNECT_SECONDS)
            self._create()
        self._index = self.facts().get("index", address.index)

    def close(self) -> None:
        """End the connection."""
        with suppress(Exception):
            self._client.close()

    def facts(self) -> dict[str, str]:
        """What is recorded about the library."""
        found = self._query(self._articles, f"number == {_FACT}", ["key", "value"], strong=True)
        return {row["key"]: row["value"] for row in found}

    def changed(self, *, strong: bool) -> str:
        """A token that every change makes another, `GOING_ON` at its end meanwhile. Unless `strong`, seconds old."""
        found = self._query(self._articles, f'key == "{_CHANGED}"', ["value"], strong=strong)
        return str(found[0]["value"]) if found else ""

    def record_facts(self, facts: Mapping[str, str]) -> None:
        """Record facts about the library, in place of those of the same name."""
        self._upsert(self._articles, [_article(key, _FACT, value=value) for key, value in facts.items()])

    def write(self, changes: Changes) -> str:
        """Make changes, each article's all at once; the token afterwards. Done again, it comes to the same."""
        token = secrets.token_hex(8)
        self.record_facts({_CHANGED: token + GOING_ON})
        texts = [
            {"id": record.number + place, "value": part, "none": [0.0, 0.0]}
            for record, _, _ in changes.puts.values()
            for place, part in enumerate(record.parts)
        ]
        for first in range(0, len(texts), _TEXTS):
            self._upsert(self._texts, texts[first : first + _TEXTS])
        rows = [
            {"id": record.number + place, "article": record.number, "vector": vector}
            for record, _, vectors in changes.puts.values()
            for place, vector in enumerate(vectors)
        ]
        for first in range(0, len(rows), _ROWS):
            self._upsert(self._passages, rows[first : first + _ROWS])
        heads = [
            _article(key_of(article_id), record.number, passages=passages, parts=len(record.parts))
            for article_id, (record, passages, _) in changes.puts.items()
        ]
        for first in range(0, len(heads), _ROWS):
            self._upsert(self._articles, heads[first : first + _ROWS])
        self._delete(self._articles, [key_of(article_id) for article_id in sorted(changes.gone)])
        self._delete(
            self._passages, [n + place for n, (passages, _) in changes.stale.items() for place in range(passages)]
        )
        self._delete(self._texts, [n + place for n, (_, parts) in changes.stale.items() for place in range(parts)])
        self.record_facts({_CHANGED: token})
        self._fresh_until = time.monotonic() + _FRESH_SECONDS
        return token

    def articles(self) -> tuple[Rows, Rows]:
        """The numbers of all articles, and how many parts each has."""
        self._fresh_until = time.monotonic() + _FRESH_SECONDS
        found = self._every(self._articles, f"number != {_FACT}", ["key", "number", "parts"])
        pairs: Rows = np.fromiter(((row["number"], row["parts"]) for row in found), np.dtype((np.int64, 2)))
        return pairs[:, 0], pairs[:, 1]

    def ids(self) -> Rows:
        """The numbers of all passages, ascending; those too that belong to no article any more."""
        found = self._every(self._passages, "id >= 0", ["id"])
        return np.sort(np.fromiter((row["id"] for row in found), np.int64))

    def records(self, parts: Mapping[int, int]) -> Iterator[Record]:
        """The records of these numbers, each of so many parts; without those that another machine has replaced since.

        Raises `LibraryError` for one that is not what was stored.
        """
        waiting: list[int] = []
        for number, count in parts.items():
            if waiting and sum(parts[one] for one in waiting) + count > _TEXTS:
                yield from self._records({one: parts[one] for one in waiting})
                waiting = []
            waiting.append(number)
        if waiting:
            yield from self._records({one: parts[one] for one in waiting})

    def _records(self, parts: Mapping[int, int]) -> Iterator[Record]:
        rows = [number + place for number, count in parts.items() for place in range(count)]
        found = {row: str(one["value"]) for row, one in self._by_id(self._texts, rows, "value").items()}
        for number, count in parts.items():
            pieces = [found[number + place] for place in range(count) if number + place in found]
            if len(pieces) == count:
                record = Record("".join(pieces))
                if record.number != number:
                    remedy = "remove it and add it again from a library that still has it"
                    raise LibraryError(f"{self.address}: the article of number {number} is damaged; {remedy}")
                yield record

    def vectors(self, ids: Iterable[int]) -> dict[int, Floats]:
        """The vectors of these passages, each of shape (dimension,); without those that are not there."""
        found = self._by_id(self._passages, list(ids), "vector")
        return {number: np.asarray(one["vector"], np.float32) for number, one in found.items()}

    def nearest(self, vector: Floats, k: int, *, only: Sequence[int] | None = None) -> dict[int, float]:
        """The cosines of the `k` nearest passages to a vector, by number, at most `MOST`; `only` limits it to these."""
        limit = min(k, MOST)
        if limit < 1:
            return {}
        depth = {_SEARCH[self._index]: max(2 * limit, 128)} if self._index in _SEARCH else {}
        with self._errors():
            hits = self._client.search(
                self._passages,
                data=[vector.tolist()],
                limit=limit,
                filter="" if only is None else f"id in {list(only)}",
                search_params={"metric_type": "IP", "params": depth},
                consistency_level=self._consistency(strong=False),
                timeout=_READ_SECONDS,
            )[0]
        return {int(hit["id"]): float(hit["distance"]) for hit in hits}

    def _create(self) -> None:
        from pymilvus import DataType

        def make(name: str, key: tuple[str, DataType], *fields: tuple[str, DataType], dim: int = 0) -> None:
            if not self._client.has_collection(name, timeout=_READ_SECONDS):
                schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
                for place, (field_name, kind) in enumerate((key, *fields)):
                    size = {"max_length": 65_535 if place else 64} if kind == DataType.VARCHAR else {}
                    schema.add_field(field_name, kind, is_primary=not place, **size)
                # no collection can be without vectors
                schema.add_field("vector" if dim else "none", DataType.FLOAT_VECTOR, dim=dim or 2)
                index, build = (self.address.index, _BUILD.get(self.address.index, {})) if dim else ("FLAT", {})
                params = self._client.prepare_index_params()
                params.add_index("vector" if dim else "none", index_type=index, metric_type="IP", params=build)
                self._client.create_collection(name, schema=schema, index_params=params, timeout=_WRITE_SECONDS)
            self._client.load_collection(name, timeout=_WRITE_SECONDS)

        integer, text = DataType.INT64, DataType.VARCHAR
        new = not self._client.has_collection(self._articles, timeout=_READ_SECONDS)
        make(self._passages, ("id", integer), ("article", integer), dim=self._dimension)
        make(self._texts, ("id", integer), ("value", text))
        counts = [(name, integer) for name in ("number", "passages", "parts")]
        make(self._articles, ("key", text), *counts, ("value", text))
        if new:
            self.record_facts({"index": self.address.index})

    def _by_id(self, collection: str, ids: Sequence[int], wanted: str) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for first in range(0, len(ids), _ROWS):
            some = list(ids[first : first + _ROWS])
            found |= {int(one["id"]): one for one in self._query(collection, f"id in {some}", ["id", wanted])}
        return found

    def _query(
        self, collection: str, condition: str, wanted: list[str], *, strong: bool = False
    ) -> list[dict[str, Any]]:
        level = self._consistency(strong=strong)
        with self._errors():
            return list(
                self._client.query(
                    collection, condition, output_fields=wanted, consistency_level=level, timeout=_READ_SECONDS
                )
            )

    def _every(self, collection: str, condition: str, wanted: list[str]) -> Iterator[dict[str, Any]]:
        with self._errors():
            pages = self._client.query_iterator(
                collection,
                batch_size=MOST // 2,
                filter=condition,
                output_fields=wanted,
                consistency_level="Strong",
                timeout=_READ_SECONDS,
            )
            try:
                while page := pages.next():
                    yield from page
            finally:
                pages.close()

    def _upsert(self, collection: str, rows: list[dict[str, Any]]) -> None:
        if rows:
            with self._errors():
                self._client.upsert(collection, rows, timeout=_WRITE_SECONDS)

    def _delete(self, collection: str, keys: Sequence[int | str]) -> None:
        for first in range(0, len(keys), _IDS):
            with self._errors():
                self._client.delete(collection, ids=list(keys[first : first + _IDS]), timeout=_WRITE_SECONDS)

    def _consistency(self, *, strong: bool) -> str:
        """Waiting for the latest state costs a fifth of a second, and is only needed after a change."""
        return "Strong" if strong or time.monotonic() < self._fresh_until else "Bounded"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import grpc
        from pymilvus.exceptions import MilvusException

        try:
            yield
        except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError, OSError, ValueError) as error:
            raise LibraryError(f"{self.address}: {_problem(error)}") from error


def _article(key: str, number: int, *, passages: int = 0, parts: int = 0, value: str = "") -> dict[str, Any]:
    counts = {"number": number, "passages": passages, "parts": parts}
    return {"key": key, **counts, "value": value, "none": [0.0, 0.0]}


def _problem(error: Exception) -> str:
    """What went wrong in one line, with the remedy."""
    told = str(getattr(error, "message", "") or error).strip()
    line = told.splitlines()[0][:200] if told else type(error).__name__
    signs = ("UNAVAILABLE", "connect", "Retry", "closed channel", "DEADLINE", "timeout", "Channel", "recover")
    if any(sign.lower() in told.lower() for sign in signs):
        return "Milvus does not answer; check that the server runs and can be reached, then try again"
    if "auth" in told.lower():
        return f"Milvus refuses ({line}); set ARTICLEQA_MILVUS_TOKEN to user:password or a token"
    return f"Milvus failed ({line}); see the server's log"

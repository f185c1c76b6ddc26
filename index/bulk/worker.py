"""One worker: reads units, splits their articles, embeds the passages, writes a shard for each unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus import split
from corpus.cell import Cell
from index.bulk.shards import write_shard
from index.bulk.units import Unit
from index.embedder import load_embedder
from index.records import Record
from index.searcher import indexed_text


class EmbedUnits:
    """Loads the embedder once, then embeds batches of units; used by Ray Data and by local processes alike."""

    def __init__(self, model: str | None, out: str, *, threads: int = 1) -> None:
        """Workers share the processors, so each takes `threads` of them."""
        self._embedder = load_embedder(model, threads=threads)
        self._out = Path(out)
        self._cell = Cell()

    def __call__(self, batch: Mapping[str, Sequence[str]]) -> dict[str, list[Any]]:
        """For columns `unit` (as JSON) and `shard` (its file's name): columns `articles`, `passages`, `failures`."""
        done: dict[str, list[Any]] = {"articles": [], "passages": [], "failures": []}
        for unit, shard in zip(batch["unit"], batch["shard"], strict=True):
            articles, failures = Unit.loads(str(unit)).read(self._cell)
            cut = [(article, split(article)) for article in articles]
            texts = [indexed_text(article, passage) for article, passages in cut for passage in passages]
            vectors = self._embedder.encode_passages(texts)
            rows = []
            for article, passages in cut:
                own, vectors = vectors[: len(passages)], vectors[len(passages) :]
                rows.append((Record.of(article, passages), own))
            # the next run tries again what failed, since it knows no shard of such a name
            write_shard(self._out / (f"partial-{shard}" if failures else str(shard)), self._embedder, rows)
            done["articles"].append(len(cut))
            done["passages"].append(len(texts))
            done["failures"].append("\n".join(failures))
        return done

    def close(self) -> None:
        """End the process that reads files."""
        self._cell.close()

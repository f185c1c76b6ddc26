"""The vectors of a library in layers: a big one, and small ones with what came since.

Adding an article writes a small layer; no layer is ever rewritten, and what is removed is left out by a mask. Small
layers are joined when the next is as large, so that there are few of them. While exact search is cheap all layers are
`Flat`; then they become one `Inverted` file, which is extended when the small ones have grown, and learned anew when
it has doubled.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus import LibraryError
from index.arrays import Floats, Rows
from index.database import Database
from index.dense import Flat
from index.inverted import HEAD, POOL, DamagedIndexError, Inverted, build, extend
from index.snapshots import DENSE, Snapshot, link

EXACT = 50_000  # vectors that are compared one by one: some 10 ms
_FEW = 2_000  # rows that a search is limited to: these are compared one by one
_WORN = 0.5  # a layer of which less is left is written again
_REMOVED = "removed.npy"
_ORDER = "order.txt"


@dataclass(frozen=True, slots=True)
class Layer:
    """Vectors, which of them are still in the library, shape (n,), and the name of their files."""

    name: str
    vectors: Flat | Inverted
    kept: npt.NDArray[np.bool_]

    def rows(self) -> Rows:
        """The numbers of those that are still in the library, ascending."""
        return self.vectors.rows[self.kept]

    def without(self, gone: Rows) -> Layer:
        """The same with some numbers masked."""
        return Layer(self.name, self.vectors, self.kept & ~np.isin(self.vectors.rows, gone)) if len(gone) else self


class Layers:
    """The vectors of one generation; see `store.Vectors`. Layers are in the order of their numbers, which rise."""

    def __init__(self, layers: Sequence[Layer], database: Database, dimension: int) -> None:
        """Exact cosines of what an inverted file finds come from the database."""
        self.layers = layers
        self._database, self._dimension = database, dimension

    def __len__(self) -> int:
        """How many vectors there are."""
        return sum(int(layer.kept.sum()) for layer in self.layers)

    def rows(self) -> Rows:
        """The numbers of all vectors, ascending, shape (n,)."""
        return np.concatenate([np.empty(0, np.int64), *(layer.rows() for layer in self.layers)])

    def search(self, vector: Floats, k: int, *, only: Rows | None = None) -> tuple[Rows, Floats]:
        """The numbers of the `k` nearest, shape (n,), and their cosines; see `store.Vectors`.

        Raises `DamagedIndexError` when a file is not what was written.
        """
        if vector.shape != (self._dimension,) or not np.isfinite(vector).all():
            raise ValueError(f"a vector of shape {vector.shape}: need {(self._dimension,)}, all finite")
        if only is not None and len(only) <= _FEW:
            rows = only[np.concatenate([np.empty(0, np.int64), *(here for _, here, _ in self._places(only))])]
            return _best(rows, self.cosines(vector, rows), k)
        found = [np.empty(0, np.int64)]
        for layer in self.layers if k > 0 else ():
            kept = layer.kept if only is None else layer.kept & np.isin(layer.vectors.rows, only)
            if count := int(kept.sum()):
                wanted = max(k, POOL) if isinstance(layer.vectors, Inverted) else k
                positions, _ = layer.vectors.search(vector, min(wanted, count), None if kept.all() else kept)
                found.append(layer.vectors.rows[positions])
        rows = np.concatenate(found)
        return _best(rows, self.cosines(vector, rows), k)

    def cosines(self, vector: Floats, rows: Rows) -> Floats:
        """The cosine of one vector, shape (dimension,), with each of the numbered ones, shape (n,).

        It is 0 for those that the library does not hold any more.
        """
        found = np.zeros((len(rows), self._dimension), np.float32)
        for layer, here, positions in self._places(rows):
            if isinstance(layer.vectors, Flat):
                found[here] = layer.vectors.vectors(positions)
            else:
                found[here] = self._database.vectors(rows[here].tolist(), self._dimension)
        return found @ vector

    def _places(self, rows: Rows) -> Iterator[tuple[Layer, Rows, Rows]]:
        """Layers that hold some of the numbers: which of them, as places in `rows`, and at which positions."""
        for layer in self.layers:
            held = layer.vectors.rows
            positions = np.minimum(np.searchsorted(held, rows), len(held) - 1)
            here = np.flatnonzero((held[positions] == rows) & layer.kept[positions])
            if len(here):
                yield layer, here, positions[here]

    def verify(self) -> None:
        """Check every list of every file. Raises `LibraryError`."""
        for layer in self.layers:
            if isinstance(layer.vectors, Inverted):
                try:
                    layer.vectors.verify()
                except DamagedIndexError as error:
                    remedy = "delete the library's snapshots/ and it is made again"
                    raise LibraryError(f"{error}; {remedy}") from error


class LocalVectors:
    """The vectors of a database as layers in a snapshot's files; see `store.Indexed`."""

    def __init__(self, database: Database, dimension: int) -> None:
        self._database, self._dimension = database, dimension
        self._opened: dict[str, Flat | Inverted] = {}

    def open(self, snapshot: Snapshot) -> Layers:
        """The layers of a verified snapshot; those that are open already are not read again."""
        try:
            layers = self._layers(snapshot.folder / DENSE)
        except DamagedIndexError as error:
            raise ValueError(str(error)) from error
        self._opened = {layer.name: layer.vectors for layer in layers}
        return Layers(layers, self._database, self._dimension)

    def publish(self, database: Database, base: Snapshot | None, folder: Path | None) -> Layers:
        """The base's layers without what is gone and with what is new, written into `folder`."""
        new, gone = database.changes(since=base.last if base else 0)
        before = self._layers(base.folder / DENSE) if base else []
        layers = [layer for layer in (layer.without(gone) for layer in before) if layer.kept.any()]
        if folder is None:
            layers += [self._flat(new, None)] if len(new) else []
        else:
            (folder / DENSE).mkdir()
            layers = self._joined(layers, new, folder / DENSE)
            self._write(layers, base, folder / DENSE)
        return Layers(layers, database, self._dimension)

    def discard(self, database: Database) -> None:
        """Forget the snapshot. Needs a transaction."""
        database.set_meta({"snapshot": "", "snapshot_sha256": ""})

    def _layers(self, folder: Path) -> list[Layer]:
        removed: Rows = np.load(folder / _REMOVED, allow_pickle=False)
        names = (folder / _ORDER).read_text().split()
        files = {name: self._opened.get(name) or _opened(folder / name) for name in names}
        return [Layer(name, vectors, ~np.isin(vectors.rows, removed)) for name, vectors in files.items()]

    def _write(self, layers: Sequence[Layer], base: Snapshot | None, folder: Path) -> None:
        """Write which layers there are, and give the folder the files of those that the base has."""
        for file in (base.folder / DENSE).iterdir() if base else ():
            if file.stem in {layer.name for layer in layers}:
                link(file, folder)
        removed = [layer.vectors.rows[~layer.kept] for layer in layers]
        np.save(folder / _REMOVED, np.concatenate([np.empty(0, np.int64), *removed]))
        (folder / _ORDER).write_text("\n".join(layer.name for layer in layers))
        self._opened = {layer.name: layer.vectors for layer in layers}

    def _joined(self, layers: list[Layer], new: Rows, folder: Path) -> list[Layer]:
        """The layers with one more of the `new`, or with some of them and the new joined to one."""
        big = next((layer for layer in layers if isinstance(layer.vectors, Inverted)), None)
        small = [layer for layer in layers if layer is not big]
        if sum(len(one.rows()) for one in small) + len(new) > EXACT or (big and big.kept.mean() < _WORN):
            return [self._one(big, np.concatenate([*(one.rows() for one in small), new]), folder)]
        while small and (len(small[-1].rows()) < 2 * len(new) or small[-1].kept.mean() < _WORN):
            new = np.concatenate([small.pop().rows(), new])
        joined = [*([big] if big else []), *small]
        return [*joined, self._flat(new, folder)] if len(new) else joined

    def _one(self, big: Layer | None, rows: Rows, folder: Path) -> Layer:
        """One layer of all that is in the library: what is left of the big one, and the other `rows`."""
        everything = np.concatenate([big.rows(), rows]) if big else rows
        if len(everything) <= EXACT:
            return self._flat(everything, folder)
        name = secrets.token_hex(4)
        if big and isinstance(big.vectors, Inverted) and len(everything) < 2 * big.vectors.learned.count:
            made = extend(folder / name, big.vectors, big.kept, rows, self._fetch)
        else:
            made = build(folder / name, everything, self._fetch)
        return Layer(name, made, np.ones(len(everything), bool))

    def _flat(self, rows: Rows, folder: Path | None) -> Layer:
        made, name = Flat(rows, self._fetch(rows)), secrets.token_hex(4)
        if folder:
            made.write(folder / name)
        return Layer(name, made, np.ones(len(rows), bool))

    def _fetch(self, rows: Rows) -> Floats:
        return self._database.vectors(rows.tolist(), self._dimension)


def _opened(stem: Path) -> Flat | Inverted:
    return Inverted.opened(stem) if stem.with_suffix(HEAD).exists() else Flat.opened(stem)


def _best(rows: Rows, cosines: Floats, k: int) -> tuple[Rows, Floats]:
    """The `k` greatest, the greatest first, ties by number."""
    order = np.lexsort((rows, -cosines))[: max(k, 0)]
    return rows[order], cosines[order]

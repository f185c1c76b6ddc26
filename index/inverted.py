"""Approximate nearest neighbours in a file: an inverted file with scalar quantisation, learned from its own vectors.

Vectors fall into lists by their nearest centroid and are kept as a byte for each dimension; a search reads the lists of
the centroids nearest to the question. How many these must be is measured when the file is made. `NAME.lists` is mapped
into memory and each list in it is checked against its hash when it is first read; the rest, in `NAME.head`, is read
when the file is opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.arrays import Floats, Rows
from index.dense import alone

faiss: Any = import_module("faiss")  # its type hints lack what its wrappers add

Codes = npt.NDArray[np.uint8]
Fetch = Callable[[Rows], Floats]

HEAD, LISTS = ".head", ".lists"
TARGET = 0.98  # of recall@10
_TRAINED_ON = 40  # vectors for each list
_ROUNDS = 8
_BATCH = 4_000
_SAMPLE = 250  # of the library's vectors, to measure the recall with
_AWAY = 2.0  # the length of the noise added to these, so that they lie as far from all others as questions do
_NEAREST = 10
POOL = 50  # of what it finds, the nearest are among these, whose exact order others find out
_PROBES = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
_SEED = 20_240_101


class DamagedIndexError(Exception):
    """A part of an index is not what was written; the index has to be made again from the database."""


@dataclass(frozen=True, slots=True)
class Quantiser:
    """What was learned for `count` vectors: centroids, shape (lists, d), and the range of each dimension, (2, d)."""

    centroids: Floats
    bounds: Floats
    count: int

    @classmethod
    def learned(cls, sample: Floats, lists: int, count: int) -> Quantiser:
        """Spherical k-means, and the least and greatest value of each dimension."""
        means = faiss.Kmeans(
            sample.shape[1],
            lists,
            niter=_ROUNDS,
            spherical=True,
            seed=_SEED,
            min_points_per_centroid=1,
            max_points_per_centroid=_TRAINED_ON,
        )
        means.train(sample)
        scalar = _scalar(sample.shape[1])
        scalar.train(sample)
        bounds = faiss.vector_to_array(scalar.trained).reshape(2, -1)
        return cls(np.array(means.centroids, np.float32), bounds, count)

    def encoded(self, vectors: Floats) -> tuple[Rows, Codes]:
        """The list of each vector, shape (n,), and its bytes, shape (n, d)."""
        _, lists = self.coarse().search(vectors, 1)
        scalar = _scalar(vectors.shape[1])
        faiss.copy_array_to_vector(self.bounds.ravel(), scalar.trained)
        return lists[:, 0], scalar.compute_codes(vectors)

    def coarse(self) -> Any:  # noqa: ANN401
        """The centroids as a FAISS index."""
        index = faiss.IndexFlatIP(self.centroids.shape[1])
        index.add(self.centroids)
        return index


class Inverted:
    """Numbered vectors in an inverted file. Any thread may search it."""

    def __init__(
        self, file: Path, learned: Quantiser, rows: Rows, sizes: Rows, digests: npt.NDArray[np.uint8], probes: int
    ) -> None:
        """Map the lists in `file`. `rows`, ascending, are the vectors' numbers; a vector's place in it is its position.

        `sizes` and `digests` (sha256), shapes (lists,) and (lists, 32), are those of the lists, `probes` of which are
        read. Raises `DamagedIndexError` when the file is too short.
        """
        lists, dimension = learned.centroids.shape
        self.learned, self.rows, self.sizes, self.probes = learned, rows, sizes, probes
        self._digests = digests
        self._checked = np.zeros(lists, bool)
        self._coarse = learned.coarse()
        size = len(rows) * (dimension + rows.itemsize)
        if file.stat().st_size != size or sizes.sum() != len(rows):
            raise DamagedIndexError(f"{file}: not {size} bytes long")
        self._lists = faiss.OnDiskInvertedLists()
        self._lists.nlist, self._lists.code_size = lists, dimension
        self._lists.filename, self._lists.totsize, self._lists.read_only = str(file), size, True
        self._lists.prefetch_nthread = 0
        self._lists.lists.resize(lists)
        lengths = sizes.astype(np.uint64)  # alive until the pointer has been read
        self._lists.set_all_lists_sizes(faiss.swig_ptr(lengths))
        self._lists.do_mmap()
        self._index = faiss.IndexIVFScalarQuantizer(
            self._coarse,
            dimension,
            lists,
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
            False,  # noqa: FBT003 - vectors are coded as they are, not as their distance from the centroid
        )
        faiss.copy_array_to_vector(learned.bounds.ravel(), self._index.sq.trained)
        self._index.is_trained, self._index.ntotal = True, len(rows)
        self._index.replace_invlists(self._lists, False)  # noqa: FBT003 - they stay ours

    @classmethod
    def opened(cls, stem: Path) -> Inverted:
        """The file that was written as `stem`. Raises `OSError`, `ValueError` or `DamagedIndexError`."""
        with np.load(stem.with_suffix(HEAD), allow_pickle=False) as head:
            learned = Quantiser(head["centroids"], head["bounds"], int(head["count"]))
            about = head["rows"], head["sizes"], head["digests"], int(head["probes"])
        return cls(stem.with_suffix(LISTS), learned, *about)

    def search(
        self, vector: Floats, k: int, kept: npt.NDArray[np.bool_] | None = None, *, probes: int | None = None
    ) -> tuple[Rows, Floats]:
        """The positions of about the `k` nearest of those that `kept`, shape (n,), is true for, and near their cosines.

        When few are kept, more lists are read. Raises `DamagedIndexError`.
        """
        probes = probes or self.probes
        if kept is not None:
            probes = int(np.ceil(probes * len(kept) / max(1, kept.sum())))
        probes = min(probes, len(self.sizes))
        query = np.ascontiguousarray(vector[None], np.float32)
        with alone():
            _, lists = self._coarse.search(query, probes)
        self._check(lists[0])
        chosen = None if kept is None else faiss.IDSelectorBitmap(np.packbits(kept, bitorder="little"))
        params = faiss.SearchParametersIVF(nprobe=probes, sel=chosen)
        with alone():
            scores, positions = self._index.search(query, k, params=params)
        found = positions[0] >= 0
        return positions[0][found], scores[0][found]

    def members(self) -> Iterator[tuple[int, Rows, Codes]]:
        """Each list: its number, the positions in it and their bytes. Raises `DamagedIndexError`."""
        for number in range(len(self.sizes)):
            self._check([number])
            codes, positions = self._list(number)
            yield number, positions, codes

    def verify(self) -> None:
        """Check every list. Raises `DamagedIndexError`."""
        self._check(range(len(self.sizes)))

    def _check(self, lists: Iterable[int]) -> None:
        for number in lists:
            if number >= 0 and not self._checked[number]:
                codes, positions = self._list(number)
                if _digest(codes, positions) != self._digests[number].tobytes():
                    raise DamagedIndexError(f"{self._lists.filename}: list {number} is damaged")
                self._checked[number] = True

    def _list(self, number: int) -> tuple[Codes, Rows]:
        size = int(self.sizes[number])
        if not size:
            return np.empty((0, self._lists.code_size), np.uint8), np.empty(0, np.int64)
        codes = faiss.rev_swig_ptr(self._lists.get_codes(int(number)), size * self._lists.code_size)
        return codes.reshape(size, -1), faiss.rev_swig_ptr(self._lists.get_ids(int(number)), size)


def build(stem: Path, rows: Rows, fetch: Fetch) -> Inverted:
    """Make an inverted file of the vectors that `fetch` gives for numbers, which are read twice at most."""
    chance = np.random.default_rng(_SEED)
    lists = max(1, round(2 * len(rows) ** 0.5))
    places = np.sort(chance.choice(len(rows), min(len(rows), _TRAINED_ON * lists), replace=False))
    sample = np.concatenate([fetch(rows[part]) for part in _batches(places)])
    learned = Quantiser.learned(sample, lists, len(rows))
    asked = sample[chance.choice(len(sample), min(_SAMPLE, len(sample)), replace=False)]
    truth = _Nearest(asked + chance.standard_normal(asked.shape) * _AWAY / asked.shape[1] ** 0.5)
    del sample

    def parts() -> Iterator[tuple[Rows, Rows, Codes]]:
        for part in _batches(np.arange(len(rows))):
            vectors = fetch(rows[part])
            truth.see(part, vectors)
            yield part, *learned.encoded(vectors)

    sizes, digests = _write_lists(stem, learned, len(rows), parts())
    written = Inverted(stem.with_suffix(LISTS), learned, rows, sizes, digests, len(sizes))
    written.probes = next((some for some in _PROBES if truth.recall(written, some) >= TARGET), _PROBES[-1])
    _write_head(stem, written)
    return written


def extend(stem: Path, base: Inverted, kept: npt.NDArray[np.bool_], rows: Rows, fetch: Fetch) -> Inverted:
    """Make an inverted file of what is `kept` of another and of the vectors of more `rows`, all of them later ones."""
    place = np.cumsum(kept) - 1
    before = int(kept.sum())

    def parts() -> Iterator[tuple[Rows, Rows, Codes]]:
        for number, positions, codes in base.members():
            alive = kept[positions]
            yield place[positions[alive]], np.full(int(alive.sum()), number), codes[alive]
        for part in _batches(np.arange(len(rows))):
            yield part + before, *base.learned.encoded(fetch(rows[part]))

    joined = np.concatenate([base.rows[kept], rows])
    sizes, digests = _write_lists(stem, base.learned, len(joined), parts())
    written = Inverted(stem.with_suffix(LISTS), base.learned, joined, sizes, digests, base.probes)
    _write_head(stem, written)
    return written


class _Nearest:
    """The exact nearest neighbours of some vectors, found as all go by."""

    def __init__(self, vectors: npt.NDArray[np.float64]) -> None:
        self._vectors: Floats = vectors.astype(np.float32)
        self._scores = np.full((len(vectors), _NEAREST), -np.inf, np.float32)
        self._found = np.full((len(vectors), _NEAREST), -1, np.int64)

    def see(self, positions: Rows, vectors: Floats) -> None:
        scores = self._vectors @ vectors.T
        scores = np.concatenate([self._scores, scores], axis=1)
        places = np.concatenate([self._found, np.broadcast_to(positions, (len(scores), len(positions)))], axis=1)
        best = np.argpartition(-scores, _NEAREST - 1, axis=1)[:, :_NEAREST]
        self._scores, self._found = np.take_along_axis(scores, best, 1), np.take_along_axis(places, best, 1)

    def recall(self, index: Inverted, probes: int) -> float:
        """The mean share of the nearest that are among the first 50 of the index, which are ordered exactly later."""
        shares = []
        for vector, nearest in zip(self._vectors, self._found, strict=True):
            found, _ = index.search(vector, POOL, probes=probes)
            shares.append(np.isin(nearest[nearest >= 0], found).mean())
        return float(np.mean(shares))


def _write_lists(
    stem: Path, learned: Quantiser, count: int, parts: Iterable[tuple[Rows, Rows, Codes]]
) -> tuple[Rows, npt.NDArray[np.uint8]]:
    """Write the lists of `count` vectors, given as positions, lists and bytes; the sizes and hashes of the lists."""
    numbers, dimension = learned.centroids.shape
    scratch = stem.with_suffix(".codes")
    codes = np.memmap(scratch, np.uint8, "w+", shape=(count, dimension))
    lists = np.zeros(count, np.int64)
    for positions, of, bytes_ in parts:
        lists[positions], codes[positions] = of, bytes_
    order = np.argsort(lists, kind="stable")
    sizes = np.bincount(lists, minlength=numbers)
    digests = np.empty((numbers, hashlib.sha256().digest_size), np.uint8)
    with stem.with_suffix(LISTS).open("wb") as file:
        for number, members in enumerate(np.split(order, np.cumsum(sizes)[:-1])):
            own = codes[members]
            file.write(own.tobytes() + members.tobytes())
            digests[number] = np.frombuffer(_digest(own, members), np.uint8)
    del codes
    scratch.unlink()
    return sizes, digests


def _write_head(stem: Path, index: Inverted) -> None:
    with stem.with_suffix(HEAD).open("wb") as file:
        np.savez(
            file,
            centroids=index.learned.centroids,
            bounds=index.learned.bounds,
            count=np.int64(index.learned.count),
            rows=index.rows,
            sizes=index.sizes,
            digests=index._digests,
            probes=np.int64(index.probes),
        )


def _digest(codes: Codes, positions: Rows) -> bytes:
    digest = hashlib.sha256(np.ascontiguousarray(codes).data)
    digest.update(np.ascontiguousarray(positions).data)
    return digest.digest()


def _scalar(dimension: int) -> Any:  # noqa: ANN401
    return faiss.ScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_8bit)


def _batches(positions: Rows) -> list[Rows]:
    return [positions[first : first + _BATCH] for first in range(0, len(positions), _BATCH)]

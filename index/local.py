"""A library's store on this machine: one SQLite file and FAISS, in a folder or in memory."""

from __future__ import annotations

from pathlib import Path

from corpus import LibraryError
from index.database import Database
from index.integrity import check
from index.layers import LocalVectors
from index.milvus import MilvusStore
from index.milvus.address import PREFIX
from index.store import Store


class LocalStore:
    """The truth is `library.sqlite`; everything in `snapshots/` can be made from it."""

    def __init__(self, folder: Path | None, dimension: int) -> None:
        """Open or make the folder; None is an empty store in memory. Raises `LibraryError` when it is not usable."""
        self.folder = folder
        self.snapshots = folder / "snapshots" if folder else None
        self._dimension = dimension
        if folder:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LibraryError(
                    f"{folder}: the library cannot be made here ({error.strerror}); choose another folder"
                ) from error
        self.database = Database(folder / "library.sqlite" if folder else None)
        self.vectors = LocalVectors(self.database, dimension)

    def refresh(self, *, now: bool = False) -> None:
        """Nothing to do: the database is the truth itself."""

    def check(self) -> None:
        """Check the database whole and every article's text against its hash. Raises `LibraryError`."""
        check(self.database, self._dimension)

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def open_store(place: Path | str, dimension: int) -> Store:
    """The store in a folder, or at an address of Milvus. Raises `LibraryError` when it is not usable."""
    return LocalStore(Path(place), dimension) if is_folder(place) else MilvusStore(str(place), dimension)


def is_folder(place: Path | str) -> bool:
    """Whether a library's place is a folder, and no address of Milvus."""
    return not str(place).startswith(PREFIX)

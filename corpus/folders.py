"""Folders searched for files: only regular files inside the folder are ever found, and only inside it opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from corpus.errors import ArticleFileError

_FLAGS = {name: getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "O_CLOEXEC", "O_BINARY")}
_READING = os.O_RDONLY | _FLAGS["O_NONBLOCK"] | _FLAGS["O_CLOEXEC"] | _FLAGS["O_BINARY"]
"""A pipe must not make the reader wait."""


def files_in(folder: Path, wanted: Callable[[str], bool]) -> tuple[list[Path], list[str]]:
    """The files of a folder, searched in depth, whose names are `wanted`, in a stable order.

    Only regular files count; hidden files and folders and symbolic links are passed over. With them comes a line for
    every folder that cannot be listed.
    """
    found: list[Path] = []
    unreadable: list[str] = []

    def failed(error: OSError) -> None:
        unreadable.append(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions")

    for root, folders, names in os.walk(folder, onerror=failed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(root, name) for name in sorted(names) if not name.startswith(".") and wanted(name))
        found.extend(path for path in paths if not path.is_symlink() and path.is_file())
    return found, unreadable


def opened(path: Path, *, inside: Path | None = None) -> int:
    """A file descriptor to read the file by.

    With `inside`, the folder that the path was found in, no symbolic link on the way from it to the file is followed,
    whatever was put there since. Raises `OSError` when it cannot be opened, and `ArticleFileError` when a link stands
    in the way.
    """
    if inside is None or os.open not in os.supports_dir_fd:
        return os.open(path, _READING)
    *folders, name = path.relative_to(inside).parts
    at = os.open(inside, os.O_RDONLY | _FLAGS["O_DIRECTORY"] | _FLAGS["O_CLOEXEC"])
    try:
        for folder in folders:
            flags = os.O_RDONLY | _FLAGS["O_DIRECTORY"] | _FLAGS["O_NOFOLLOW"] | _FLAGS["O_CLOEXEC"]
            following = os.open(folder, flags, dir_fd=at)
            os.close(at)
            at = following
        return os.open(name, _READING | _FLAGS["O_NOFOLLOW"], dir_fd=at)
    except OSError as error:
        if path.is_symlink() or path.resolve() != path.absolute():
            raise ArticleFileError(f"{path}: a symbolic link has taken its place; name the file itself") from error
        raise
    finally:
        os.close(at)

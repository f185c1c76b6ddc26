"""Snapshots of the derived indexes on disk: written aside, synced, read back, hashed, and only then named.

A snapshot is a folder `snapshots/g<generation>-<token>` with the folders `dense/` and `lexical/` and `manifest.json`:
the sha256 of every file, but of `*.lists` only the length, since those are checked piece by piece as they are read.
The database records which snapshot is current and the sha256 of its manifest, so nothing in the folder is trusted by
itself, and a snapshot that is missing or damaged is just built again. What has not changed is a link to the last one's.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from index.modelfiles import sha256_of

_MANIFEST = "manifest.json"
# raised when what the index files hold changes: older snapshots are then made again
_FORMAT = 3
DENSE = "dense"
LEXICAL = "lexical"
_PIECEWISE = ".lists"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A verified snapshot: its folder, the generation it was made from, and the last passage's number then.

    `files` holds the sha256 of each file in it, by path, or what stands for it.
    """

    folder: Path
    generation: int
    last: int
    files: Mapping[str, str]


def scratch_folder(root: Path) -> Path:
    """A new folder beside the snapshots, in which the next one is prepared."""
    folder = root / f".new-{os.getpid()}-{secrets.token_hex(4)}"
    (folder / LEXICAL).mkdir(parents=True)
    return folder


def publish(scratch: Path, generation: int, last: int, base: Snapshot | None) -> tuple[Snapshot, dict[str, str]]:
    """Make a prepared folder a snapshot; with the facts that the database has to record for it to count.

    Files that are links to those of `base` are known to be safe.
    """
    # tantivy's lock files are no part of the index
    for lock in scratch.rglob("*.lock"):
        lock.unlink()
    paths = sorted(path for path in scratch.rglob("*") if path.is_file())
    files = {str(path.relative_to(scratch)): _known(path, scratch, base) or _sync(path) for path in paths}
    facts = {"format": _FORMAT, "generation": generation, "last": last, "files": files}
    manifest = json.dumps(facts, indent=1, sort_keys=True).encode()
    (scratch / _MANIFEST).write_bytes(manifest)
    _sync(scratch / _MANIFEST)
    for folder in {*(path.parent for path in paths), scratch}:
        _sync_folder(folder)
    final = scratch.parent / f"g{generation}-{secrets.token_hex(4)}"
    scratch.rename(final)
    _sync_folder(final.parent)
    digest = hashlib.sha256(manifest).hexdigest()
    return Snapshot(final, generation, last, files), {"snapshot": final.name, "snapshot_sha256": digest}


def current(root: Path, meta: dict[str, str]) -> Snapshot | None:
    """The snapshot that the database's facts name; None when there is none, or of another format.

    Raises `OSError` that names the file which is missing or damaged.
    """
    name = meta.get("snapshot")
    if not name:
        return None
    folder = root / name
    data = (folder / _MANIFEST).read_bytes()
    if hashlib.sha256(data).hexdigest() != meta.get("snapshot_sha256"):
        raise _damaged(folder / _MANIFEST)
    manifest = json.loads(data)
    if manifest.get("format") != _FORMAT:
        return None
    files = manifest["files"]
    for file, digest in files.items():
        if _digest(folder / file) != digest:
            raise _damaged(folder / file)
    return Snapshot(folder, int(manifest["generation"]), int(manifest["last"]), files)


def _damaged(file: Path) -> OSError:
    return OSError(errno.EIO, os.strerror(errno.EIO), str(file))


def link(file: Path, folder: Path) -> None:
    """Give `folder` a file that is never changed: as a link where the file system can."""
    try:
        os.link(file, folder / file.name)
    except OSError:
        shutil.copyfile(file, folder / file.name)


def sweep(root: Path, keep: str | None) -> None:
    """Delete every snapshot and leftover but `keep`. Files that another process has open stay readable to it."""
    for path in root.iterdir():
        if path.name != keep and path.is_dir():
            with suppress(OSError):
                shutil.rmtree(path)


def _known(path: Path, scratch: Path, base: Snapshot | None) -> str | None:
    """What is known of a file that is a link to the base's."""
    name = str(path.relative_to(scratch))
    return base.files[name] if base and name in base.files and path.samefile(base.folder / name) else None


def _sync(path: Path) -> str:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return _digest(path)


def _digest(path: Path) -> str:
    """The sha256 of a file; of one that is checked piece by piece as it is read, its length."""
    return f"{path.stat().st_size} bytes" if path.suffix == _PIECEWISE else sha256_of(path)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

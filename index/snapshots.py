"""Snapshots of the derived indexes on disk: written aside, synced, read back, hashed, and only then named.

A snapshot is a folder `snapshots/g<generation>-<token>` with `dense.faiss`, the folder `lexical/` and `manifest.json`
(the sha256 of every file). The database records which snapshot is current and the sha256 of its manifest, so nothing
in the folder is trusted by itself, and a snapshot that is missing or damaged is just built again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from index.modelfiles import sha256_of

_MANIFEST = "manifest.json"
# raised when what the index files hold changes: older snapshots are then made again
_FORMAT = 1
DENSE = "dense.faiss"
LEXICAL = "lexical"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A verified snapshot: its folder and the generation it was made from."""

    folder: Path
    generation: int


def scratch_folder(root: Path) -> Path:
    """A new folder beside the snapshots, in which the next one is prepared."""
    folder = root / f".new-{os.getpid()}-{secrets.token_hex(4)}"
    (folder / LEXICAL).mkdir(parents=True)
    return folder


def publish(scratch: Path, generation: int) -> dict[str, str]:
    """Make a prepared folder a snapshot; the facts that the database has to record for it to count."""
    # tantivy's lock files are no part of the index
    for lock in scratch.rglob("*.lock"):
        lock.unlink()
    files = {str(path.relative_to(scratch)): _sync(path) for path in sorted(scratch.rglob("*")) if path.is_file()}
    manifest = json.dumps(
        {"format": _FORMAT, "generation": generation, "files": files}, indent=1, sort_keys=True
    ).encode()
    (scratch / _MANIFEST).write_bytes(manifest)
    _sync(scratch / _MANIFEST)
    for folder in (scratch / LEXICAL, scratch):
        _sync_folder(folder)
    final = scratch.parent / f"g{generation}-{secrets.token_hex(4)}"
    scratch.rename(final)
    _sync_folder(final.parent)
    return {"snapshot": final.name, "snapshot_sha256": hashlib.sha256(manifest).hexdigest()}


def current(root: Path, meta: dict[str, str]) -> Snapshot | None:
    """The snapshot that the database's facts name, if it is whole, else None: it can be built again."""
    name = meta.get("snapshot")
    if not name:
        return None
    folder = root / name
    try:
        data = (folder / _MANIFEST).read_bytes()
        if hashlib.sha256(data).hexdigest() == meta["snapshot_sha256"]:
            manifest = json.loads(data)
            if manifest.get("format") != _FORMAT:
                return None
            bad = next((file for file, digest in manifest["files"].items() if sha256_of(folder / file) != digest), None)
            if bad is None:
                return Snapshot(folder, int(manifest["generation"]))
            path = folder / bad
        else:
            path = folder / _MANIFEST
    except OSError as error:
        path = Path(error.filename or folder)
    _log.warning("%s: this index file is missing or damaged; it is built again from the database", path)
    return None


def link_lexical(snapshot: Snapshot, folder: Path) -> None:
    """Give `folder` the lexical files of a snapshot, as links where the file system can: tantivy never rewrites one."""
    for path in (snapshot.folder / LEXICAL).iterdir():
        try:
            os.link(path, folder / path.name)
        except OSError:
            shutil.copyfile(path, folder / path.name)


def sweep(root: Path, keep: str | None) -> None:
    """Delete every snapshot and leftover but `keep`. Files that another process has open stay readable to it."""
    for path in root.iterdir():
        if path.name != keep and path.is_dir():
            with suppress(OSError):
                shutil.rmtree(path)


def _sync(path: Path) -> str:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return sha256_of(path)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Where a library on Milvus is: `milvus+http://host:19530/name` or `milvus+file:///path/x.db`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from platformdirs import user_cache_path

from corpus import LibraryError

PREFIX = "milvus+"
INDEXES = ("FLAT", "HNSW", "IVF_SQ8", "DISKANN")
_NAME = "articleqa"
_FORMS = "milvus+http://HOST:19530, milvus+https://HOST:19530 or milvus+file:///PATH/x.db"


@dataclass(frozen=True, slots=True)
class Address:
    """What pymilvus connects to, the name that the library's collections begin with, and the index of a new one."""

    uri: str
    name: str
    index: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """The parts of an address. Raises `LibraryError` when it is none.

        >>> Address.parse("milvus+http://localhost:19530/news?index=HNSW")
        Address(uri='http://localhost:19530', name='news', index='HNSW')
        """
        try:
            parts = urlsplit(text.removeprefix(PREFIX))
            port = parts.port
        except ValueError as error:
            raise LibraryError(f"{text}: not an address ({error}); write {_FORMS}") from error
        options = dict(parse_qsl(parts.query))
        index = options.pop("index", INDEXES[0]).upper()
        if index not in INDEXES or options:
            raise LibraryError(f"{text}: after ? comes only index= with one of {', '.join(INDEXES)}")
        if "@" in parts.netloc:
            raise LibraryError(
                "a password does not belong in an address; set ARTICLEQA_MILVUS_TOKEN to user:password or a token"
            )
        if parts.scheme == "file" and not parts.netloc and parts.path.strip("/"):
            path = Path(unquote(parts.path)).absolute()
            if path.suffix != ".db":
                raise LibraryError(f"{text}: a milvus-lite file ends in .db; write {_FORMS}")
            return cls(str(path), _NAME, index)
        if parts.scheme in {"http", "https"} and parts.hostname:
            name = parts.path.strip("/") or _NAME
            if not re.fullmatch(r"[A-Za-z_]\w{0,99}", name, re.ASCII):
                raise LibraryError(f"{text}: {name!r} cannot name a library; use letters, digits and _")
            host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            return cls(f"{parts.scheme}://{host}:{port or 19530}", name, index)
        raise LibraryError(f"{text}: not an address of Milvus; write {_FORMS}")

    @property
    def is_file(self) -> bool:
        """Whether this is a milvus-lite file."""
        return "://" not in self.uri

    def __str__(self) -> str:
        return f"{PREFIX}file://{self.uri}" if self.is_file else f"{PREFIX}{self.uri}/{self.name}"

    @property
    def cache(self) -> Path:
        """The folder of this machine's replica."""
        digest = hashlib.sha256(str(self).encode()).hexdigest()[:24]
        return user_cache_path("articleqa", appauthor=False) / "milvus" / digest

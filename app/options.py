"""Options that several commands share, with one wording."""

from __future__ import annotations

from typing import Annotated

import typer

LibraryOption = Annotated[
    str | None, typer.Option("--library", help="The library's folder, or milvus+http://HOST:19530 (default: your own).")
]
ReaderOption = Annotated[
    str | None, typer.Option("--reader", help="A question-answering model in place of the bundled one.")
]
EmbedderOption = Annotated[
    str | None, typer.Option("--embedder", help="A sentence-transformers model in place of the bundled one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""

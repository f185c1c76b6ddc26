"""A check of the installation and of a library, in plain words."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.text import Text

from corpus import ArticleQAError

_NEEDED = ("numpy", "onnxruntime", "tokenizers", "faiss-cpu", "tantivy", "nupunkt", "gradio")
_FOR_OTHER_MODELS = ("torch", "transformers", "sentence-transformers")


def examine(library: str | None) -> bool:
    """Print a line for each thing checked; whether all that is needed is well."""
    console = Console(highlight=False)
    well = True
    for name, check in _checks(library).items():
        try:
            outcome, sound = check(), True
        except (ArticleQAError, PackageNotFoundError) as error:
            outcome, sound = str(error), False
        well = well and sound
        mark = Text("ok    " if sound else "wrong ", style="green" if sound else "bold red")
        console.print(mark.append(f"{name}: {outcome}", style="not bold default"), soft_wrap=True)
    return well


def _checks(library: str | None) -> dict[str, Callable[[], str]]:
    return {
        "python": lambda: f"{platform.python_version()} at {sys.executable}",
        "packages": lambda: ", ".join(f"{name} {version(name)}" for name in _NEEDED),
        "for other models": lambda: ", ".join(_optional(name) for name in _FOR_OTHER_MODELS),
        "embedder": _embedder,
        "reader": _reader,
        "library": lambda: _library(library),
    }


def _optional(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} not installed (only --reader and --embedder need it)"


def _embedder() -> str:
    from index import load_embedder

    embedder = load_embedder()
    return f"{embedder.name}, {len(embedder.encode_question('Is it well?'))} dimensions, files unaltered"


def _reader() -> str:
    from qa.reader import load_reader

    reader = load_reader()
    reader.read("Is it well?", ["It is well."])
    return f"{reader.name}, files unaltered"


def _library(place: str | None) -> str:
    from index import Library, default_library_path, is_folder

    path = place or default_library_path()
    if is_folder(path) and not Path(path).exists():
        return f"{path}: not made yet; the first question makes it"
    with Library.open(path) as library:
        library.check()
        return f"{path}: {len(library)} articles, generation {library.generation}, sound"

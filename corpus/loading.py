"""Files and folders in, articles out.

To add a format, write a function from a path to articles and give it a line in `LOADERS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from corpus.articles import Article
from corpus.errors import ArticleFileError
from corpus.html import load_html
from corpus.jsonl import load_jsonl
from corpus.text import load_markdown, load_txt

LOADERS: dict[str, Callable[[Path], list[Article]]] = {
    ".txt": load_txt,
    ".text": load_txt,
    ".md": load_markdown,
    ".markdown": load_markdown,
    ".html": load_html,
    ".htm": load_html,
    ".jsonl": load_jsonl,
}
SAMPLES = Path(__file__).parent / "samples"


def load(source: str | os.PathLike[str]) -> list[Article]:
    """The articles of one file (a JSONL file may hold many), or of every file of a known format in a folder.

    Raises `ArticleFileError` when there is nothing to read or a file is not an article.
    """
    return [article for path in find_files([source]) for article in load_file(path)]


def load_file(path: Path) -> list[Article]:
    """The articles of one file, by the ending of its name."""
    loader = LOADERS.get(path.suffix.lower())
    if loader is None:
        raise ArticleFileError(
            f"{path}: articles of this kind cannot be read; the endings known are {' '.join(LOADERS)}"
        )
    return [_valid(article) for article in loader(path)]


def find_files(sources: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The absolute paths of the files that `sources` name, folders searched in depth, each once, in a stable order.

    In folders, only regular files of a known format count; hidden files and symbolic links are passed over.
    """
    found: dict[Path, None] = {}
    for source in sources:
        path = Path(os.path.abspath(source))
        if not _exists(path):
            raise ArticleFileError(f"{path}: there is no such file or folder; check the spelling")
        if path.is_dir():
            files = _in_folder(path)
            if not files:
                raise ArticleFileError(f"{path}: no articles in this folder; the endings known are {' '.join(LOADERS)}")
            found.update(dict.fromkeys(files))
        elif path.is_file():
            found[path] = None
        else:
            raise ArticleFileError(f"{path}: not a regular file; name a file or a folder of articles")
    return list(found)


def samples() -> list[Article]:
    """The bundled sample articles, with a source that is the same on every machine."""
    return [
        replace(article, source=f"sample:{path.name}") if article.source == str(path) else article
        for path in find_files([SAMPLES])
        for article in load_file(path)
    ]


def _valid(article: Article) -> Article:
    """The article with what cannot be written as UTF-8 (lone surrogates, from JSON or file names) replaced by `?`."""
    texts = {name: getattr(article, name) for name in ("title", "text", "source", "author", "language")}
    mended = {name: text.encode("utf-8", "replace").decode() for name, text in texts.items() if text}
    return replace(article, **mended)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or holds a NUL
        return False


def _in_folder(folder: Path) -> list[Path]:
    files: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files.extend(
            Path(root, name)
            for name in sorted(names)
            if not name.startswith(".")
            and Path(name).suffix.lower() in LOADERS
            and not Path(root, name).is_symlink()
            and Path(root, name).is_file()
        )
    return files

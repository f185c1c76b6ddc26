"""Files of figures: written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corpus import ArticleQAError
from corpus.whole import replacing


def check_output(path: Path | None) -> None:
    """Raise `ArticleQAError` when figures cannot be written to `path`, before the time to measure them is spent."""
    if path is not None and path.suffix.lower() in {".md", ".html"}:
        raise ArticleQAError(f"{path}: a report to read takes this name; give the JSON a name ending in .json")
    _check_place(path)


def check_page(path: Path | None) -> None:
    """Raise `ArticleQAError` when a page cannot be written to `path`, or it is not named as one."""
    if path is not None and path.suffix.lower() != ".html":
        raise ArticleQAError(f"{path}: the report is a page of HTML; give it a name ending in .html")
    _check_place(path)


def write_output(path: Path, figures: Mapping[str, Any], markdown: str) -> None:
    """Write the figures as JSON to `path` and the report beside it, ending in .md, each under a temporary name first.

    Raises `ArticleQAError` when the disk does not let us.
    """
    check_output(path)
    text = json.dumps(figures, ensure_ascii=False, indent=1, allow_nan=False)
    write_text(path, text + "\n")
    write_text(path.with_suffix(".md"), markdown)


def write_text(path: Path, text: str) -> None:
    """Write a text, under a temporary name first. Raises `ArticleQAError` when the disk does not let us."""
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ArticleQAError(f"{path}: cannot be written ({error.strerror}); choose another file") from error


def _check_place(path: Path | None) -> None:
    if path is None:
        return
    if path.is_dir():
        raise ArticleQAError(f"{path}: cannot be written (it is a folder); name a file in it")
    if not path.absolute().parent.is_dir():
        raise ArticleQAError(f"{path}: cannot be written (there is no folder {path.parent}); make the folder first")

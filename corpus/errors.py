"""The errors whose message is meant for the person at the keyboard.

The command line and the chat page catch `ArticleQAError` and show its message; anything else is a bug
of ours and keeps its traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")


class ArticleQAError(Exception):
    """Base of every error that is shown to the user: one line that names the thing and the remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


class ArticleFileError(ArticleQAError):
    """An article's file cannot be read as an article."""


class FetchError(ArticleFileError):
    """A web address cannot be fetched, or must not be; the message leaves out its query, which may hold secrets."""


class LibraryError(ArticleQAError):
    """The library on disk cannot be opened, read or written."""


class ModelError(ArticleQAError):
    """A model's files are missing, altered or of the wrong kind."""


class QuestionError(ArticleQAError, ValueError):
    """A question, or a file of questions, that cannot be answered as it stands."""


def exit_code(main: Callable[P, None]) -> Callable[P, int]:
    """A command's `main` as one that gives its exit code: 2, and one line on stderr, for an error of this kind."""

    @wraps(main)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            main(*args, **kwargs)
        except ArticleQAError as error:
            sys.stderr.write(f"error: {error}\n")
            return 2
        return 0

    return run

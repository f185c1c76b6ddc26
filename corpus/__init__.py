"""Articles in: loading them from files and cutting them into passages."""

from corpus.articles import Anchor, Article, Place
from corpus.errors import ArticleFileError, ArticleQAError, LibraryError, ModelError, QuestionError
from corpus.loading import find_files, load, load_bytes, load_file, load_stream, read_file, samples
from corpus.passages import Passage, split
from corpus.raw import Loaded

__all__ = [
    "Anchor",
    "Article",
    "ArticleFileError",
    "ArticleQAError",
    "LibraryError",
    "Loaded",
    "ModelError",
    "Passage",
    "Place",
    "QuestionError",
    "find_files",
    "load",
    "load_bytes",
    "load_file",
    "load_stream",
    "read_file",
    "samples",
    "split",
]

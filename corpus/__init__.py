"""Articles in: loading them from files and cutting them into passages."""

from corpus.articles import Anchor, Article
from corpus.errors import ArticleFileError, ArticleQAError, LibraryError, ModelError, QuestionError
from corpus.loading import find_files, load, load_file, samples
from corpus.passages import Passage, split

__all__ = [
    "Anchor",
    "Article",
    "ArticleFileError",
    "ArticleQAError",
    "LibraryError",
    "ModelError",
    "Passage",
    "QuestionError",
    "find_files",
    "load",
    "load_file",
    "samples",
    "split",
]

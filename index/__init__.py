"""Passages searchable: the library on disk, embedding, dense and lexical search, fusion."""

from index.database import ArticleInfo
from index.embedder import Embedder, load_embedder
from index.library import Added, Library, default_library_path
from index.local import is_folder
from index.searcher import Hit

__all__ = ["Added", "ArticleInfo", "Embedder", "Hit", "Library", "default_library_path", "is_folder", "load_embedder"]

"""A library on a Milvus server, or in a milvus-lite file: `--library milvus+http://host:19530/name`.

Milvus holds the truth (articles, passages, vectors) and searches the vectors. Each machine that opens the library keeps
a replica of the articles without the vectors in its cache, brought up to date by what has changed, from which words,
filters and quotes are served by the same code as for a library in a folder; so both give the same answers.
"""

from index.milvus.store import MilvusStore

__all__ = ["MilvusStore"]

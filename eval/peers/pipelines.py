"""One whole pipeline of `eval.peers.whole`, from articles to answers, in a process of its own.

On stdin it takes a line of JSON `{"articles": [text, ...]}`, then lines `{"question"}`; on stdout it answers the first
with `{"ms", "peak_mb"}` and the others with `{"answer", "ms", "peak_mb"}`, where "" is no answer.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from eval.peers import worker

PASSAGES_READ = 8
CHUNK_CHARACTERS, CHUNK_OVERLAP = 800, 100

Ask = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Models:
    """The float reader's folder, a sentence-transformers model, and how many threads both may use."""

    reader: Path
    embedder: str
    threads: int


def articleqa(articles: list[str], _: Models) -> Ask:
    """Our own default; it gives its best span also where it would say that the articles do not say."""
    from corpus import Article
    from index import Library
    from qa import ArticleQA
    from qa.assistant import Settings

    library = Library.in_memory()
    library.add(Article(f"a{number}", "", text, f"a{number}") for number, text in enumerate(articles))
    bot = ArticleQA(library, settings=Settings(threshold=0.0))
    return lambda question: bot.answer(question).text or ""


def glued(articles: list[str], models: Models) -> Ask:
    """What people write by hand: langchain's splitter, sentence-transformers, a flat FAISS index, transformers."""
    import faiss
    from langchain_text_splitters import RecursiveCharacterTextSplitter
    from sentence_transformers import SentenceTransformer

    read = worker.transformers(models.reader, models.threads)[worker.ONE_BATCH]
    embedder = SentenceTransformer(models.embedder, device="cpu")
    texts = _chunks(RecursiveCharacterTextSplitter, articles)
    vectors = embedder.encode(texts, normalize_embeddings=True)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)

    def ask(question: str) -> str:
        _, rows = index.search(embedder.encode([question], normalize_embeddings=True), min(PASSAGES_READ, len(texts)))
        return read(question, [texts[row] for row in rows[0]])

    return ask


def haystack(articles: list[str], models: Models) -> Ask:
    """In-memory documents, embedding retriever, and the extractive reader of transformers-haystack."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    read = worker.haystack(models.reader, models.threads)[worker.ONE_BATCH]
    document: Any = import_module("haystack").Document
    store: Any = import_module("haystack.document_stores.in_memory").InMemoryDocumentStore(
        embedding_similarity_function="cosine"
    )
    retriever: Any = import_module("haystack.components.retrievers.in_memory").InMemoryEmbeddingRetriever(store)
    from sentence_transformers import SentenceTransformer

    embedder = SentenceTransformer(models.embedder, device="cpu")
    texts = _chunks(RecursiveCharacterTextSplitter, articles)
    vectors = embedder.encode(texts, normalize_embeddings=True)
    store.write_documents(
        [document(content=text, embedding=vector.tolist()) for text, vector in zip(texts, vectors, strict=True)]
    )

    def ask(question: str) -> str:
        vector = embedder.encode([question], normalize_embeddings=True)[0].tolist()
        found = retriever.run(query_embedding=vector, top_k=PASSAGES_READ)["documents"]
        return read(question, [one.content for one in found])

    return ask


def txtai(articles: list[str], models: Models) -> Ask:
    """Embeddings with hybrid search, and the Questions pipeline over what it finds."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    read = worker.txtai(models.reader, models.threads)[worker.ONE_AT_A_TIME]
    embeddings: Any = import_module("txtai").Embeddings(path=models.embedder, content=True, hybrid=True, gpu=False)
    embeddings.index(_chunks(RecursiveCharacterTextSplitter, articles))
    return lambda question: read(question, [one["text"] for one in embeddings.search(question, PASSAGES_READ)])


PIPELINES: dict[str, Callable[[list[str], Models], Ask]] = {
    one.__name__: one for one in (articleqa, glued, haystack, txtai)
}
"""By name, what makes a pipeline over the texts of articles: a question to the text of its answer."""


def _chunks(splitter: Callable[..., Any], articles: list[str]) -> list[str]:
    cut = splitter(chunk_size=CHUNK_CHARACTERS, chunk_overlap=CHUNK_OVERLAP)
    return [chunk for text in articles for chunk in cut.split_text(text)]


def main() -> None:
    """Serve what is asked on stdin with the pipeline `NAME READER EMBEDDER THREADS`."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no reply

    def reply(begun: float, **told: str) -> None:
        ms = 1000 * (time.perf_counter() - begun)
        replies.write(json.dumps(told | {"ms": ms, "peak_mb": worker.peak_mb()}) + "\n")
        replies.flush()

    name, reader, embedder, threads = sys.argv[1:]
    begun = time.perf_counter()
    articles = json.loads(sys.stdin.readline())["articles"]
    ask = PIPELINES[name](articles, Models(Path(reader), embedder, int(threads)))
    reply(begun)
    for line in sys.stdin:
        begun = time.perf_counter()
        reply(begun, answer=ask(json.loads(line)["question"]))


if __name__ == "__main__":
    main()

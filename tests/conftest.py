"""What several tests share: the bundled models loaded once, and small real stand-ins for an embedder and a reader."""

import hashlib
import logging
import math
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from corpus import Article, Passage, samples
from index import Hit, Library
from index.embedder import OnnxEmbedder
from qa import ArticleQA, Settings
from qa.onnx_reader import OnnxReader
from qa.reader import BUNDLED_READER, Window

# nothing is ever timed: machines differ, and the first example loads models
hypothesis.settings.register_profile("articleqa", deadline=None, max_examples=200)
hypothesis.settings.load_profile("articleqa")

WORD = re.compile(r"\w+")


class HashEmbedder:
    """Bags of words, hashed into a few dimensions: a real embedder that needs no model and knows no meaning."""

    def __init__(self, dimension: int = 32, name: str = "hash") -> None:
        self.name = f"{name}-{dimension}"
        self.dimension = dimension
        self.fingerprint = hashlib.sha256(self.name.encode()).hexdigest()

    def encode_passages(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            for word in WORD.findall(text.lower()) or [""]:
                digest = hashlib.blake2b(f"{self.name} {word}".encode(), digest_size=4).digest()
                vectors[row, int.from_bytes(digest, "big") % self.dimension] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def encode_question(self, text: str) -> np.ndarray:
        return self.encode_passages([text])[0]


class ScriptedReader:
    """A reader whose tokens are the words of a passage and whose logits a function gives.

    `logits(passage)` returns the start logits and end logits, one of each for every word, and the null score.
    """

    name = "scripted"

    def __init__(self, logits: Callable[[str], tuple[Sequence[float], Sequence[float], float]]) -> None:
        self.logits = logits
        self.passages_read = 0

    def read(self, question: str, passages: Sequence[str], *, to_beat: float = -math.inf) -> list[Window]:
        self.passages_read += len(passages)
        return [window(number, text, *self.logits(text)) for number, text in enumerate(passages)]


def window(passage: int, text: str, starts: Sequence[float], ends: Sequence[float], null: float = 0.0) -> Window:
    """A window over the words of `text`, with logits made by hand."""
    words = [found.span() for found in WORD.finditer(text)]
    places = np.array(words, np.int64).reshape(-1, 2)
    return Window(
        passage=passage,
        starts=places[:, 0],
        ends=places[:, 1],
        start_logits=np.array(starts, np.float32)[: len(words)],
        end_logits=np.array(ends, np.float32)[: len(words)],
        null_score=null,
    )


def article(name: str, text: str | None = None, *, source: str | None = None) -> Article:
    return Article(
        id=name,
        title=f"About {name}",
        text=text if text is not None else f"This article is about {name}. The {name} was found in spring.",
        source=source or f"/articles/{name}.txt",
    )


def whole(about: Article) -> Passage:
    """The passage that is all of an article."""
    return Passage(about.id, 0, len(about.text), about.text)


def hit(about: Article, score: float = 0.5, passage: Passage | None = None) -> Hit:
    return Hit(passage or whole(about), about, score, dense=score, lexical=5.0)


@contextmanager
def served(bot: ArticleQA, **options: object) -> Iterator[str]:
    """The address of a real server of the page, in a thread of its own; the options are those of `build_app`."""
    from app.server import Server, build_app

    ready = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        servers = []

        def run():  # where no event loop runs, unlike in the tests' own thread
            servers.append(Server(build_app(bot, **options), url=url, on_ready=lambda _: ready.set()))
            servers[0].run(sockets=[listener])

        thread = threading.Thread(target=run)
        thread.start()
        assert ready.wait(60)
        yield url
        servers[0].should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def embedder() -> OnnxEmbedder:
    """The bundled embedder."""
    return OnnxEmbedder()


@pytest.fixture(scope="session")
def reader() -> OnnxReader:
    """The bundled reader."""
    return OnnxReader()


@pytest.fixture(scope="session")
def sample_library(embedder: OnnxEmbedder):
    """The bundled articles with the bundled embedder, in memory; not to be changed."""
    with Library.in_memory(embedder) as library:
        library.add(samples())
        yield library


@pytest.fixture(scope="session")
def bot(sample_library: Library, reader: OnnxReader) -> ArticleQA:
    """An assistant over the bundled articles; not to be changed."""
    return ArticleQA(sample_library, reader)


@pytest.fixture(scope="session")
def brief_bot(sample_library: Library, reader: OnnxReader) -> ArticleQA:
    """The same, but it reads two passages only: for what does not depend on how much is read."""
    return ArticleQA(sample_library, reader, settings=Settings(passages=2))


class Tiny:
    """Tiny random BERT models, saved as transformers saves them."""

    def __init__(self, folder: Path) -> None:
        import torch
        import transformers

        self.folder, self.torch, self.transformers = folder, torch, transformers

    def tokenizer(self, **options: object):
        return self.transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(BUNDLED_READER / "tokenizer.json"),
            unk_token="[UNK]",
            pad_token="[PAD]",
            cls_token="[CLS]",
            sep_token="[SEP]",
            mask_token="[MASK]",
            model_input_names=["input_ids", "token_type_ids", "attention_mask"],
            **options,
        )

    def save(self, name: str, kind: str = "BertForQuestionAnswering", positions: int = 512, **options: object) -> Path:
        self.torch.manual_seed(0)
        tokenizer = self.tokenizer(**options)
        config = self.transformers.BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=64,
            initializer_range=0.1,
            max_position_embeddings=positions,
        )
        getattr(self.transformers, kind)(config).save_pretrained(self.folder / name)
        tokenizer.save_pretrained(self.folder / name)
        return self.folder / name


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Tiny:
    reason = "the other route needs torch and transformers"
    pytest.importorskip("torch", reason=reason)
    pytest.importorskip("transformers", reason=reason)
    return Tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def trained(tiny) -> Path:
    return tiny.save("trained", model_max_length=512)


@pytest.fixture(scope="session")
def exported(trained) -> Path:
    """The trained one as `qa.training.export` writes it."""
    pytest.importorskip("onnx", reason="exporting needs onnx")
    from qa.training.export import export_reader

    folder = trained.parent / "exported"
    logging.disable(logging.WARNING)  # onnxruntime recommends a pre-processing step
    try:
        export_reader(str(trained), folder, name="tiny")
    finally:
        logging.disable(logging.NOTSET)
    return folder

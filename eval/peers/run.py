"""Every reader in turn on the same questions and passages, each in a process of its own with all our threads.

They take turns of a few questions, so that whatever else the machine does slows all of them alike.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import chain, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus import ArticleQAError
from eval.dataset import ReadingExample
from index.onnx_model import processors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PASSAGES, TOKENS = 8, 180
"""How many passages are read for one question, besides the gold one, and how long each is."""
OURS, FLOAT, REFERENCE = "articleqa", "articleqa_torch", "transformers"

_TURN = 10
_HOME = Path(__file__).parents[2]
# on the CPU, and from nowhere but this machine
_SETTINGS = {
    "CUDA_VISIBLE_DEVICES": "",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_OFFLINE": "1",
}

Ask = Callable[[str, list[str]], dict[str, Any]]
"""A question and passages put to a reader's process; what that replies (see `eval.peers.worker`)."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A reader by its key in `eval.peers.worker`: its name in tables, the packages it is of, and how it is used."""

    key: str
    name: str
    packages: tuple[str, ...]
    use: str

    @property
    def versions(self) -> dict[str, str] | None:
        """The versions of its packages; None when one is not installed."""
        try:
            return {name: version(name) for name in self.packages}
        except PackageNotFoundError:
            return None


PEERS = (
    Peer(OURS, "articleqa", ("onnxruntime",), "the bundled int8 model"),
    Peer(FLOAT, "articleqa, float", ("transformers", "torch"), "the float model, in padded batches"),
    Peer(
        REFERENCE,
        "transformers",
        ("transformers", "torch"),
        "AutoModelForQuestionAnswering in float32; the best span by the rules of articleqa",
    ),
    Peer(
        "haystack",
        "haystack",
        ("transformers-haystack", "haystack-ai"),
        "TransformersExtractiveReader in float32, top_k=1, no_answer=False; it gives the model no token types",
    ),
    Peer(
        "txtai",
        "txtai",
        ("txtai",),
        "Questions in float32, which knows no batches; there is no answer where its score is under 0.05, or where it "
        "raises a TypeError because the model's best span is none",
    ),
    Peer("txtai_int8", "txtai, int8", ("txtai",), "the same with quantize=True"),
)


@dataclass(slots=True)
class Measured:
    """What one reader did: its answers ("" for none), milliseconds per question, and its peak memory in MB (10^6).

    `gold` are its answers from the gold passages; `eight` those from eight passages, for the first questions. The
    times of these are kept by the way in which it read them.
    """

    gold: list[str] = field(default_factory=list)
    gold_ms: list[float] = field(default_factory=list)
    eight: list[str] = field(default_factory=list)
    eight_ms: dict[str, list[float]] = field(default_factory=dict)
    peak_mb: float | None = None

    @property
    def ways(self) -> dict[str, float]:
        """The median milliseconds of every way to read eight passages, the quickest first."""
        medians = {way: statistics.median(ms) for way, ms in self.eight_ms.items()}
        return dict(sorted(medians.items(), key=lambda one: one[1]))


def measure(
    examples: Sequence[ReadingExample],
    eights: Sequence[list[str]],
    folder: Path,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> dict[str, Measured]:
    """Let every installed reader read the gold passage of each example and, of the first examples, their `eights`.

    The float weights are in `folder`. `on_progress` is called with the number of questions finished since the last
    call. Raises `ArticleQAError` when a reader's process fails.
    """
    found = {peer.key: Measured() for peer in PEERS if peer.versions}
    with ExitStack() as stack:
        readers = {key: stack.enter_context(process(key, folder)) for key in found}
        for ask in readers.values():  # all have loaded before the first is timed
            ask(examples[0].question, [examples[0].passage])
        for begin in range(0, len(examples), _TURN):
            turn = range(begin, min(begin + _TURN, len(examples)))
            for key, ask in readers.items():
                ask(examples[begin].question, [examples[begin].passage])  # not counted: its caches are cold
                for at in turn:
                    _read(ask, examples[at], eights[at : at + 1], found[key])
            if on_progress is not None:
                on_progress(len(turn))
    return found


def _read(ask: Ask, example: ReadingExample, eights: Sequence[list[str]], found: Measured) -> None:
    reply = ask(example.question, [example.passage])
    found.gold.append(reply["answer"])
    found.gold_ms += reply["ms"].values()
    for passages in eights:
        reply = ask(example.question, passages)
        found.eight.append(reply["answer"])
        for way, ms in reply["ms"].items():
            found.eight_ms.setdefault(way, []).append(ms)
    found.peak_mb = reply["peak_mb"]


@contextmanager
def process(key: str, folder: Path) -> Iterator[Ask]:
    """A new process with one reader; it ends with the context.

    Asking it raises `ArticleQAError` when the process has failed. Its first reply waits until the reader is loaded.
    """
    with worker_process("eval.peers.worker", key, str(folder.absolute())) as send:
        yield lambda question, passages: send({"question": question, "passages": passages})


@contextmanager
def worker_process(module: str, name: str, *arguments: str) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """A new process of one of our worker modules, with all our threads, which answers a line of JSON with a line.

    Sending to it raises `ArticleQAError` when the process has failed.
    """
    threads = str(processors())
    command = [sys.executable, "-m", module, name, *arguments, threads]
    settings = os.environ | _SETTINGS | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, bufsize=0, cwd=_HOME, env=settings, stdin=pipe, stdout=pipe, stderr=log) as child,
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        requests, replies = child.stdin, child.stdout

        def send(request: dict[str, Any]) -> dict[str, Any]:
            with suppress(BrokenPipeError):  # then there is no reply either
                requests.write(json.dumps(request).encode() + b"\n")
            line = replies.readline()
            if not line:
                log.seek(0)
                lines = log.read().decode("utf-8", "replace").strip().splitlines() or ["no message"]
                raise ArticleQAError(f"{name}: its process failed ({lines[-1]}); mend or uninstall it")
            reply: dict[str, Any] = json.loads(line)
            return reply

        try:
            yield send
        finally:
            child.kill()


def eight_passages(texts: Sequence[str], first: int, tokenizer: Tokenizer) -> list[str]:
    """Eight pieces of 180 tokens, cut one after the other from the texts, from text `first` on and round again."""
    following = cycle(chain(texts[first:], texts[:first]))
    joined = ""
    places: list[tuple[int, int]] = []
    while len(places) < PASSAGES * TOKENS:
        joined += next(following) + "\n"
        places = tokenizer.encode(joined, add_special_tokens=False).offsets
    return [joined[places[at][0] : places[at + TOKENS - 1][1]] for at in range(0, PASSAGES * TOKENS, TOKENS)]

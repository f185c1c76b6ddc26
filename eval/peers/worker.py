"""One reader of `eval.peers` in a process of its own, so that its memory is its own.

It imports nothing that its reader does not need. On stdin it takes lines of JSON `{"question", "passages"}` and answers
each on stdout with `{"answer", "ms", "peak_mb"}`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qa.reader import Window

Read = Callable[[str, list[str]], str]
"""From a question and passages to the text of the best answer, "" when there is none."""

ONE_BATCH, ONE_AT_A_TIME = "one padded batch", "one at a time"


def articleqa(_: Path, threads: int) -> dict[str, Read]:
    """The default reader: the bundled int8 model on ONNX Runtime."""
    from qa.onnx_reader import OnnxReader

    return {ONE_AT_A_TIME: _best(OnnxReader(threads=threads).read)}


def articleqa_torch(folder: Path, threads: int) -> dict[str, Read]:
    """Our route for any Hugging Face model."""
    _use(threads)
    from qa.torch_reader import TorchReader

    return {ONE_BATCH: _best(TorchReader(str(folder)).read)}


def transformers(folder: Path, threads: int) -> dict[str, Read]:
    """Plain transformers in float32; the best span by our rules for spans."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    from qa.reader import WINDOW_STRIDE, WINDOW_TOKENS, WindowInput

    _use(threads)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32).eval()

    def windows(question: str, passages: Sequence[str]) -> list[Window]:
        inputs = tokenizer(
            [question] * len(passages),
            list(passages),
            padding=True,
            truncation="only_second",
            max_length=WINDOW_TOKENS,
            stride=WINDOW_STRIDE,
            return_overflowing_tokens=True,
            return_tensors="pt",
        )
        places = inputs.pop("overflow_to_sample_mapping").tolist()
        with torch.inference_mode():
            output = model(**inputs)
        logits = zip(output.start_logits.numpy(), output.end_logits.numpy(), strict=True)
        return [
            WindowInput(place, encoding).scored(starts, ends)
            for place, encoding, (starts, ends) in zip(places, inputs.encodings, logits, strict=True)
        ]

    def singly(question: str, passages: Sequence[str]) -> list[Window]:
        found = [(place, window) for place, text in enumerate(passages) for window in windows(question, [text])]
        return [replace(window, passage=place) for place, window in found]

    return {ONE_BATCH: _best(windows), ONE_AT_A_TIME: _best(singly)}


def haystack(folder: Path, threads: int) -> dict[str, Read]:
    """The extractive reader of transformers-haystack; it batches, and `max_batch_size` says how much."""
    import torch

    _use(threads)
    document: Any = import_module("haystack").Document
    device: Any = import_module("haystack.utils").ComponentDevice
    reader: Any = import_module("haystack_integrations.components.readers.transformers").TransformersExtractiveReader(
        model=str(folder),
        device=device.from_str("cpu"),
        top_k=1,
        no_answer=False,
        model_kwargs={"dtype": torch.float32},
    )
    reader.warm_up()

    def read(question: str, passages: list[str], *, max_batch_size: int | None = None) -> str:
        documents = [document(content=text) for text in passages]
        answers = reader.run(query=question, documents=documents, max_batch_size=max_batch_size)["answers"]
        return str(answers[0].data or "") if answers else ""

    return {ONE_BATCH: read, ONE_AT_A_TIME: lambda *asked: read(*asked, max_batch_size=1)}


def txtai(folder: Path, threads: int, *, quantize: bool = False) -> dict[str, Read]:
    """The Questions pipeline of txtai, which reads one passage after the other, and gives answers without scores."""
    import torch

    _use(threads)
    questions: Any = import_module("txtai.pipeline").Questions(
        path=str(folder), gpu=False, quantize=quantize, dtype=torch.float32
    )

    def read(question: str, passages: list[str]) -> str:
        answers = []
        for text in passages:
            try:
                answers += questions([question], [text])
            except TypeError as error:  # where the model's best span is no answer, it looks up the word of [CLS]
                if "NoneType" not in str(error):
                    raise
                answers.append(None)
        return next((text for text in answers if text), "")

    return {ONE_AT_A_TIME: read}


def txtai_int8(folder: Path, threads: int) -> dict[str, Read]:
    """The same with `quantize`, its int8."""
    return txtai(folder, threads, quantize=True)


READERS: dict[str, Callable[[Path, int], dict[str, Read]]] = {
    one.__name__: one for one in (articleqa, articleqa_torch, transformers, haystack, txtai, txtai_int8)
}
"""By name, what loads a reader from a folder of float weights for a number of threads, with its ways to read."""


def _use(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def _best(read: Callable[[str, Sequence[str]], list[Window]]) -> Read:
    from corpus import Passage
    from qa.spans import best_spans

    def best(question: str, passages: list[str]) -> str:
        cut = [Passage(str(place), 0, len(text), text) for place, text in enumerate(passages)]
        spans = best_spans(read(question, passages), cut, question=question)
        return spans[0].text if spans else ""

    return best


def _timed(ways: dict[str, Read], question: str, passages: list[str]) -> dict[str, Any]:
    """The answer of the first way, and the milliseconds of every way; of the first alone for a single passage."""
    answers, ms = [], {}
    for name, read in list(ways.items())[: len(passages)]:
        begun = time.perf_counter()
        answers.append(read(question, passages))
        ms[name] = 1000 * (time.perf_counter() - begun)
    return {"answer": answers[0], "ms": ms, "peak_mb": peak_mb()}


def peak_mb() -> float | None:
    """The most memory (resident, in 10^6 bytes) this process has had; None where the system does not say.

    Linux counts the parent's memory at the fork towards `getrusage`, not towards VmHWM.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def main() -> None:
    """Read what is asked on stdin with the reader `NAME FOLDER THREADS`."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no reply
    name, folder, threads = sys.argv[1:]
    ways = READERS[name](Path(folder), int(threads))
    for line in sys.stdin:
        asked = json.loads(line)
        replies.write(json.dumps(_timed(ways, asked["question"], asked["passages"])) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()

"""ONNX Runtime sessions over model folders, fed by the tokenizer that lies beside the model."""

from __future__ import annotations

import math
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corpus import ModelError
from index.arrays import Floats
from index.modelfiles import UNROUNDED, verify

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Encoding

STATES = "states"
"""The input of a graph that goes on from a screen."""


class OnnxModel:
    """A verified model folder, ready to run on the CPU. Safe to call from several threads."""

    def __init__(self, folder: Path, kind: str, *, threads: int | None = None) -> None:
        """Load the model of `folder`; `threads` defaults to the processors this process may use.

        Raises `ModelError` when a file is missing, altered or cannot be loaded.
        """
        self._folder, self._threads = folder, threads or processors()
        self._lock = threading.Lock()
        self._unrounded: onnxruntime.InferenceSession | None = None
        self.card, self.sha256 = verify(folder, kind)
        from tokenizers import Tokenizer

        try:
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            opened = [session(folder / name, threads=self._threads) for name in self.card.pieces]
        except Exception as error:  # both libraries raise bare Exception subclasses of their own
            raise _unloadable(folder, error) from error
        *self._screens, self._session = opened
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    def run(self, encoding: Encoding, states: Floats | None = None) -> list[Floats]:
        """Run one text; every output of the graph without its first axis. `states` are what the last screen has given.

        One at a time, since int8 activations are scaled over a whole batch: a text's result would depend on its
        neighbours. On two cores it is also quicker than padded batches (0.53 s against 0.59 s for eight passages).
        """
        if states is None:
            for number in range(len(self._screens)):
                states, _ = self.screen(encoding, number, states)
        return _run(self._session, encoding, states)

    def screen(self, encoding: Encoding, number: int, states: Floats | None) -> tuple[Floats, float]:
        """Run a screen on the `states` that the one before has given (none for the first, number 0).

        Gives the states for the next, shape (tokens, width), and the screen's guess at the text's score, which is
        infinite while it has no head.
        """
        states, *guess = _run(self._screens[number], encoding, states)
        return states, float(guess[0]) if guess else math.inf

    def run_unrounded(self, encoding: Encoding) -> list[Floats]:
        """Run one text in float arithmetic, which takes 1.4 to 3 times as long, and 100 MB from the first time on.

        Raises `ModelError` when the model's files have been altered since.
        """
        with self._lock:
            if self._unrounded is None:
                verify(self._folder, self.card.kind)
                try:
                    self._unrounded = session(self._folder / UNROUNDED, threads=self._threads)
                except Exception as error:
                    raise _unloadable(self._folder, error) from error
        return _run(self._unrounded, encoding)


def _unloadable(folder: Path, error: Exception) -> ModelError:
    return ModelError(f"{folder}: the model cannot be loaded ({str(error).splitlines()[0]}); export it again")


def _run(opened: onnxruntime.InferenceSession, encoding: Encoding, states: Floats | None = None) -> list[Floats]:
    feed: dict[str, Any] = {
        "input_ids": np.array([encoding.ids], np.int64),
        "attention_mask": np.array([encoding.attention_mask], np.int64),
        "token_type_ids": np.array([encoding.type_ids], np.int64),
    }
    if states is not None:
        feed[STATES] = states[None]
    wanted = {node.name for node in opened.get_inputs()}
    outputs: list[Any] = opened.run(None, {name: value for name, value in feed.items() if name in wanted})
    return [np.asarray(output[0], np.float32) for output in outputs]


def session(graph: Path, *, threads: int) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on so many threads of the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # threads that wait by spinning take the processors from the other sessions
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # weights that are int8 in a file alone become float when it is opened, and not at every run
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(graph),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=["SkipLayerNormFusion"],  # the fused operator is several times slower
    )


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

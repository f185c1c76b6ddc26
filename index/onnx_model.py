"""ONNX Runtime sessions over model folders, fed by the tokenizer that lies beside the model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from corpus import ModelError
from index.modelfiles import verify

if TYPE_CHECKING:
    from tokenizers import Encoding

Floats = npt.NDArray[np.float32]


class OnnxModel:
    """A verified model folder, ready to run on the CPU. Safe to call from several threads."""

    def __init__(self, folder: Path, kind: str, *, threads: int | None = None) -> None:
        """Load the model of `folder`; `threads` defaults to the processors this process may use.

        Raises `ModelError` when a file is missing, altered or cannot be loaded.
        """
        self.card, self.sha256 = verify(folder, kind)
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
        options.log_severity_level = 3
        try:
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._session = onnxruntime.InferenceSession(
                str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # both libraries raise bare Exception subclasses of their own
            problem = str(error).splitlines()[0]
            raise ModelError(f"{folder}: the model cannot be loaded ({problem}); export it again") from error
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self._inputs = {node.name for node in self._session.get_inputs()}

    def run(self, encodings: Sequence[Encoding]) -> list[Floats]:
        """Run one padded batch; every output of the graph, first axis as long as `encodings`."""
        length = max(len(encoding.ids) for encoding in encodings)
        shape = (len(encodings), length)
        feed: dict[str, npt.NDArray[np.int64]] = {
            "input_ids": np.full(shape, self.card.pad_id, np.int64),
            "attention_mask": np.zeros(shape, np.int64),
            "token_type_ids": np.zeros(shape, np.int64),
        }
        for row, encoding in enumerate(encodings):
            size = len(encoding.ids)
            feed["input_ids"][row, :size] = encoding.ids
            feed["attention_mask"][row, :size] = 1
            feed["token_type_ids"][row, :size] = encoding.type_ids
        outputs: list[Any] = self._session.run(None, {name: feed[name] for name in feed if name in self._inputs})
        return [np.asarray(output, np.float32) for output in outputs]


def batches(lengths: Sequence[int], *, tokens: int) -> list[list[int]]:
    """Group indices so that each padded batch stays within `tokens`, short and long ones apart.

    Every index of `lengths` appears once; a single item longer than `tokens` gets a batch of its own.
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if groups and (len(groups[-1]) + 1) * lengths[index] <= tokens:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups

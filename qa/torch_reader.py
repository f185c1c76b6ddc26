"""Any Hugging Face question-answering model as a reader, on torch; on a GPU when there is one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from corpus import ModelError
from qa.pretrained import load_model, load_tokenizer
from qa.reader import WINDOW_TOKENS, Window, windows

_BATCH_TOKENS = 8192


class TorchReader:
    """A model of the class AutoModelForQuestionAnswering, by hub name or folder."""

    def __init__(self, model: str) -> None:
        """Load model and tokenizer. Raises `ModelError` when they cannot be had or torch is not installed."""
        try:
            import torch
            import transformers  # noqa: F401 - said here when it is missing
        except ImportError as error:
            raise ModelError(
                f"reader {model}: needs torch and transformers ({error}); pip install torch transformers"
            ) from error
        if Path(model).is_dir() and not (Path(model) / "config.json").is_file():
            raise ModelError(
                f"reader {model}: no model in this folder (config.json is missing); give a model's folder or hub name"
            )
        tokenizer = load_tokenizer(model)
        self._model, loading = load_model(model, dtype=torch.float32, use_safetensors=True, output_loading_info=True)
        if loading["missing_keys"]:
            raise ModelError(f"reader {model}: was not trained to answer questions; choose a question-answering model")
        if not tokenizer.is_fast:
            raise ModelError(f"reader {model}: its tokenizer gives no offsets; choose a model with a fast tokenizer")
        self.name = model
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = self._model.to(self._device).eval()
        self._tokenizer = tokenizer.backend_tokenizer
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._pad, self._cls = tokenizer.pad_token_id or 0, tokenizer.cls_token_id
        self._takes_types = "token_type_ids" in tokenizer.model_input_names
        # RoBERTa counts its positions from 2 on
        positions = getattr(self._model.config, "max_position_embeddings", 0) - 2
        self._limit = min(WINDOW_TOKENS, tokenizer.model_max_length, positions if positions > 0 else WINDOW_TOKENS)

    def read(self, question: str, passages: Sequence[str], *, to_beat: float = -math.inf) -> list[Window]:
        """Windows over all passages, in the passages' order; none is left out."""
        import torch

        inputs = windows(self._tokenizer, question, passages, max_tokens=self._limit)
        found: list[Window | None] = [None] * len(inputs)
        for group in batches([len(one.encoding.ids) for one in inputs], tokens=_BATCH_TOKENS):
            encodings = [inputs[index].encoding for index in group]
            length = max(len(encoding.ids) for encoding in encodings)
            ids = np.full((len(group), length), self._pad, np.int64)
            mask, types = np.zeros_like(ids), np.zeros_like(ids)
            for row, encoding in enumerate(encodings):
                size = len(encoding.ids)
                ids[row, :size], mask[row, :size], types[row, :size] = encoding.ids, 1, encoding.type_ids
            feed = {"input_ids": ids, "attention_mask": mask} | ({"token_type_ids": types} if self._takes_types else {})
            with torch.inference_mode():
                output = self._model(**{name: torch.from_numpy(value).to(self._device) for name, value in feed.items()})
            starts, ends = output.start_logits.float().cpu().numpy(), output.end_logits.float().cpu().numpy()
            for row, index in enumerate(group):
                cls = encodings[row].ids.index(self._cls) if self._cls in encodings[row].ids else 0
                found[index] = inputs[index].scored(starts[row], ends[row], cls=cls)
        return [window for window in found if window is not None]


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

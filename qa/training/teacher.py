"""A larger reader to learn from (Hinton et al. 2015, "Distilling the knowledge in a neural network")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from corpus import ModelError
from qa.pretrained import load_model, load_tokenizer
from qa.training.features import Batch, Integers

if TYPE_CHECKING:
    import torch

_SPECIAL = ("cls_token", "sep_token", "pad_token", "unk_token")
_FOREIGN = 0.01


class Teacher:
    """Reads the student's windows and says what it makes of every token of them.

    Its tokenizer must cut words as the student's does; its numbering of the pieces, and the marks between question and
    passage, may be others (MPNet's and BERT's are such a pair).
    """

    def __init__(self, model: str, tokenizer: Any, device: str, precision: str) -> None:  # noqa: ANN401 - of transformers
        """Load a question-answering model by hub name or folder. Raises `ModelError` when its word pieces are others.

        `tokenizer` is the student's, `precision` "bf16" or "fp32".
        """
        import torch

        if "token_type_ids" not in tokenizer.model_input_names:
            raise ModelError(
                f"{model}: can teach only models that tell question and passage apart by type, as BERT's do"
            )
        own = load_tokenizer(model)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._model = load_model(model, dtype=dtype).to(device).eval()
        self._device = device
        self._pad, self._sep = own.pad_token_id, own.sep_token_id
        self._takes_types = "token_type_ids" in own.model_input_names
        self._extra = own.num_special_tokens_to_add(pair=True) - tokenizer.num_special_tokens_to_add(pair=True)
        self._pieces = _pieces(model, own, tokenizer)

    def logits(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Start and end logits, each (B, T), at the student's tokens."""
        import torch

        asked = ((batch.types == 0) & (batch.mask == 1)).sum(axis=1, keepdims=True)  # what stands before the passage
        columns = np.arange(batch.ids.shape[1])
        places = columns + self._extra * (columns >= asked)
        marks = asked + np.arange(self._extra)
        inputs = self._inputs(batch, places, marks)
        feed = {name: torch.from_numpy(value).to(self._device) for name, value in inputs.items()}
        with torch.no_grad():
            output = self._model(**feed)
        at = torch.from_numpy(places).to(self._device)
        return output.start_logits.float().gather(1, at), output.end_logits.float().gather(1, at)

    def _inputs(self, batch: Batch, places: Integers, marks: Integers) -> dict[str, Integers]:
        """The windows in the teacher's pieces.

        `places`, (B, T), says where each of the student's tokens goes, `marks` where the teacher's further ones do.
        """
        shape = (len(batch.ids), batch.ids.shape[1] + self._extra)
        ids = np.full(shape, self._pad, np.int64)
        types, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        np.put_along_axis(ids, marks, self._sep, axis=1)
        np.put_along_axis(mask, marks, 1, axis=1)
        for whole, part in ((ids, self._pieces[batch.ids]), (types, batch.types), (mask, batch.mask)):
            np.put_along_axis(whole, places, part, axis=1)
        feed = {"input_ids": ids, "attention_mask": mask}
        return feed | {"token_type_ids": types} if self._takes_types else feed


def _pieces(model: str, own: Any, tokenizer: Any) -> Integers:  # noqa: ANN401 - of transformers
    """The teacher's number of each of the student's pieces."""
    numbers, vocabulary = own.get_vocab(), tokenizer.get_vocab()
    special = {getattr(tokenizer, name): getattr(own, name) for name in _SPECIAL}
    found = {number: numbers.get(special.get(piece, piece)) for piece, number in vocabulary.items()}
    foreign = sum(number is None for number in found.values())
    if foreign > _FOREIGN * len(found):
        raise ModelError(
            f"{model}: cannot teach this model, {foreign:,} of whose {len(found):,} word pieces it has not"
        )
    pieces = np.full(max(found) + 1, own.unk_token_id, np.int64)
    for number, other in found.items():
        if other is not None:
            pieces[number] = other
    return pieces

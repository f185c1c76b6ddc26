"""Readers exported to int8 ONNX: `python -m qa.training.export MODEL FOLDER --data FILE[:QUESTIONS] …`.

Without `--data` every weight is rounded to the nearest level; with it, so that the rounding does least to what the
model says of these questions (`qa.training.gptq`), which takes minutes. A model trained on from an exported reader with
`--frozen-layers` keeps those layers just as they were rounded there, if `--like` names it.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus import ModelError, samples, split
from corpus.errors import exit_code
from eval.dataset import load_reading
from index.export import export_int8
from index.modelfiles import UNROUNDED, ModelCard
from qa.pretrained import load_model, load_tokenizer
from qa.reader import WINDOW_TOKENS
from qa.restore import restored_weights
from qa.training.examples import Source
from qa.training.gptq import round_model
from qa.training.smoothing import blocks, smooth, smoothing
from qa.training.unrounded import write_twin

if TYPE_CHECKING:
    import torch

_RESOLUTION = 0.2
"""Rounding the activations moves reader-v6's scores by 0.035 (rms of 280 training questions)."""


def export_reader(
    model: str, folder: Path, *, name: str, data: Sequence[Source] = (), seed: int = 0, like: Path | None = None
) -> None:
    """Export a question-answering model (hub name or folder) to `folder`, with start and end logits as outputs.

    `data` are the questions that the weights are rounded for; what the model has in common with the exported reader
    `like` stays rounded as it is there. Raises `ModelError` when the model cannot be had, or when there are data and it
    is no BERT, and `QuestionError` for data that cannot be read.
    """
    import onnx
    import torch

    source = load_model(model, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = load_tokenizer(model)
    if data and not blocks(source):
        raise ModelError(f"{model}: only weights of a BERT can be rounded for data; export it without --data")
    pairs = _questions(data, seed) if data else ((one.title, part.text) for one in samples() for part in split(one))
    texts = [
        tokenizer(*pair, return_tensors="pt", truncation="only_second", max_length=WINDOW_TOKENS) for pair in pairs
    ]
    kept = _kept(source, like) if like else {}
    factors = smoothing(source, lambda: [source(**text) for text in texts]) | kept
    if data:
        round_model(source, factors, [_embedded(text) for text in texts], kept=kept)
    attention = smooth(source, factors)

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.reader = source
            self.takes_types = "token_type_ids" in tokenizer.model_input_names

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            types = {"token_type_ids": token_type_ids} if self.takes_types else {}
            output = self.reader(input_ids=input_ids, attention_mask=attention_mask, **types)
            return output.start_logits, output.end_logits

    folder.mkdir(parents=True, exist_ok=True)
    export_int8(
        Graph().eval(),
        folder / "model.onnx",
        outputs=("start_logits", "end_logits"),
        config=source.config,
        smoothing=[one.numpy() for one in attention],
    )
    tokenizer.backend_tokenizer.no_truncation()  # whoever reads makes windows
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    limit = min(int(tokenizer.model_max_length), int(source.config.max_position_embeddings))
    write_twin(onnx.load(str(folder / "model.onnx")), [folder / "model.onnx"], folder / UNROUNDED)
    ModelCard(kind="reader", name=name, max_tokens=limit, resolution=_RESOLUTION).write(folder)


def _questions(data: Sequence[Source], seed: int) -> Iterator[tuple[str, str]]:
    """As many questions with their passages as each source says, drawn at random."""
    rng = random.Random(seed)
    for source in data:
        yield from ((one.question, one.passage) for one in source.draw(load_reading(source.path), rng))


def _kept(model: torch.nn.Module, like: Path) -> dict[str, torch.Tensor]:
    """The smoothing of the layers in the first blocks that an exported reader has, too, by the layers' names."""
    import torch

    restored = restored_weights(like)
    ours = model.state_dict()
    same = {
        name
        for name, value in restored.tensors.items()
        if name in ours and ours[name].shape == value.shape and torch.allclose(ours[name], torch.tensor(value))
    }
    kept: dict[str, torch.Tensor] = {}
    names = {module: name for name, module in model.named_modules()}
    for block in blocks(model):
        prefix = f"{names[block]}."
        if any(name.startswith(prefix) and name not in same for name in ours):
            break
        found = {name: value for name, value in restored.smoothing.items() if name.startswith(prefix)}
        kept |= {name: torch.tensor(value) for name, value in found.items()}
    if not kept:
        raise ModelError(f"{like}: the model has no layers of this reader; export it without --like")
    return kept


def _embedded(text: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401 - of transformers
    return {name: value for name, value in text.items() if name != "attention_mask"}


@exit_code
def main(arguments: list[str] | None = None) -> None:
    """Export the reader named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m qa.training.export", description=__doc__)
    parser.add_argument("model", help="a question-answering model: hub name or folder")
    parser.add_argument("folder", type=Path, help="where to write the model folder")
    parser.add_argument("--name", help="the name that answers and reports give it (default: the model's)")
    parser.add_argument("--data", type=Source.parse, nargs="+", default=(), help="files of training questions")
    parser.add_argument("--like", type=Path, help="an exported reader whose first layers the model still has")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    name = options.name or options.model
    export_reader(options.model, options.folder, name=name, data=options.data, seed=options.seed, like=options.like)


if __name__ == "__main__":
    sys.exit(main())

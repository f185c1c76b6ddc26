"""Readers exported to int8 ONNX: `python -m qa.export MODEL FOLDER`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from corpus import samples, split
from corpus.errors import exit_code
from index.export import export_int8
from index.modelfiles import ModelCard
from index.outliers import keep_outliers
from qa.pretrained import load_model, load_tokenizer

if TYPE_CHECKING:
    import torch


def export_reader(model: str, folder: Path, *, name: str) -> None:
    """Export a question-answering model (hub name or folder) to `folder`, with start and end logits as outputs.

    Raises `ModelError` when the model cannot be had.
    """
    import torch

    source = load_model(model, dtype=torch.float32, attn_implementation="eager")
    tokenizer = load_tokenizer(model)

    def run() -> None:
        for article in samples():
            for passage in split(article):
                source(**tokenizer(article.title, passage.text, return_tensors="pt", truncation=True))

    keep_outliers(source, run)

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
    export_int8(Graph().eval(), folder / "model.onnx", outputs=("start_logits", "end_logits"), config=source.config)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    limit = min(int(tokenizer.model_max_length), int(source.config.max_position_embeddings))
    ModelCard(kind="reader", name=name, max_tokens=limit).write(folder)


@exit_code
def main(arguments: list[str] | None = None) -> None:
    """Export the reader named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m qa.export", description=__doc__)
    parser.add_argument("model", help="a question-answering model: hub name or folder")
    parser.add_argument("folder", type=Path, help="where to write the model folder")
    parser.add_argument("--name", help="the name that answers and reports give it (default: the model's)")
    options = parser.parse_args(arguments)
    export_reader(options.model, options.folder, name=options.name or options.model)


if __name__ == "__main__":
    sys.exit(main())

"""One reader of several: `python -m qa.training.average MODEL:SHARE MODEL:SHARE … --out FOLDER`.

Readers trained on from the same weights can be averaged (Wortsman et al. 2022, "Model soups"): what each learned stays,
and some of what each learned too well goes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from corpus import ModelError
from corpus.errors import exit_code
from qa.pretrained import load_model, load_tokenizer


def average(shares: Mapping[str, float], out: Path) -> None:
    """Write the weighted mean of the models' weights to `out`, with the tokenizer of the first.

    `shares` has hub names or folders, and the weight of each, which are made to add up to 1. Raises `ModelError` when
    the models are not of one shape.
    """
    import torch

    total = sum(shares.values())
    models = [load_model(name, dtype=torch.float32) for name in shares]
    states = [model.state_dict() for model in models]
    first = {name: value.shape for name, value in states[0].items()}
    for model, state in zip(shares, states, strict=True):
        if {name: value.shape for name, value in state.items()} != first:
            raise ModelError(f"{model}: of another shape than {next(iter(shares))}; average what began as one model")
    mean = {
        name: sum(share / total * state[name] for share, state in zip(shares.values(), states, strict=True))
        if value.is_floating_point()
        else value
        for name, value in states[0].items()
    }
    models[0].load_state_dict(mean)
    models[0].save_pretrained(out)
    load_tokenizer(next(iter(shares))).save_pretrained(out)


def _share(text: str) -> tuple[str, float]:
    model, _, share = text.rpartition(":")
    if not model or float(share) <= 0:
        raise ValueError(text)
    return model, float(share)


@exit_code
def main(arguments: list[str] | None = None) -> None:
    """Average as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m qa.training.average", description=__doc__)
    parser.add_argument("models", nargs="+", type=_share, metavar="MODEL:SHARE", help="hub name or folder, and weight")
    parser.add_argument("--out", type=Path, required=True, help="where to write the model")
    options = parser.parse_args(arguments)
    average(dict(options.models), options.out)


if __name__ == "__main__":
    sys.exit(main())

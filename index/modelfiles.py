"""Folders of model files: what is in them, and the proof that nothing in them has changed.

A model folder holds `model.onnx`, `tokenizer.json`, `model.json` (what it is and how it is fed), `SHA256SUMS` over
these, and a `README.md` with its licence and how it was made. `index.export` writes such folders. In a folder with
screens (`qa.training.screen`), the first layers of the model are in `screen-1.onnx`, `screen-2.onnx` and so on, each of
which goes on from the one before, and `model.onnx` from the last. `unrounded.onnx` is the whole model in float
arithmetic; its weights are the int8 ones of the other files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from corpus import ModelError

MODEL_FILES = ("model.onnx", "tokenizer.json", "model.json")
UNROUNDED = "unrounded.onnx"
_SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What `model.json` says: the model's kind and name, and the most tokens it takes at once.

    `margins` has one entry for each screen: how far below what is to beat its guess must lie for a text to be given up.
    Scores that lie closer together than `resolution` are told apart by `unrounded.onnx`, which is there unless it is 0.
    """

    kind: Literal["embedder", "reader"]
    name: str
    max_tokens: int
    dimension: int = 0
    margins: tuple[float, ...] = ()
    resolution: float = 0.0

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that are hashed."""
        return (*MODEL_FILES, *self.screens, *([UNROUNDED] if self.resolution else []))

    @property
    def screens(self) -> tuple[str, ...]:
        """The names of the screens' files, in the order of the layers."""
        return tuple(screen_file(number) for number in range(len(self.margins)))

    @property
    def pieces(self) -> tuple[str, ...]:
        """The names of the files that hold the model's layers, in their order."""
        return (*self.screens, MODEL_FILES[0])

    def write(self, folder: Path) -> None:
        """Write the card, then the hashes of all model files, into `folder`."""
        (folder / "model.json").write_text(json.dumps(asdict(self), indent=1) + "\n")
        lines = [f"{sha256_of(folder / name)}  {name}\n" for name in self.files]
        (folder / _SUMS).write_text("".join(lines))


def verify(folder: Path, kind: str) -> tuple[ModelCard, str]:
    """Check every file of a model folder against its list of hashes; the card, and the model file's sha256.

    Raises `ModelError` naming the file that is missing or altered, or when the model is of another kind.
    """
    remedy = "reinstall articleqa, or export the model again"

    def check(names: Sequence[str]) -> None:
        for name in names:
            if sha256_of(folder / name) != sums.get(name):
                raise ModelError(
                    f"{folder / name}: the file is not the one that was shipped (its sha256 differs); {remedy}"
                )

    try:
        # `splitlines` and a bare `split` would take a vertical tab for a line's end
        lines = [line.split("  ") for line in (folder / _SUMS).read_text().removesuffix("\n").split("\n")]
        sums = {name: digest for digest, name in lines}
        check(MODEL_FILES)
        told = json.loads((folder / "model.json").read_text())
        card = ModelCard(**told | {"margins": tuple(map(float, told.get("margins", ())))})
        check(card.files[len(MODEL_FILES) :])
    except OSError as error:
        raise ModelError(
            f"{error.filename or folder}: this model file cannot be read ({error.strerror}); {remedy}"
        ) from error
    except (ValueError, TypeError) as error:
        raise ModelError(f"{folder}: the model's card or list of hashes is damaged; {remedy}") from error
    if card.kind != kind:
        raise ModelError(f"{folder}: this model is a {card.kind}, not a {kind}; name a folder that holds a {kind}")
    return card, sums["model.onnx"]


def screen_file(number: int) -> str:
    """The name of a screen's file; the first is number 0."""
    return f"screen-{number + 1}.onnx"


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

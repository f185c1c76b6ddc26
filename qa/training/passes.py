"""The windows of a run, pass by pass: made as they are needed, or beforehand for a machine whose GPU must not wait."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from corpus import ModelError
from qa.training.examples import Questions
from qa.training.features import Batch, Feature, batched, features, load_features, save_features
from qa.training.settings import Settings

_FOLDER = "passes"


class Passes:
    """The passes over `sources` that `settings` ask for, or those that lie prepared in the run's folder.

    Pass `n` is the same whether it is prepared or not. Of N prepared passes, pass N is pass 0 again, in another order.
    """

    def __init__(self, settings: Settings, sources: Sequence[Questions], tokenizer: Any, folder: Path) -> None:  # noqa: ANN401 - of transformers
        """Raises `ModelError` when there is nothing to make passes of."""
        self.settings, self.sources, self.tokenizer = settings, sources, tokenizer
        self._folder = folder / _FOLDER
        self._prepared = sorted(self._folder.glob("*.npz"))
        if not sources and not self._prepared:
            raise ModelError(f"{folder}: no passes lie prepared here; give --data")

    @property
    def prepared(self) -> int:
        """How many passes lie prepared; when there are any, the sources are not read."""
        return len(self._prepared)

    def batches(self) -> Iterator[tuple[Batch, float]]:
        """Every batch of the run, in the run's order, with the passes over the data done after it."""
        for number in count():
            rng = random.Random(f"{self.settings.seed} {number} order")
            windows = (
                load_features(self._prepared[number % len(self._prepared)]) if self._prepared else self.features(number)
            )
            groups = list(
                batched(windows, tokens=self.settings.batch_tokens, pad=self.tokenizer.pad_token_id or 0, rng=rng)
            )
            for done, batch in enumerate(groups, start=1):
                yield batch, number + done / len(groups)

    def features(self, number: int) -> list[Feature]:
        """The windows of one pass."""
        rng = random.Random(f"{self.settings.seed} {number}")
        tokenizer = self.tokenizer.backend_tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()
        made: list[Feature] = []
        for source in self.sources:
            examples = source.sample(rng, self.settings.negatives)
            made += features(
                tokenizer, examples, max_tokens=self.settings.max_tokens, stride=self.settings.stride, rng=rng
            )
        return made

    def prepare(self, size: int) -> Iterator[Path]:
        """Write the first `size` passes to the run's folder, those that are there already left alone."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for number in range(size):
            path = self._folder / f"{number:03}.npz"
            if not path.exists():
                save_features(self.features(number), path)
            yield path

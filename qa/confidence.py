"""How sure an answer is: named signals, and a small fitted calibrator from signals to a probability."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus import ModelError
from corpus.whole import replacing

BUNDLED_CALIBRATOR = Path(__file__).parent / "models" / "confidence.json"
LIBRARY_CALIBRATOR = "confidence.json"
"""The file in a library's folder that `articleqa calibrate` writes."""

_RIDGE = 1.0
_MARGIN_LIMIT = 20.0
_GAP_LIMIT = 10.0
_LOGIT_LIMIT = 50.0
_WORD = re.compile(r"\w+")
_STEM = 5
_FUNCTION_WORDS = frozenset(
    "a an and are as at be been being but by can could did do does for from had has have he her him his how i if in"
    " into is it its many me much my no not of on or our s say says she should so than that the their them then there"
    " these they this those to was we were what when where which who whom whose why will with would you your".split()
)

_log = logging.getLogger(__name__)

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known about a span when its probability is estimated.

    `margin`: its score over the null score, in logits. `gap`: how far the next distinct answer ranks behind. `dense`
    and `lexical`: how well its passage fits the question, each up to 1. `agreement`: how many other passages read say
    the same, as log(1 + n). `cover`: the share of the question's content words that passage and heading hold.
    """

    margin: float
    gap: float
    dense: float
    lexical: float
    agreement: float
    cover: float

    def row(self) -> Matrix:
        """The signals as numbers of the calibrator's input, shape (6,), outliers cut."""
        values = np.array(astuple(self), np.float64)
        values[0] = np.clip(values[0], -_MARGIN_LIMIT, _MARGIN_LIMIT)
        values[1] = np.clip(values[1], 0.0, _GAP_LIMIT)
        return values


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Logistic regression over the signals, and the probability from which an answer is given."""

    weights: dict[str, float]
    bias: float
    threshold: float

    def probability(self, signals: Signals) -> float:
        """The probability that the span is right."""
        names = [field.name for field in fields(Signals)]
        logit = self.bias + float(signals.row() @ np.array([self.weights[name] for name in names]))
        return float(1.0 / (1.0 + np.exp(-np.clip(logit, -_LOGIT_LIMIT, _LOGIT_LIMIT))))

    def rescaled(self, slope: float, shift: float, *, threshold: float) -> Calibrator:
        """The calibrator whose log odds are `slope` times these plus `shift`; a `slope` above 0 keeps their order."""
        weights = {name: slope * weight for name, weight in self.weights.items()}
        return Calibrator(weights, slope * self.bias + shift, threshold)

    @classmethod
    def load(cls, path: Path = BUNDLED_CALIBRATOR) -> Calibrator:
        """Read a calibrator from its JSON file. Raises `ModelError` when it is missing or damaged."""
        try:
            return cls._read(path, "reinstall articleqa or fit it again")[0]
        except FileNotFoundError as error:
            raise ModelError(f"{path}: there is no such calibrator; reinstall articleqa or fit it again") from error

    @classmethod
    def of_library(cls, folder: Path | None, *, reader: str, embedder: str) -> Calibrator:
        """The calibrator that `articleqa calibrate` has fitted for the library in `folder`; without one, the bundled.

        Fitted with another reader or embedder it says nothing about these: a warning is logged, and the bundled one
        is used. Raises `ModelError` when the library's file is damaged.
        """
        if folder is None:
            return cls.load()
        path = folder / LIBRARY_CALIBRATOR
        try:
            own, notes = cls._read(path, "run `articleqa calibrate` again, or with --reset to delete it")
        except FileNotFoundError:
            return cls.load()
        fitted, now = (notes.get("reader"), notes.get("embedder")), (reader, embedder)
        if fitted == now:
            return own
        _log.warning(
            "%s: fitted with %s and %s, not with %s and %s; the bundled confidence is used", path, *fitted, *now
        )
        return cls.load()

    @classmethod
    def _read(cls, path: Path, remedy: str) -> tuple[Calibrator, dict[str, Any]]:
        """The calibrator in a file, and all that the file says. Raises `FileNotFoundError`, `ModelError`."""
        try:
            content = json.loads(path.read_text("utf-8"))
            weights = {field.name: float(content["weights"][field.name]) for field in fields(Signals)}
            bias, threshold = float(content["bias"]), float(content["threshold"])
            if not np.isfinite([*weights.values(), bias]).all() or not 0.0 <= threshold <= 1.0:
                raise ValueError(f"weights {weights}, bias {bias}, threshold {threshold}")
            return cls(weights, bias, threshold), content
        except FileNotFoundError:
            raise
        except OSError as error:
            raise ModelError(f"{path}: the calibrator cannot be read ({error.strerror}); {remedy}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path}: the calibrator's file is damaged; {remedy}") from error

    def save(self, path: Path, **notes: object) -> None:
        """Write the calibrator as JSON, with notes on how it was fitted, whole or not at all.

        Raises `ModelError` when the disk does not let us.
        """
        text = json.dumps(asdict(self) | notes, indent=1) + "\n"
        try:
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise ModelError(
                f"{path}: the calibrator cannot be written ({error.strerror}); check the disk and its permissions"
            ) from error


def fit(signals: Sequence[Signals], right: Sequence[bool], *, threshold: float) -> Calibrator:
    """Fit the calibrator by ridge-penalised maximum likelihood (Newton's method) on labelled spans.

    `right[i]` says whether the span of `signals[i]` was right. A signal that would count against an answer is left out:
    each can only speak for one, so confidence stays monotone in all of them. Raises `ValueError` without at least one
    of each kind.
    """
    if len(set(right)) < 2:
        raise ValueError(f"{len(right)} labelled spans of one kind: need at least one right and one wrong")
    rows = np.stack([one.row() for one in signals])
    mean, scale = rows.mean(0), rows.std(0) + 1e-9
    y = np.array(right, np.float64)
    used = np.ones(rows.shape[1], bool)
    while True:
        weights, bias = _logistic((rows[:, used] - mean[used]) / scale[used], y)
        if (weights >= 0).all():
            break
        used[np.flatnonzero(used)[weights < 0]] = False
    slopes = np.zeros(len(used))
    slopes[used] = weights / scale[used]
    names = [field.name for field in fields(Signals)]
    return Calibrator(dict(zip(names, slopes.tolist(), strict=True)), float(bias - slopes @ mean), threshold)


def _logistic(x: Matrix, y: Matrix) -> tuple[Matrix, float]:
    """Ridge-penalised logistic regression of y, shape (n,), on x, shape (n, m): weights of shape (m,) and bias."""
    x = np.column_stack([x, np.ones(len(x))])
    penalty = np.diag([_RIDGE] * (x.shape[1] - 1) + [0.0])
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-(x @ w)))
        step = np.linalg.solve((x.T * (p * (1 - p))) @ x + penalty, x.T @ (y - p) - penalty @ w)
        w += step
        if np.abs(step).max() < 1e-9:
            break
    return w[:-1], float(w[-1])


def content_words(text: str) -> list[str]:
    """The words that carry a question's meaning, lower-cased, in order."""
    return [word for word in _WORD.findall(text.lower()) if word not in _FUNCTION_WORDS]


def cover(question: str, text: str) -> float:
    """The share of the question's content words found in `text`, by their first five letters; 1 when it has none."""
    asked = {word[:_STEM] for word in content_words(question)}
    found = {word[:_STEM] for word in _WORD.findall(text.lower())}
    return len(asked & found) / len(asked) if asked else 1.0

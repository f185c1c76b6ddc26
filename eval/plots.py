"""Diagrams as PNG files, drawn with matplotlib, which is not needed for anything else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from corpus import ArticleQAError
from corpus.whole import replacing
from eval.metrics import calibration_error
from eval.thresholds import Flags, Floats, Rate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BINS = 10
_INK, _PALE = "#1f4e79", "#b8cbe0"


def reliability_diagram(p: Floats, right: Flags, path: Path, title: str) -> None:
    """Draw how often answers were right against how sure they were, with a histogram of the confidences below.

    `p` and `right` have shape (n,) with n > 0. In ten bins of equal width: the mean confidence, the share right, and
    its 95% interval (Clopper and Pearson); on the diagonal, confidence says what it means. Raises `ArticleQAError`
    without matplotlib, or when the disk does not let us. Source: Guo et al. 2017, figure 1.
    """
    figure = _figure(width=4.6, height=5.4)
    shares, counts = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (4, 1)})
    which = np.minimum((p * _BINS).astype(np.int64), _BINS - 1)
    filled = np.unique(which)
    rates = [Rate(int(right[which == one].sum()), int((which == one).sum())) for one in filled]
    sure = np.array([p[which == one].mean() for one in filled])
    share = np.array([rate.count / rate.of for rate in rates])
    low, high = np.array([rate.interval() for rate in rates]).T
    shares.plot((0, 1), (0, 1), color="grey", linestyle="--", linewidth=1)
    shares.errorbar(sure, share, (share - low, high - share), fmt="o", color=_INK, ecolor=_PALE, elinewidth=2)
    shares.set(xlim=(0, 1), ylim=(-0.02, 1.02), ylabel="share right, 95% intervals")
    shares.set_title(f"{title}\nECE {calibration_error(p, right.astype(np.float64)):.3f}, {len(p):,} questions")
    counts.bar((filled + 0.5) / _BINS, [rate.of for rate in rates], width=0.9 / _BINS, color=_PALE)
    counts.set(xlabel="confidence", ylabel="questions")
    _save(figure, path)


def curves(
    series: Sequence[tuple[str, Sequence[tuple[float, float]]]], path: Path, *, xlabel: str, by_tens: bool = False
) -> None:
    """Draw named lines of (x, y) points under one another, over one x axis; a line without points is left out.

    `by_tens` makes the axes logarithmic: x, and those y that grow by more than ten.

    Raises `ArticleQAError` without matplotlib, or when the disk does not let us.
    """
    drawn = [(name, points) for name, points in series if points]
    figure = _figure(width=6.4, height=1.2 + 1.6 * len(drawn))
    axes = figure.subplots(len(drawn), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (name, points) in zip(axes, drawn, strict=True):
        x, y = np.array(points, np.float64).T
        axis.plot(x, y, color=_INK, marker="o" if len(points) < _BINS * 2 else None, markersize=3, linewidth=1.2)
        axis.set(ylabel=name)
        if by_tens:
            axis.set_xscale("log")
            axis.set_yscale("log" if y.max() > _BINS * y.min() > 0 else "linear")
        axis.grid(color="#dddddd", linewidth=0.6)
    if drawn:
        axes[-1].set(xlabel=xlabel)
    _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, without the global state of pyplot."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ArticleQAError("the diagram needs matplotlib; pip install 'articleqa[plots]'") from error
    return Figure(figsize=(width, height), dpi=150, layout="constrained")


def _save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    try:
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png")
    except OSError as error:
        raise ArticleQAError(f"{path}: the diagram cannot be written ({error.strerror})") from error

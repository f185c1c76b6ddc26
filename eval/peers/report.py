"""What readers did side by side: as tables, and as JSON."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.dataset import ReadingExample
from eval.figures import Table, percent, share, shown_percent
from eval.metrics import exact_match, f1, mean, normalise
from eval.peers.run import FLOAT, OURS, PASSAGES, PEERS, REFERENCE, TOKENS, Measured
from index.onnx_model import processors

NEEDED_SAME = 0.98
_NEEDED = f"{100 * NEEDED_SAME:.0f}"
_REMEDY = "pip install 'articleqa[peers]'"
_COSTS = {"gold_ms": "ms, gold", "eight_ms": f"ms, {PASSAGES}", "peak_mb": "MB"}


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one reader: shares from 0 to 1, median milliseconds of a question, peak memory in MB (10^6).

    `answered` is the share of questions that it gave any answer from the gold passage. `costs` are the keys of
    `_COSTS`, and `ratios` those over the ones of the default reader. `same` is the share of questions whose best
    answer from eight passages is that of transformers, None where other rules choose it.
    """

    exact_match: float
    f1: float
    answered: float
    ways: Mapping[str, float]
    costs: Mapping[str, float | None]
    ratios: Mapping[str, float | None]
    same: float | None


def rows(examples: Sequence[ReadingExample], found: Mapping[str, Measured]) -> dict[str, Row]:
    """The figures of the readers that were measured."""
    costs = {key: _costs(one) for key, one in found.items()}
    return {
        key: Row(
            exact_match=mean([exact_match(text, one.answers) for text, one in zip(did.gold, examples, strict=True)]),
            f1=mean([f1(text, one.answers) for text, one in zip(did.gold, examples, strict=True)]),
            answered=mean([float(bool(text)) for text in did.gold]),
            ways=did.ways,
            costs=costs[key],
            ratios={name: _ratio(cost, costs[OURS][name]) for name, cost in costs[key].items()},
            same=_same(did, found[REFERENCE]) if key in {OURS, FLOAT} else None,
        )
        for key, did in found.items()
    }


def _costs(did: Measured) -> dict[str, float | None]:
    return {
        "gold_ms": statistics.median(did.gold_ms),
        "eight_ms": next(iter(did.ways.values())),
        "peak_mb": did.peak_mb,
    }


def _ratio(cost: float | None, ours: float | None) -> float | None:
    return None if cost is None or not ours else cost / ours


def _same(did: Measured, reference: Measured) -> float:
    pairs = zip(did.eight, reference.eight, strict=True)
    return mean([float(normalise(one) == normalise(other)) for one, other in pairs])


def tables(found: Mapping[str, Row]) -> list[Table]:
    """The figures of every reader, how many times ours its costs are, and what to do about those that are missing."""
    columns = ("reader", "EM", "F1", "answered", *_COSTS.values(), "same")
    ratios = tuple((peer.name, *_ratios(found[peer.key])) for peer in PEERS if peer.key in found)
    missing = tuple((peer.name, _REMEDY) for peer in PEERS if peer.key not in found)
    shown = [
        Table("Side by side", columns, tuple(_cells(peer.name, found.get(peer.key)) for peer in PEERS)),
        Table("Times ours", ("reader", *_COSTS.values()), ratios),
    ]
    return [*shown, Table("Not installed", ("reader", "remedy"), missing, is_text=True)] if missing else shown


def _cells(name: str, row: Row | None) -> tuple[str, ...]:
    if row is None:
        return (f"{name} (not installed)", *["-"] * (len(_COSTS) + 4))
    costs = ["-" if cost is None else f"{cost:.0f}" for cost in row.costs.values()]
    return (name, *map(shown_percent, (row.exact_match, row.f1, row.answered)), *costs, shown_percent(row.same))


def _ratios(row: Row) -> list[str]:
    return ["-" if ratio is None else f"{ratio:.2f}" for ratio in row.ratios.values()]


def notes(setup: Mapping[str, Any], found: Mapping[str, Row]) -> list[Table]:
    """What was compared and how, for Markdown."""
    what = (
        *((name.replace("_", " "), str(value)) for name, value in setup.items()),
        ("answered", "questions that get an answer, in percent; no answer counts as a wrong one"),
        ("ms, gold", "milliseconds of a question on its gold passage: the median; readers take turns"),
        (f"ms, {PASSAGES}", f"the same on {PASSAGES} passages, read in the reader's quickest way"),
        ("MB", "the most memory the reader's process had, resident"),
        ("same", f"the answer of transformers from {PASSAGES} passages, normalised, in percent; needed: {_NEEDED}"),
    )
    how = [
        (peer.name, ", ".join(f"{name} {one}" for name, one in (peer.versions or {}).items()), _how(peer.use, row))
        for peer in PEERS
        if (row := found.get(peer.key))
    ]
    return [
        Table("What was measured", ("what", "value"), what, is_text=True),
        Table("How", ("reader", "packages", "used as"), tuple(how), is_text=True),
    ]


def _how(use: str, row: Row) -> str:
    return f"{use}; {PASSAGES} passages: " + ", ".join(f"{way} {ms:.0f} ms" for way, ms in row.ways.items())


def to_dict(setup: Mapping[str, Any], found: Mapping[str, Row]) -> dict[str, Any]:
    """The JSON object of a comparison, without its facts; its keys are stable, and null where nothing was measured."""
    return {
        "kind": "peers",
        **setup,
        "same_answer_needed": NEEDED_SAME,
        "readers": {peer.key: {"name": peer.name, **_figures(peer.versions, found.get(peer.key))} for peer in PEERS},
    }


def _figures(versions: Mapping[str, str] | None, row: Row | None) -> dict[str, Any]:
    return {
        "versions": versions,
        "exact_match": percent(row.exact_match) if row else None,
        "f1": percent(row.f1) if row else None,
        "answered": share(row.answered) if row else None,
        **{name: _rounded(row.costs[name], 1) if row else None for name in _COSTS},
        "ratios": {name: _rounded(row.ratios[name], 3) if row else None for name in _COSTS},
        "eight_ms_by_way": {way: round(ms, 1) for way, ms in row.ways.items()} if row else None,
        "same_answer": share(row.same) if row else None,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def setup(dataset: str, model: str, examples: int, readings: int) -> dict[str, Any]:
    """What is going to be compared: the data set, the float model, how much of it, and on how busy a machine."""
    return {
        "dataset": dataset,
        "float_model": model,
        "questions": examples,
        "readings": readings,
        "passages_per_reading": PASSAGES,
        "tokens_per_passage": TOKENS,
        "threads": processors(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }

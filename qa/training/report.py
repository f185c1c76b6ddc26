"""What a run was made of and came to: `report.json`, `report.md` and `curves.png` in the run's folder."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from corpus import ArticleQAError
from eval.dataset import load_reading
from eval.facts import collect
from eval.output import write_output
from eval.plots import curves
from index.modelfiles import sha256_of
from qa.training.examples import KINDS, Questions, shingles
from qa.training.settings import Settings
from qa.training.trainer import LOG, Trainer

_DATA = "data.json"
_SMOOTHED = 50


def write_data(sources: Sequence[Questions], settings: Settings, dev: Path | None, folder: Path) -> None:
    """Write what the run in `folder` reads, for its report."""
    figures = {
        "data": [_source(source, settings) for source in sources],
        "development": _development(dev, sources) if dev else None,
    }
    (folder / _DATA).write_text(json.dumps(figures, indent=1))


def write_report(trainer: Trainer, say: Callable[[str], None]) -> None:
    """Write the report of a finished run, and its curves; `say` is told when there is no matplotlib to draw them."""
    rows = [json.loads(line) for line in (trainer.folder / LOG).read_text().splitlines()]
    facts = collect(trainer.settings.init)
    losses = _smoothed([row for row in rows if "loss" in row])
    figures: dict[str, Any] = {
        "kind": "training",
        "facts": {"date": facts.date, "platform": facts.platform, "cpus": facts.cpus, "torch": version("torch")},
        "settings": asdict(trainer.settings)
        | {"init": Path(trainer.settings.init).name, "teacher": Path(trainer.settings.teacher).name},
        "progress": asdict(trainer.progress) | {"device": trainer.device},
        **json.loads((trainer.folder / _DATA).read_text()),
        "evaluations": [row for row in rows if "loss" not in row],
        "loss": losses,
    }
    write_output(trainer.folder / "report.json", figures, _markdown(figures))
    evaluations: list[dict[str, float]] = [row for row in rows if "f1" in row]
    lines = [("training loss", [(row["step"], row["loss"]) for row in losses])] + [
        (name, [(row["step"], row[name]) for row in evaluations if name in row])
        for name in ("exact_match", "f1", "roc_area")
    ]
    try:
        curves(lines, trainer.folder / "curves.png", xlabel="step")
    except ArticleQAError as error:
        say(str(error))


def _source(source: Questions, settings: Settings) -> dict[str, Any]:
    """What one pass takes from one file."""
    examples = source.sample(random.Random(settings.seed), settings.negatives)
    kinds = Counter(example.kind for example in examples)
    return {
        "file": source.source.path.name,
        "sha256": sha256_of(source.source.path),
        "questions": len(source.answered) + len(source.unanswered),
        "passages": len(source.passages),
        "passages_held_out": source.held_out,
        "examples_in_a_pass": {kind: kinds[kind] for kind in KINDS},
    }


def _development(dev: Path, sources: Sequence[Questions]) -> dict[str, Any]:
    """The proof that no development passage was trained on: what training shares with it."""
    passages = {example.passage for example in load_reading(dev)}
    ours = {text for source in sources for text in source.passages}
    runs = {run for text in passages for run in shingles(text)}
    return {
        "file": dev.name,
        "sha256": sha256_of(dev),
        "passages": len(passages),
        "passages_in_training": len(passages & ours),
        "training_passages_with_13_words_in_common": sum(not runs.isdisjoint(shingles(text)) for text in ours),
        "passages_held_out_of_training": sum(source.held_out for source in sources),
    }


def _smoothed(rows: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """The mean loss of each run of 50 steps, at its last step."""
    groups = [rows[i : i + _SMOOTHED] for i in range(0, len(rows), _SMOOTHED)]
    return [
        {"step": group[-1]["step"], "loss": round(sum(row["loss"] for row in group) / len(group), 4)}
        for group in groups
    ]


def _markdown(figures: dict[str, Any]) -> str:
    done, settings, dev = figures["progress"], figures["settings"], figures["development"]
    about = (
        f"From `{settings['init']}`, on {figures['facts']['date'][:10]}: {done['step']:,} steps, {done['windows']:,} "
        f"windows, {done['tokens']:,} tokens, {done['passes']:.2f} passes over the data in {done['seconds'] / 60:.0f} "
        f"minutes on {done['device']} ({figures['facts']['cpus']} processors, torch {figures['facts']['torch']})."
    )
    lines = [
        "# Training report",
        "",
        about,
        "",
        "| data | questions | passages | held out | " + " | ".join(f"{kind} in a pass" for kind in KINDS) + " |",
        "|---|" + "---:|" * (3 + len(KINDS)),
        *(
            f"| {one['file']} | {one['questions']:,} | {one['passages']:,} | {one['passages_held_out']} | "
            + " | ".join(f"{one['examples_in_a_pass'][kind]:,}" for kind in KINDS)
            + " |"
            for one in figures["data"]
        ),
        "",
    ]
    if dev:
        proof = (
            f"Of the {dev['passages']} passages of `{dev['file']}` {dev['passages_in_training']} are in the training "
            f"data, and {dev['training_passages_with_13_words_in_common']} training passages share 13 successive words "
            f"with one of them ({dev['passages_held_out_of_training']} that did were left out)."
        )
        lines += [
            proof,
            "",
            "| step | share of the run | exact match | F1 | area under ROC |",
            "|---:|---:|---:|---:|---:|",
            *(
                f"| {row['step']:,} | {row['share']:.0%} | {row['exact_match']:.1%} | {row['f1']:.1%} | "
                f"{row.get('roc_area', float('nan')):.3f} |"
                for row in figures["evaluations"]
                if "f1" in row
            ),
            "",
            "![loss and figures by step](curves.png)",
            "",
        ]
    lines += ["Settings: " + ", ".join(f"{name} {value}" for name, value in settings.items()) + ".", ""]
    return "\n".join(lines)

"""Train a reader: `python -m qa.training --init MODEL --data FILE[:COUNT] … --out FOLDER`."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from corpus.errors import exit_code
from eval.dataset import ReadingExample, load_reading
from eval.reading import evaluate_reader
from qa.pretrained import load_tokenizer
from qa.torch_reader import TorchReader
from qa.training.examples import Questions, Source, shingles
from qa.training.passes import Passes
from qa.training.report import write_data, write_report
from qa.training.settings import Settings
from qa.training.trainer import Trainer

_DEV_QUESTIONS = 150
_NO_OPTION = ("init", "negatives")


@exit_code
def main(arguments: list[str] | None = None) -> None:
    """Train as the command line says."""
    options = _parser().parse_args(arguments)
    held_out = {run for one in load_reading(options.dev) for run in shingles(one.passage)} if options.dev else ()
    sources = [Questions(source, held_out=frozenset(held_out)) for source in options.data]
    given = {one.name: getattr(options, one.name) for one in fields(Settings) if one.name not in _NO_OPTION}
    settings = Settings(init=options.init, **given)
    if options.prepare:
        passes = Passes(settings, sources, load_tokenizer(options.init), options.out)
        for path in passes.prepare(options.prepare):
            _say(f"prepared {path}")
        write_data(sources, settings, options.dev, options.out)
        return
    trainer = Trainer(settings, sources, options.out)
    if sources and trainer.passes.prepared:
        _say(f"the {trainer.passes.prepared} passes prepared in {options.out} are read, not --data")
    elif sources:
        write_data(sources, settings, options.dev, options.out)
    trainer.run(evaluation(options.dev, options.seed) if options.dev else lambda _: {}, _say)
    trainer.save_model(options.out / "model")
    write_report(trainer, _say)


def evaluation(dev: Path, seed: int) -> Callable[[Trainer], dict[str, float]]:
    """What is measured during a run, on 150 questions of `dev`.

    Exact match and F1 on their passages, 0 to 1, and the area under the ROC curve of the span score, against close
    passages that do not answer.
    """
    questions = Questions(Source(dev))
    rng = random.Random(seed)
    right = rng.sample(questions.answered, min(_DEV_QUESTIONS, len(questions.answered)))
    wrong = [found for one in right if (found := questions.negative("wrong passage", one, rng))]
    examples = [
        ReadingExample(str(number), one.question, one.passage, questions.accepted(one))
        for number, one in enumerate([*right, *wrong])
    ]

    def evaluate(trainer: Trainer) -> dict[str, float]:
        folder = trainer.folder / "model"
        trainer.save_model(folder)
        report = evaluate_reader(TorchReader(str(folder)), examples, threshold=float("-inf"))
        scores = {"exact_match": report.answerable.exact_match or 0.0, "f1": report.answerable.f1 or 0.0}
        return scores if report.roc_area is None else scores | {"roc_area": report.roc_area}

    return evaluate


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m qa.training", description=__doc__)
    parser.add_argument("--init", required=True, help="the model to start from: hub name or folder")
    parser.add_argument(
        "--data",
        default=[],
        action="append",
        type=Source.parse,
        metavar="FILE[:COUNT]",
        help="SQuAD JSON or our JSONL, .gz allowed; COUNT questions of it in a pass (default: each once); "
        "not needed where passes lie prepared in --out",
    )
    parser.add_argument("--dev", type=Path, help="development questions; passages like theirs are not trained on")
    parser.add_argument("--out", required=True, type=Path, help="the run's folder; the same again resumes the run")
    parser.add_argument(
        "--prepare",
        type=int,
        default=0,
        metavar="N",
        help="write the first N passes to --out and stop, for a machine whose GPU must not wait for them",
    )
    for one in fields(Settings):
        if one.name not in _NO_OPTION:
            kind = float if one.default is None else type(one.default)
            about = f"{one.metadata['help']} (default: {one.default})"
            parser.add_argument(f"--{one.name.replace('_', '-')}", type=kind, default=one.default, help=about)
    return parser


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

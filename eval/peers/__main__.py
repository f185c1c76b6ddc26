"""Side by side with other extractive readers: `python -m eval.peers DATASET`.

The others read with float weights: those of the bundled int8 reader, restored, unless `--weights` names some. It needs
a machine that does nothing else: the threads of torch wait for one another by spinning, so that a busy neighbour slows
the readers on torch many times more than ours. The report says how busy it was before.
"""

from __future__ import annotations

import argparse
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from corpus import ArticleQAError, ModelError, QuestionError
from eval.commands import print_tables, progress
from eval.dataset import load_reading
from eval.facts import collect
from eval.figures import markdown
from eval.output import check_output, write_output
from eval.peers import report
from eval.peers.run import eight_passages, measure
from index.modelfiles import verify
from qa.reader import BUNDLED_READER
from qa.restore import restore_reader


def run_peers(
    dataset: Path, weights: Path | None, *, limit: int | None, readings: int, json_out: Path | None, console: Console
) -> dict[str, report.Row]:
    """Compare the readers, print the numbers to `console`, and write them to `json_out` and a .md beside it.

    Only answerable questions are asked: the first `limit`, and the first `readings` of these also of eight passages.
    Raises `ArticleQAError` when a file, the float model in the folder `weights` or a reader is not usable.
    """
    from tokenizers import Tokenizer

    check_output(json_out)
    if weights is not None and not (weights / "config.json").is_file():
        raise ModelError(f"{weights}: no model in this folder (config.json is missing); give the float model's folder")
    examples = [one for one in load_reading(dataset) if one.answerable]
    if not examples:
        raise QuestionError(f"{dataset}: no question in it has an answer; use a data set with answers")
    texts = {text: place for place, text in enumerate(dict.fromkeys(one.passage for one in examples))}
    examples = examples[:limit]
    tokenizer = Tokenizer.from_file(str(BUNDLED_READER / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    eights = [eight_passages(list(texts), texts[one.passage], tokenizer) for one in examples[:readings]]
    facts = collect(verify(BUNDLED_READER, "reader")[0].name)
    model = weights.absolute().name if weights else f"{facts.reader}, restored"
    setup = report.setup(dataset.name, model, len(examples), len(eights))
    with float_weights(weights) as folder, progress("reading", len(examples)) as advance:
        found = report.rows(examples, measure(examples, eights, folder, on_progress=advance))
    print_tables(console, report.tables(found))
    if json_out is not None:
        facts = replace(facts, command=_command(dataset, weights, limit, readings, json_out))
        figures = report.to_dict(setup, found) | {"run": asdict(facts)}
        parts = [*report.tables(found), *report.notes(setup, found)]
        write_output(json_out, figures, markdown("Side by side with other readers", facts, parts))
    return found


@contextmanager
def float_weights(weights: Path | None = None) -> Iterator[Path]:
    """The folder of float weights that is given, or one of the bundled reader's that lasts as long as the context."""
    if weights is not None:
        yield weights
        return
    with tempfile.TemporaryDirectory(prefix="articleqa-peers-") as folder:
        try:
            restore_reader(BUNDLED_READER, Path(folder))
        except ImportError as error:
            remedy = "pip install 'articleqa[export]', or give --weights FOLDER"
            raise ModelError(f"the reader's float weights cannot be restored ({error}); {remedy}") from error
        yield Path(folder)


def _command(dataset: Path, weights: Path | None, limit: int | None, readings: int, json_out: Path) -> str:
    """The command without the folders of this machine."""
    parts = ["python", "-m", "eval.peers", dataset.name]
    parts += [] if weights is None else ["--weights", weights.absolute().name]
    parts += [] if limit is None else ["--limit", str(limit)]
    out = json_out.name if json_out.is_absolute() else str(json_out)
    return shlex.join([*parts, "--readings", str(readings), "--json", out])


def main(arguments: list[str] | None = None) -> int:
    """Compare as the command line says; the exit code, 2 after an error that the user can mend."""
    parser = argparse.ArgumentParser(prog="python -m eval.peers", description=__doc__)
    parser.add_argument("dataset", type=Path, help="a reading data set that the reader was not trained on")
    parser.add_argument(
        "--weights", type=Path, help="a folder of float weights (those of the bundled reader, restored)"
    )
    parser.add_argument("--limit", type=_count, help="ask so many questions only")
    parser.add_argument("--readings", type=_count, default=200, help="ask so many of eight passages, too (200)")
    parser.add_argument("--json", type=Path, help="write the figures here as JSON, and a .md beside it")
    options = parser.parse_args(arguments)
    try:
        run_peers(
            options.dataset,
            options.weights,
            limit=options.limit,
            readings=options.readings,
            json_out=options.json,
            console=Console(),
        )
    except ArticleQAError as error:
        Console(stderr=True, soft_wrap=True).print(Text(f"error: {error}"))
        return 2
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of questions; give 1 or more")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())

"""What `articleqa calibrate` does: ask, fit the library's own confidence (see `eval.calibration`), store and report."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from corpus import ArticleQAError, LibraryError, QuestionError
from eval.calibration import Calibration, calibrate, labelled
from eval.commands import print_tables, progress
from eval.dataset import load_questions
from eval.facts import collect
from eval.figures import Table, interval, markdown, share, shown, shown_interval
from eval.output import check_output, write_output
from eval.plots import reliability_diagram
from eval.run import evaluate
from eval.thresholds import Flags, Floats
from index import default_library_path, is_folder
from qa import ArticleQA, Settings
from qa.confidence import LIBRARY_CALIBRATOR, Calibrator


def run_calibrate(
    questions_path: Path,
    library: str | Path | None,
    json_out: Path | None,
    reader: str | None,
    embedder: str | None,
    console: Console,
    *,
    target: float = 0.1,
    assurance: float = 0.95,
) -> Calibration:
    """Ask a file of questions of a library, fit its confidence, and write that and a diagram into its folder.

    From then on `ArticleQA` uses it for this library, with the same reader and embedder. Prints to `console`, writes
    the figures to `json_out` and a .md. Raises `ArticleQAError` when a file, the library or a model is not usable, or
    the questions are too few; then nothing is written.
    """
    check_output(json_out)
    path = _file_of(library)
    questions = load_questions(questions_path)
    bundled, anyhow = Calibrator.load(), Settings(alternatives=0, threshold=0.0)
    with ArticleQA.open(library, reader=reader, embedder=embedder, calibrator=bundled, settings=anyhow) as bot:
        passages = sum(info.passages for info in bot.library.articles())
        facts = collect(bot.reader.name, embedder=bot.library.embedder.name, passages=passages)
        with progress("asking", len(questions)) as advance:
            asked = labelled(evaluate(bot, questions, on_progress=advance))
    try:
        found = calibrate(asked, threshold=bundled.threshold, target=target, assurance=assurance)
    except QuestionError as error:
        raise QuestionError(f"{questions_path}: {error}") from error
    fitted = bundled.rescaled(**asdict(found.rescaling), threshold=found.threshold)
    notes = {"fitted_on": questions_path.name, "questions": len(questions)} | to_dict(found)
    fitted.save(path, reader=facts.reader, embedder=facts.embedder, **notes)
    figures = table(found, bundled.threshold)
    print_tables(console, [figures])
    for line in (summary(found), f"written: {path}", _diagram(found.p, asked.right, path.with_suffix(".png"))):
        console.print(Text(line), soft_wrap=True)
    if json_out is not None:
        text = markdown("Calibration", facts, [figures]) + f"\n{summary(found)}\n"
        run = {"threshold": found.threshold, "run": asdict(facts)}
        write_output(json_out, {"kind": "calibration"} | notes | run, text)
    return found


def reset(library: str | Path | None, console: Console) -> None:
    """Delete a library's own confidence, so that the bundled one is used. Raises `LibraryError` when that fails."""
    path = _file_of(library)
    was_there = path.exists()
    try:
        for file in (path, path.with_suffix(".png")):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise LibraryError(f"{path}: cannot be deleted ({error.strerror}); check its permissions") from error
    done = f"{path}: deleted" if was_there else f"{path}: not there, nothing to delete"
    console.print(Text(f"{done}; the bundled confidence is used"), soft_wrap=True)


def summary(found: Calibration) -> str:
    """The promise in a sentence, or that there is none and why."""
    rate, most, sure = found.fitted.false_answers, _percent(found.target), _percent(found.assurance)
    if not found.promised:
        return (
            f"NO PROMISE: only {rate.of} of the questions are ones that the articles do not answer; to promise at most "
            f"{most} false answers with {sure} assurance takes {found.needed}. The threshold is by the rate observed."
        )
    promise = (
        f"PROMISE, with {sure} assurance: of questions like these that the articles do not answer, at most {most} get "
        f"an answer (here {rate.count} of {rate.of}, upper bound {_percent(rate.upper_bound(found.assurance))})."
    )
    nothing = " No question at all gets one: allow more false answers, or add questions that are not answered."
    return promise if found.fitted.precision.of else promise + nothing


def table(found: Calibration, threshold: float) -> Table:
    """The bundled confidence with its own `threshold` beside the fitted one."""
    both = (found.bundled, found.fitted)
    rows = {
        "answered, of answerable": [shown(one.answered.share) for one in both],
        "answered right, of answerable": [shown(one.answered_right.share) for one in both],
        "false answers, of unanswerable": [shown(one.false_answers.share) for one in both],
        "right, of answers given": [shown(one.precision.share) for one in both],
        "right, 95% interval": [shown_interval(one.precision.interval()) for one in both],
        "calibration error (ECE), cross-validated": [shown(one.calibration_error) for one in both],
        "threshold": [shown(threshold), shown(found.threshold)],
    }
    cells = tuple((name, *values) for name, values in rows.items())
    return Table("Confidence", ("measure", "bundled", "fitted"), cells)


def to_dict(found: Calibration) -> dict[str, Any]:
    """The figures for JSON, shares from 0 to 1, intervals in percent; the promise is null when there is none."""
    rate = found.fitted.false_answers
    promise = {
        "false_answers": found.target,
        "assurance": found.assurance,
        "upper_bound": share(rate.upper_bound(found.assurance)),
        "unanswerable": rate.of,
        "answered": rate.count,
    }
    return {
        **asdict(found.rescaling),
        "promise": promise if found.promised else None,
        "unanswerable_needed": found.needed,
        "bundled": found.bundled.to_dict(),
        "fitted": found.fitted.to_dict() | {"precision_interval_95": interval(found.fitted.precision.interval())},
    }


def _file_of(library: str | Path | None) -> Path:
    if library and not is_folder(library):
        raise LibraryError(f"{library}: its confidence cannot be kept on Milvus; calibrate a library in a folder")
    return Path(library or default_library_path()) / LIBRARY_CALIBRATOR


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _diagram(p: Floats, right: Flags, path: Path) -> str:
    """Draw the diagram; a line that says where it is, or why there is none."""
    try:
        path.unlink(missing_ok=True)
        reliability_diagram(p, right, path, title="Confidence, cross-validated")
    except (ArticleQAError, OSError) as error:
        return f"no diagram: {error}"
    return f"diagram: {path}"

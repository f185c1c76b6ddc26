"""Cost against size: `python -m eval.size --sizes 1e3 1e4 1e5 1e6 --out eval/results/size [--data FOLDER]`.

For each number of passages a library is made (see `eval/size_library.py`), indexed and measured in processes of its
own. Libraries and figures are kept in the folder that --work names, and what is there already is not made or measured
again. Written are OUT.json, OUT.md and the diagram OUT.png.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from math import log10
from pathlib import Path
from typing import Any

from corpus import ArticleQAError
from eval.facts import collect
from eval.output import check_output, write_output, write_text
from eval.plots import curves
from eval.size_library import NEWS, Source, fill, source
from index import Embedder, load_embedder

FILES = ("squadshifts-wiki", "squadshifts-reddit", "squadshifts-amazon")
_HOME = Path(__file__).parent.parent
_ASKED = 130
_MB = 1e6
ROWS: dict[str, str] = {
    "search_ms": "hybrid search, ms, median",
    "search_p95_ms": "hybrid search, ms, p95",
    "search_cpu_ms": "hybrid search, processor ms, median",
    "recall_at_10": "recall@10 against exact search",
    "memory_mb": "resident memory, MB",
    "memory_own_mb": "of it not mapped from files, MB",
    "open_s": "opening, s",
    "first_question_ms": "first question after opening, ms",
    "add_ms": "adding one article, ms, median of 5",
    "add_most_ms": "adding one article, ms, most of 5",
    "add_cpu_ms": "adding one article, processor ms, mean of 5",
    "remove_ms": "removing one article, ms, median of 5",
    "build_s": "making all indexes, s",
    "build_cpu_s": "making all indexes, processor s",
    "build_peak_mb": "memory while making them, MB at most",
    "bytes_a_passage": "bytes a passage: database, vectors' index, words' index",
    "load": "load of the machine when measured",
    "priority": "priority of the measuring process",
}
DRAWN = {
    "search_ms": "search, ms",
    "memory_mb": "memory, MB",
    "build_cpu_s": "indexing, s",
    "add_ms": "adding one, ms",
    "recall_at_10": "recall@10",
}


def measured(size: int, of: Source, embedder: Embedder, work: Path) -> dict[str, Any]:
    """The figures of a library of so many passages, from `work` if they are there. Raises `ArticleQAError`."""
    library, asked, kept = work / str(size), work / f"{size}.json", work / f"{size}.figures.json"
    figures: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {"passages": size}
    if "build_s" not in figures:
        fill(library, of, size, embedder)
        write_text(asked, json.dumps(of.questions[:_ASKED]))
        figures |= _child("build", library, asked)
        figures["bytes_a_passage"] = [round(_bytes(library, pattern) / size) for pattern in _PLACES]
        write_text(kept, json.dumps(figures))
    if "search_ms" not in figures:
        figures |= _child("measure", library, asked)
        write_text(kept, json.dumps(figures))
    return figures


_PLACES = ("library.sqlite*", "snapshots/*/dense/*", "snapshots/*/lexical/*")


def growth(figures: Sequence[dict[str, Any]], name: str) -> float | None:
    """The exponent with which a figure grows from the last size but one to the last; under 1 is less than linear."""
    if len(figures) < 2 or not figures[-2][name] or not figures[-1][name]:
        return None
    return log10(figures[-1][name] / figures[-2][name]) / log10(figures[-1]["passages"] / figures[-2]["passages"])


def report(figures: Sequence[dict[str, Any]], facts: dict[str, Any]) -> str:
    """The figures in Markdown, a column for each size."""
    lines = ["# Cost against size", "", f"`{facts['command']}`", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items() if name != "command" and value is not None]
    lines += ["", "Passages are real sentences put together at random, their vectors means of the sentences' vectors;"]
    lines += ["questions are real ones about these sentences. Hybrid search is all of `Library.search` with ten hits:"]
    lines += ["the question embedded, mended, searched by meaning and by words, and its hits read and compared.", ""]
    lines += ["| | " + " | ".join(f"{one['passages']:,}" for one in figures) + " | grows as n to the |"]
    lines += ["|---|" + "---:|" * (len(figures) + 1)]
    for name, label in ROWS.items():
        power = growth(figures, name) if name in DRAWN and name != "recall_at_10" else None
        cells = [_shown(one.get(name)) for one in figures] + ["" if power is None else f"{power:.2f}"]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    parts = [f"{one['passages']:,}: " + ", ".join(f"{k} {v}" for k, v in one["parts_ms"].items()) for one in figures]
    return "\n".join([*lines, "", "Parts of a search, ms, median. " + "; ".join(parts) + ".", ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=float, default=[1e3, 1e4, 1e5])
    parser.add_argument("--out", type=Path, default=Path("eval/results/size"))
    parser.add_argument("--data", type=Path, help="a folder with the reading data; else the news for training are used")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "articleqa-size")
    options = parser.parse_args(arguments)
    out = options.out.with_suffix(".json")
    try:
        check_output(out)
        options.work.mkdir(parents=True, exist_ok=True)
        embedder = load_embedder()
        files = [options.data / f"{name}.jsonl.gz" for name in FILES] if options.data else [NEWS]
        of = source(files, embedder, options.work / "vectors")
        figures = [measured(int(size), of, embedder, options.work) for size in sorted(options.sizes)]
        facts = collect("none", embedder=embedder.name)
        about = {
            "command": shlex.join(["python", "-m", "eval.size", *(arguments or sys.argv[1:])]),
            "date": facts.date,
            "platform": facts.platform,
            "cpus": facts.cpus,
        }
        write_output(out, {"kind": "size", "run": about, "sizes": figures}, report(figures, about))
        series = [(label, [(one["passages"], one[name]) for one in figures]) for name, label in DRAWN.items()]
        curves(series, out.with_suffix(".png"), xlabel="passages", by_tens=True)
    except (ArticleQAError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print(out.with_suffix(".md").read_text(encoding="utf-8"))  # noqa: T201
    return 0


def _child(what: str, library: Path, asked: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "eval.size_measure", what, str(library), str(asked)]
    done = subprocess.run(command, cwd=_HOME, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode:
        raise ArticleQAError(f"{library}: could not be measured (see above); delete it and run this again")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _bytes(library: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in library.glob(pattern))


def _shown(value: float | str | list[int] | None) -> str:
    if value is None or isinstance(value, str):
        return value or "-"
    return " + ".join(map(str, value)) if isinstance(value, list) else f"{value:,}"


if __name__ == "__main__":
    sys.exit(main())

# ruff: noqa: E501, PLW0108, PT017, C901 - tables of files and of what is done to them
"""Broken files by the thousand, through the parser cell: `python tests/mutants.py --count 20000 --kind pdf`.

Each is a good file of its format with bits flipped, pieces cut, doubled or swapped, numbers changed or words of the
format strewn in. A good file after every ten must be read as ever. Prints what became of them, the slowest, and the
most memory that the child took.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from formats import column, page, paragraph, pdf, warc, word, zipped

from corpus import ArticleFileError
from corpus.cell import Cell

GOOD = b"A good file between broken ones."
FEED = (
    '<rss version="2.0"><channel><title>News</title><item><title>Bridge opens</title><link>https://example.org/a</link>'
    "<description>The bridge was opened on Monday.</description></item></channel></rss>"
)
STORY = [f"Line {number} of the story says that boat {number} left at dawn." for number in range(30)]
SEEDS: dict[str, list[tuple[str, Callable[[], bytes]]]] = {
    "pdf": [
        ("a.pdf", lambda: pdf(column(72, 700, STORY), column(72, 700, STORY[::-1]), title="Boats")),
        ("a.pdf", lambda: pdf([*column(60, 700, STORY), *column(320, 700, STORY)], outline=[("One", 1)])),
    ],
    "html": [("a.html", lambda: page().encode()), ("a.html", lambda: page("<table><tr><th>a<td>1</table>").encode())],
    "text": [
        ("a.md", lambda: ("---\ntitle: Boats\n---\n# Boats\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n" + "\n".join(STORY)).encode()),
        ("a.txt", lambda: "\n".join(STORY).encode("utf-16")),
        ("a.jsonl", lambda: b'{"id": "a", "title": "T", "text": "One.", "published": "2023-10-19"}\n{"text": "Two."}\n'),
        ("a.xml", lambda: FEED.encode()),
    ],
    "docx": [("a.docx", lambda: word(body="".join(paragraph(line) for line in STORY)))],
    "packed": [
        ("a.zip", lambda: zipped(("a.txt", "One."), ("b.html", page()), ("c.md", "# Three"))),
        ("a.warc", lambda: warc(("https://example.org/a", "200 OK", [("Content-Type", "text/html")], page().encode()))),
    ],
}  # fmt: skip
WORDS = [
    b"obj", b"endobj", b"stream", b"endstream", b"<<", b">>", b"/Kids", b"/Filter /FlateDecode", b"xref", b"0 R", b"-1", b"<",
    b"</", b"<table>", b"<!--", b"<![CDATA[", b"&#x110000;", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"[", b'"', b"\\ud800",
    b"PK\x03\x04", b"PK\x05\x06", b"99999999999999999999", b"\n" * 50, b"%PDF-", b"WARC/1.0\r\n", b"---\n", b"![](", b"> ",
]  # fmt: skip


def mutant(data: bytes, rng: random.Random) -> bytes:
    """The file with one to six things done to it."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        if not out:
            break
        at, length = rng.randrange(len(out)), rng.randint(1, max(1, len(out) // 4))
        match rng.randrange(7):
            case 0:
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                del out[at : at + length]
            case 2:
                del out[at:]
            case 3:
                out[at:at] = out[at : at + length] * rng.choice((1, 2, 20))
            case 4:
                out[at:at] = rng.choice(WORDS) * rng.choice((1, 1, 1, 100))
            case 5:
                numbers = list(re.finditer(rb"\d+", bytes(out)))
                if numbers:
                    found = rng.choice(numbers)
                    out[found.start() : found.end()] = str(
                        rng.choice((0, -1, 2**31, 10**12, rng.randrange(9999)))
                    ).encode()
            case 6:
                other = rng.randrange(len(out))
                out[at : at + length], out[other : other + length] = out[other : other + length], out[at : at + length]
    return bytes(out[: 4 * 2**20])


def run(kind: str, count: int, seed: int, *, memory: int = 512 * 2**20, seconds: float = 10.0) -> dict[str, float]:
    """Parse `count` mutants of a kind; how many were read, refused or given up, the slowest in seconds, the peak in MB.

    Raises `AssertionError` when a good file between them is not read, or a reply takes longer than the limit.
    """
    rng, outcomes = random.Random(f"{kind} {seed}"), Counter[str]()
    seeds = [(name, make()) for name, make in SEEDS[kind]]
    slowest = peak = 0.0
    with Cell(memory=memory, seconds=seconds) as cell:
        for number in range(count):
            name, data = rng.choice(seeds)
            broken = mutant(data, rng)
            begun = time.monotonic()
            try:
                loaded = cell.load_bytes(broken, source=name)
            except ArticleFileError as error:
                assert "\n" not in str(error)
                outcomes[
                    "given up"
                    if re.search("was stopped|crashed|ended the parser|reading it", str(error))
                    else "refused"
                ] += 1
            else:
                outcomes["read" if loaded.articles else "refused"] += 1
            slowest = max(slowest, time.monotonic() - begun)
            if number % 10 == 9:
                assert cell.load_bytes(GOOD, source="good.txt").articles[0].text == GOOD.decode()
                peak = max(peak, _peak(cell))
    assert slowest < seconds + 2, slowest
    return {"files": count, **outcomes, "slowest_s": round(slowest, 2), "peak_mb": round(peak, 1)}


def _peak(cell: Cell) -> float:
    """The most memory (resident, MB) that the child has had, 0 where the system does not say."""
    try:
        status = Path(f"/proc/{cell._child.pid if cell._child else 0}/status").read_text()
    except OSError:
        return 0.0
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def main() -> None:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=[*SEEDS, "all"], default="all")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for kind in SEEDS if options.kind == "all" else [options.kind]:
        begun = time.monotonic()
        print(kind, run(kind, options.count, options.seed), f"{time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

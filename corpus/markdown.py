"""Markdown as an article: headings as anchors, rows of tables as sentences, YAML front matter as facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import yaml

from corpus.articles import Anchor, Article, slug
from corpus.dates import byline_date, header, parse_date
from corpus.raw import Loaded, Raw, decode
from corpus.tables import sentences

_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?\r?\n)?---[ \t]*(?:\r?\n|$)", re.DOTALL)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(\S.*)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)\s*")
_NO_HEADING = re.compile(r"\s*$| {4}|\t|\s*(?:[-*+>|#]|\d+[.)])(?:\s|$)")
_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?\s*")
_BAR = re.compile(r"(?<!\\)\|")


def load_markdown(raw: Raw) -> Loaded:
    """One article from Markdown; the text stays as it is written, but for the rows of tables."""
    whole = decode(raw)
    front = _FRONT_MATTER.match(whole)
    facts = _front_matter(front[1] or "", raw) if front else {}
    written = whole[front.end() :] if front else whole
    if not written.strip():
        raise raw.refused("there is nothing after the front matter; there is nothing to ask about")
    text, anchors = _read(written.split("\n"))
    stated, title = header(text)
    article = Article(
        id=slug(raw.stem),
        title=str(facts.get("title") or title or (anchors[0].label if anchors else raw.stem)),
        text=text,
        source=str(facts.get("source") or facts.get("url") or raw.source),
        published=parse_date(facts.get("date")) or stated or raw.dated or byline_date(text),
        author=_names(facts.get("author")),
        language=str(facts["language"]) if facts.get("language") else None,
        anchors=anchors,
    )
    return Loaded((article,))


def _read(lines: Sequence[str]) -> tuple[str, tuple[Anchor, ...]]:
    """The text with its tables spelt out, and the headings in it; fenced code stays as it is."""
    out: list[str] = []
    anchors: list[Anchor] = []
    offset, after_table = 0, 0
    for number, (line, is_code) in enumerate(zip(lines, _fenced(lines), strict=True)):
        if number < after_table:
            continue
        written = [line]
        if not is_code:
            rows = _table(lines, number)
            if rows:
                after_table = number + len(rows) + 1
                end = "\r" if line.endswith("\r") else ""
                written = [sentence + end for sentence in sentences(rows[1:], header=rows[0])]
            elif label := _heading(lines, number):
                anchors.append(Anchor(offset, label))
        out += written
        offset += sum(len(one) + 1 for one in written)
    return "\n".join(out), tuple(anchors)


def _fenced(lines: Sequence[str]) -> Iterator[bool]:
    """Whether each line belongs to a block of fenced code."""
    fence = ""
    for line in lines:
        found = _FENCE.match(line)
        yield bool(fence or found)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not found[2].strip():
            fence = ""


def _heading(lines: Sequence[str], number: int) -> str | None:
    """The label of the heading that this line is, by `#` before it or a rule under it; None for other lines."""
    line = lines[number]
    if found := _HEADING.match(line):
        words = found[1].rstrip()
        opened = words.rstrip("#")  # a closing run of # after a space is no part of it
        return opened.rstrip() if opened[-1:].isspace() else words
    alone = number == 0 or not lines[number - 1].strip()
    underlined = number + 1 < len(lines) and _UNDERLINE.fullmatch(lines[number + 1])
    return line.strip() if alone and underlined and not _NO_HEADING.match(line) else None


def _table(lines: Sequence[str], number: int) -> list[list[str]]:
    """The rows of the table that begins with this line, its header first; none when no table does."""
    line, rule = lines[number], lines[number + 1] if number + 1 < len(lines) else ""
    if "|" not in line or "|" not in rule or not _RULE.fullmatch(rule) or len(_cells(line)) != len(_cells(rule)):
        return []
    rows = [_cells(line)]
    for row in islice(lines, number + 2, None):
        if not row.strip() or not _BAR.search(row):
            break
        rows.append(_cells(row)[: len(rows[0])])
    return rows


def _cells(line: str) -> list[str]:
    inside = line.strip().removeprefix("|")
    cells = [cell.strip().replace("\\|", "|") for cell in _BAR.split(inside)]
    return cells if cells[-1] or len(cells) == 1 else cells[:-1]


def _names(author: object) -> str | None:
    names = author if isinstance(author, list) else [author] if author else []
    return ", ".join(str(name) for name in names) or None


def _front_matter(block: str, raw: Raw) -> dict[str, Any]:
    try:
        facts = yaml.safe_load(block) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = str(error).splitlines()[0]
        raise raw.refused(
            f"the front matter is not valid YAML ({problem}); mend the block between the --- lines"
        ) from error
    if not isinstance(facts, dict):
        raise raw.refused("the front matter is not a list of `key: value` lines; mend the block between the --- lines")
    return facts

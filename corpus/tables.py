"""Rows of tables as sentences that a reader can answer from."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_CELL = 400
_LONGEST_LABEL = 60
_CLOSED = (".", "!", "?")


def sentences(
    rows: Sequence[Sequence[str]], *, header: Sequence[str] | None = None, labelled: bool = False
) -> list[str]:
    """A sentence for each row that holds text, such as `Driver: Sims; Car: Cadillac; Points: 22`.

    `header` names the columns. Without one, `labelled` says that the first cell of each row names the others; without
    either, both are told from the cells.
    """
    rows = [[" ".join(cell.split()) for cell in row] for row in rows]
    rows = [row for row in rows if any(row)]
    if header is None and not labelled:
        if _is_header(rows):
            header, rows = rows[0], rows[1:]
        else:
            labelled = _is_labelled(rows)
    if header is not None:
        names = [" ".join(name.split()) for name in header]
        if not rows:
            return [_sentence([name for name in names if name])] if any(names) else []
        return [_sentence(_paired(names, row)) for row in rows]
    if labelled:
        return [_sentence([_pair(row[0], ", ".join(cell for cell in row[1:] if cell))]) for row in rows]
    return [_sentence([cell for cell in row if cell]) for row in rows]


def _sentence(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return text if text.endswith(_CLOSED) else text + "."


def _paired(names: Sequence[str], row: Sequence[str]) -> list[str]:
    if len(row) == 1:  # a cell over the whole width belongs to no column
        names = []
    return [_pair(names[column] if column < len(names) else "", cell) for column, cell in enumerate(row) if cell]


def _pair(name: str, cell: str) -> str:
    name = name.removesuffix(":").rstrip()
    return f"{name}: {cell}" if name and cell else name or cell


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row reads as names of the columns: short, distinct, without figures, over at least one row.

    Of two columns, the second has to hold figures in every other row; else the first column could name the second.
    """
    if len(rows) < 2 or len(rows[0]) < 2:
        return False
    first, *rest = rows
    named = all(_is_label(cell) for cell in first) and len(set(first)) == len(first)
    same = all(len(row) == len(first) for row in rest)
    return named and same and (len(first) > 2 or all(_is_figure(row[1]) for row in rest))


def _is_labelled(rows: Sequence[Sequence[str]]) -> bool:
    names = [row[0] for row in rows]
    return all(len(row) == 2 and _is_label(row[0]) for row in rows) and len(set(names)) == len(names)


def _is_label(cell: str) -> bool:
    return 0 < len(cell) <= _LONGEST_LABEL and not _has_figure(cell) and not cell.endswith(_CLOSED)


def _is_figure(cell: str) -> bool:
    return _has_figure(cell) and sum(c.isalpha() for c in cell) <= sum(c.isdigit() for c in cell)


def _has_figure(cell: str) -> bool:
    return any(c.isdigit() for c in cell)

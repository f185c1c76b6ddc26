"""Diagrams as inline SVG: curves over two axes, and rows of bars. Colours are the page's, by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.markup import Html, join, tag
from eval.metrics import Interval
from eval.selective import Bin, Point

_WIDTH, _HEIGHT = 380, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 362, 12, 208
_ROW, _LETTER, _LONGEST = 30, 6.6, 20


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of bars: `values` are drawn over each other from 0, the first the darkest; `text` stands at the end.

    `stage`, if given, is the stage that a click on the row filters the questions by.
    """

    label: str
    values: tuple[float, ...]
    text: str
    interval: Interval | None = None
    stage: str | None = None


def risk_coverage(curve: Sequence[Point], threshold: float | None) -> Html:
    """The share wrong among the answers given, against the share answered; a dot marks the threshold in use."""
    top = _round_up(max(point.risk for point in curve))
    places = [(_x(point.coverage), _y(point.risk / top)) for point in curve]
    parts = [
        _axes("share of questions answered, surest first", "share of answers wrong", top),
        _line(places, "aq-curve"),
    ]
    given = [point for point in curve if threshold is not None and point.confidence >= threshold]
    if given:
        x, y = _x(given[-1].coverage), _y(given[-1].risk / top)
        side = (x - 8, "end") if x > (_LEFT + _RIGHT) / 2 else (x + 8, "start")
        parts += [
            tag("circle", cx=x, cy=y, r=4.5, class_="aq-dot"),
            tag("text", "in use", x=side[0], y=y - 7, text_anchor=side[1], class_="aq-note"),
        ]
    return _drawing("Risk against coverage", _HEIGHT, *parts)


def reliability(bins: Sequence[Bin]) -> Html:
    """The share right against the mean confidence of each bin; a dot's area is the number of its answers."""
    most = max(one.count for one in bins)
    diagonal = _line([(_x(0), _y(0)), (_x(1), _y(1))], "aq-diagonal")
    dots = []
    for one in bins:
        about = tag("title", f"{one.count} answers, confidence {one.confidence:.2f}, right {one.right:.2f}")
        place = {"cx": _x(one.confidence), "cy": _y(one.right), "r": 3 + 8 * (one.count / most) ** 0.5}
        gap = _line([(place["cx"], _y(one.confidence)), (place["cx"], place["cy"])], "aq-gap")
        dots += [gap, tag("circle", about, **place, class_="aq-dot")]
    return _drawing("Confidence against share right", _HEIGHT, _axes("confidence", "share right", 1), diagonal, *dots)


def bars(title: str, rows: Sequence[Bar], top: float) -> Html:
    """Rows of bars on a scale from 0 to `top`, with whiskers for the 95% intervals."""
    labels = [row.label if len(row.label) <= _LONGEST else f"{row.label[: _LONGEST - 1]}…" for row in rows]
    first = 14 + _LETTER * max(map(len, labels))
    last = _WIDTH - 14 - _LETTER * max(len(row.text) for row in rows)
    scale = (last - first) / (top or 1)
    drawn = []
    for number, (label, row) in enumerate(zip(labels, rows, strict=True)):
        y = 6 + number * _ROW
        parts = [tag("text", label, x=first - 10, y=y + 15, text_anchor="end", class_="aq-label")]
        parts.append(tag("rect", x=first, y=y + 2, width=last - first, height=18, rx=3, class_="aq-track"))
        for shade, value in sorted(enumerate(row.values), key=lambda pair: -pair[1]):
            wide = value * scale
            parts.append(tag("rect", x=first, y=y + 2, width=wide, height=18, rx=3, class_=f"aq-bar aq-shade-{shade}"))
        if row.interval:
            low, high = (first + end * scale for end in row.interval)
            parts.append(_line([(low, y + 11), (high, y + 11)], "aq-whisker"))
        parts.append(tag("text", row.text, x=last + 8, y=y + 15, class_="aq-value"))
        button = {"role": "button", "tabindex": "0", "data_pick": row.stage} if row.stage else {}
        drawn.append(tag("g", *parts, **button))
    return _drawing(title, 12 + len(rows) * _ROW, *drawn)


def _drawing(title: str, height: float, *children: Html) -> Html:
    return tag("svg", *children, viewBox=f"0 0 {_WIDTH} {height}", role="group", aria_label=title)


def _axes(x_label: str, y_label: str, y_top: float) -> Html:
    """Both axes with four steps each, x from 0 to 1 and y from 0 to `y_top`."""
    parts = []
    for step in range(5):
        x, y = _x(step / 4), _y(step / 4)
        parts += [
            _line([(_LEFT, y), (_RIGHT, y)], "aq-grid"),
            tag("text", f"{25 * step}%", x=x, y=_BOTTOM + 16, text_anchor="middle", class_="aq-tick"),
            tag("text", f"{y_top * step / 4:.3g}", x=_LEFT - 7, y=y + 4, text_anchor="end", class_="aq-tick"),
        ]
    middle_x, middle_y = (_LEFT + _RIGHT) / 2, (_TOP + _BOTTOM) / 2
    parts += [
        tag("text", x_label, x=middle_x, y=_HEIGHT - 8, text_anchor="middle", class_="aq-label"),
        tag(
            "text", y_label, transform=f"translate(13 {middle_y}) rotate(-90)", text_anchor="middle", class_="aq-label"
        ),
    ]
    return join(*parts)


def _line(places: Sequence[tuple[float, float]], kind: str) -> Html:
    return tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places), class_=kind)


def _x(share: float) -> float:
    return _LEFT + share * (_RIGHT - _LEFT)


def _y(share: float) -> float:
    return _BOTTOM - share * (_BOTTOM - _TOP)


def _round_up(value: float) -> float:
    """The next round number that four steps divide well, 1 at most."""
    return next((top for top in (0.04, 0.1, 0.2, 0.4, 0.6, 0.8) if value <= top), 1.0)

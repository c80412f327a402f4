"""Small plots as inline SVG, whose letters and lines take the colours of the page and whose points can be focused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator

MARKERS = {
    "circle": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
    "diamond": "M0-6L6 0L0 6L-6 0z",
    "triangle": "M-5.5-4.5L5.5-4.5L0 5.5z",
    "cross": "M-5-3L-3-5L0-2L3-5L5-3L2 0L5 3L3 5L0 2L-3 5L-5 3L-2 0z",
}
"""Outlines about (0, 0), some ten pixels wide."""


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`.

    Attributes:
        label: with the unit.
        low, high: its ends.
        ticks: places and what stands at them.
        logarithmic: whether equal ratios have equal lengths.
    """

    label: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """How far along the axis a value lies, from 0 to 1."""
        if self.logarithmic:
            return float(np.log(value / self.low) / np.log(self.high / self.low))
        return (value - self.low) / (self.high - self.low)


def linear(label: str, values: Sequence[float]) -> Axis:
    """A linear axis that holds these values, with ticks at round numbers."""
    places = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(min(values), max(values))
    return Axis(label, float(places[0]), float(places[-1]), tuple((float(place), tick(place)) for place in places))


def tick(value: float) -> str:
    """A number as it stands at an axis, with a minus sign."""
    return f"{value:g}".replace("-", "−")


def logarithmic(label: str, values: Sequence[float], margin: float = 1.3) -> Axis:
    """A logarithmic axis that holds these values and a margin, with ticks such as 2 k, 5 k, 10 k."""
    low, high = min(values) / margin, max(values) * margin
    locator = LogLocator(subs=(1, 2, 5) if high / low < 100 else (1,))
    places = [float(place) for place in locator.tick_values(low, high) if low <= place <= high]
    return Axis(label, low, high, tuple((place, EngFormatter()(place)) for place in places), True)


@dataclass(frozen=True)
class Plot:
    """A plot of two axes, in the pixels of its own that SVG scales to the width of the page."""

    x: Axis
    y: Axis
    width: int = 460
    height: int = 320
    left: int = 54
    right: int = 12
    top: int = 10
    bottom: int = 46

    def across(self, value: float) -> float:
        """Pixels from the left of the drawing."""
        return round(self.left + self.x.share(value) * (self.width - self.left - self.right), 1)

    def down(self, value: float) -> float:
        """Pixels from the top of the drawing."""
        return round(self.height - self.bottom - self.y.share(value) * (self.height - self.top - self.bottom), 1)

    def box(self, low: tuple[float, float], high: tuple[float, float]) -> str:
        """A rectangle between two corners in the units of the axes, as "x y width height" in pixels."""
        x, y = self.across(low[0]), self.down(high[1])
        return f"{x:g} {y:g} {self.across(high[0]) - x:.1f} {self.down(low[1]) - y:.1f}"

    def line(self, xs: Sequence[float], ys: Sequence[float]) -> str:
        """A line through these points, as the attribute `d` of a path."""
        return "M" + "L".join(f"{self.across(x):g} {self.down(y):g}" for x, y in zip(xs, ys, strict=True))

    def draw(self, content: str, label: str, css: str = "plot") -> str:
        """The plot: its axes, and `content` on them.

        Args:
            content: SVG elements.
            label: what those are told who do not see it.
            css: a class.
        """
        end, floor = self.width - self.right, self.height - self.bottom
        axes = [f'<path class="axis" d="M{self.left} {self.top}V{floor}H{end}"/>']
        for value, mark in self.x.ticks:
            place = f"{self.across(value):g}"
            axes.append(f'<path class="grid" d="M{place} {self.top}V{floor}"/>')
            axes.append(_text(f'x="{place}" y="{floor + 16}"', mark))
        for value, mark in self.y.ticks:
            place = f"{self.down(value):g}"
            axes.append(f'<path class="grid" d="M{self.left} {place}H{end}"/>')
            axes.append(_text(f'x="{self.left - 6}" y="{place}" dominant-baseline="central"', mark, "end"))
        axes.append(_text(f'x="{(self.left + end) / 2:g}" y="{self.height - 6}"', self.x.label))
        axes.append(_text(f'transform="translate(14 {(self.top + floor) / 2:g}) rotate(-90)"', self.y.label))
        return (
            f'<svg class="{css}" viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(label)}">'
            f'<g aria-hidden="true">{"".join(axes)}</g>{content}</svg>'
        )


def _text(place: str, text: str, anchor: str = "middle") -> str:
    return f'<text {place} text-anchor="{anchor}">{escape(text)}</text>'


def marker(shape: str, x: float, y: float, css: str) -> str:
    """A mark at a place in pixels."""
    return f'<path class="{css}" transform="translate({x:g} {y:g})" d="{MARKERS[shape]}"/>'


def legend(entries: dict[str, tuple[str, str]]) -> str:
    """A line of marks and what they stand for: shape and class by text."""
    items = "".join(
        f'<li><svg viewBox="-8 -8 16 16" aria-hidden="true">{marker(shape, 0, 0, css)}</svg>{escape(text)}</li>'
        for text, (shape, css) in entries.items()
    )
    return f'<ul class="legend">{items}</ul>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], label: str, attributes: Sequence[str] = ()) -> str:
    """A table that scrolls inside itself, by keyboard too; the first cell of a row is its head.

    Args:
        head: what stands above the columns.
        rows: the text of the cells.
        label: what the table holds.
        attributes: of every row, HTML.
    """
    heads = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = "".join(
        f'<tr{more}><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
        for (first, *cells), more in zip(rows, attributes or [""] * len(rows), strict=True)
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def attributes(**values: str) -> str:
    """Attributes `data-name="value"`, with a blank before each."""
    return "".join(f' data-{name}="{escape(value)}"' for name, value in values.items())

"""What the outputs of cells are made of: HTML, tables in it, and files inside it."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
from numpy.typing import NDArray

from repro.figures.style import MAP

RUNS_MIME = "application/x-repro-runs+json"
"""An output of this type lists the runs and recordings that a page was made from."""

EXECUTED = '<table class="repro-executed"></table>'
"""Where the build puts its table of executed pages (`repro.build.executed`)."""


@dataclass(frozen=True)
class Html:
    """An output cell's HTML.

    Attributes:
        data: the HTML.
        runs: keys of runs that stand beside it for the build to read (`RUNS_MIME`), where it names some.
    """

    data: str
    runs: list[str] | None = None

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        beside = {} if self.runs is None else {RUNS_MIME: self.runs}
        return {"text/html": unbroken(self.data), "text/plain": "", **beside}


def unbroken(text: str) -> str:
    """HTML or Markdown in which no line ends inside the size of a network, such as "W = 8", or before a "%"."""
    return re.sub(r"(?<=\d) %", "&nbsp;%", re.sub(r"\b([WDK]) = (?=\d)", r"\1&nbsp;=&nbsp;", text))


def data_uri(kind: str, content: bytes) -> str:
    """A file as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def picture(values: NDArray[Any], low: float, high: float, quality: int) -> str:
    """Values (rows, columns) in the colours of the maps, the first row at the bottom, as an address that holds it."""
    file = io.BytesIO()
    look = {"origin": "lower", "vmin": low, "vmax": high, "cmap": MAP}
    plt.imsave(file, values, format="webp", pil_kwargs={"quality": quality, "method": 6}, **look)
    return data_uri("image/webp", file.getvalue())


def table(css: str, head: Iterable[str], rows: Iterable[str]) -> str:
    """A table of a class: what stands above its columns, and its rows (`row`)."""
    heads = "".join(f"<th>{cell}</th>" for cell in head)
    return f'<table class="{css}"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def row(cells: Iterable[object], attributes: str = "") -> str:
    """A row of a table; what stands in its cells is HTML."""
    return f"<tr{attributes}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"

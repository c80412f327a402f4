"""One style for all figures, and what stands in a panel that has nothing to show.

Colours are Okabe and Ito's, which the common forms of colour blindness keep apart; marker and line style say the same
a second time.
"""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

from repro.analysis.accuracy import NOT_TRAINED

COLOURS = {"base": "#0072B2", "damped": "#D55E00"}
MARKERS = {"base": "o", "damped": "D"}
MAP = "magma"

STYLE: dict[Any, Any] = {
    "figure.figsize": (7.0, 3.2),
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.titlesize": 11,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.7,
    "image.cmap": MAP,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "path.simplify_threshold": 0.5,  # of a point, which no eye sees: a third less of every curve
    "svg.fonttype": "path",
    "svg.hashsalt": "repro",
}


def use_style() -> None:
    """Set the book's style for this notebook: white ground (it shows in dark mode too), SVG."""
    mpl.rcParams.update(STYLE)
    set_matplotlib_formats("svg")  # type: ignore[no-untyped-call]


def not_trained(ax: Axes, text: str = NOT_TRAINED) -> None:
    """Say in a panel of its own that there is nothing to show, where a run failed or what it needs is not there."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
    ax.set_axis_off()  # leaves the ticks of panels that share an axis with it


def nothing_in(figure: Figure, text: str = NOT_TRAINED) -> Figure:
    """A figure that has nothing to show in any panel, and says so in each."""
    for ax in figure.axes:
        not_trained(ax, text)
    return figure

"""The book's charts: tables in, figures out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from repro.analysis.accuracy import SCALINGS
from repro.figures.style import COLOURS, MARKERS, not_trained, nothing_in

GROUP_TITLES = {"unseen": "unseen devices", "seen": "seen device (a)"}
RUNS_MISSING = "runs missing"  # the legend of a hollow mark
SCALING_MARKERS = ("o", "s", "^", "P", "v", "X")  # of the ways of scaling, in their order
SCALING_COLOURS = ("#0072B2", "#D55E00", "#E69F00", "#CC79A7", "#009E73", "#56B4E9")


def _device_panels(label: str, size: tuple[float, float] | None = None) -> tuple[Figure, dict[str, Axes]]:
    """Two panels for accuracies in %, left the unseen devices, right the seen one, over an axis with this label."""
    figure, axes = plt.subplots(1, 2, figsize=size)
    for ax, title in zip(axes, GROUP_TITLES.values(), strict=True):
        ax.set(title=title, xlabel=label)
    axes[0].set_ylabel("accuracy / %")
    return figure, dict(zip(GROUP_TITLES, axes, strict=True))


def _legend_below(figure: Figure, ax: Axes, columns: int) -> None:
    """What is drawn in one panel, named below all of them, where it covers nothing; missing runs last."""
    shown = sorted(zip(*ax.get_legend_handles_labels(), strict=True), key=lambda entry: entry[1] == RUNS_MISSING)
    handles, names = [handle for handle, _ in shown], [name for _, name in shown]
    figure.legend(handles, names, loc="outside lower center", ncols=columns, fontsize=9)


def _where(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows that have these values in the columns of these names."""
    for column, value in values.items():
        table = table[table[column] == value]
    return table


def _error_bars(ax: Axes, x: pd.Series[Any], report: pd.DataFrame, **look: Any) -> None:
    """Means of a report in %, with their standard deviations, of which a single value has none.

    The mark of a network that lacks runs is hollow.
    """
    mean, part = 100 * report["mean"], report["runs"] < report["of"]
    ax.errorbar(x, mean, 100 * report["std"].fillna(0), **look)
    if part.any():
        name = None if RUNS_MISSING in ax.get_legend_handles_labels()[1] else RUNS_MISSING
        hollow = {"color": look["color"], "marker": look["marker"], "mfc": "white", "ls": "none", "zorder": 4}
        ax.plot(x[part], mean[part], label=name, **hollow)


def _ticks_at(ax: Axes, places: Iterable[int], logarithmic: bool) -> None:
    """Ticks at these places alone, on an axis whose steps may be powers of 2."""
    if logarithmic:
        ax.set_xscale("log", base=2)
    ticks = sorted(set(places))
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()


def accuracy_panels(report: pd.DataFrame, seeds: pd.DataFrame, x: str, label: str, logarithmic: bool) -> Figure:
    """The paper's accuracy figures: left the unseen devices, right the seen one, base and damped in each.

    Args:
        report: mean and standard deviation by network and group (`accuracy.report`).
        seeds: every run's mean (`accuracy.by_run`), drawn as small marks behind.
        x: the column along the horizontal axis.
        label: that axis's label.
        logarithmic: whether its steps are powers of 2.
    """

    def aside(places: pd.Series[float], by: float) -> pd.Series[float]:
        """Places moved by a share of a step, which on a logarithmic axis is a doubling."""
        return places * 2**by if logarithmic else places + by

    figure, panels = _device_panels(label)
    for group, ax in panels.items():
        for side, (variant, colour) in zip((-1, 1), COLOURS.items(), strict=True):
            # base a little to the left, damped to the right, the seeds further out: nothing hides behind an error bar
            look: dict[str, Any] = {"color": colour, "marker": MARKERS[variant]}
            single = _where(seeds, group=group, variant=variant)
            far = aside(single[x], side * 0.09)
            ax.scatter(far, 100 * single["accuracy"], s=22, alpha=0.45, linewidths=0, zorder=2, **look)
            mean = _where(report, group=group, variant=variant).sort_values(x)
            _error_bars(ax, aside(mean[x], side * 0.03), mean, capsize=3, markersize=6, zorder=3, label=variant, **look)
        _ticks_at(ax, report[x], logarithmic)
    _legend_below(figure, panels["unseen"], columns=2)
    return figure


def device_spread(shares: pd.DataFrame) -> Figure:
    """Accuracy on every unseen device, one dot a device, one row a network; a bar marks the mean.

    Args:
        shares: accuracy in [0, 1], a row a network, a column a device (`repro.analysis.breakdown.shares`).
    """
    table = 100 * shares
    figure, ax = plt.subplots(figsize=(7, 0.8 + 0.28 * max(2, len(table))))
    if table.empty:
        return nothing_in(figure)
    for place, (name, row) in enumerate(table.iterrows()):
        colour = COLOURS["damped" if str(name).startswith("damped") else "base"]
        offsets = np.linspace(-0.25, 0.25, len(row))
        ax.scatter(row, place + offsets, s=12, color=colour, alpha=0.5, linewidths=0)
        ax.plot([row.mean()] * 2, [place - 0.35, place + 0.35], color="black", lw=1.5)
    ax.set_yticks(range(len(table)), [str(name) for name in table.index], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("accuracy on one unseen device / %")
    return figure


def sparse_panels(report: pd.DataFrame, reference_width: int, dense: pd.DataFrame) -> Figure:
    """Figure 6: accuracy over the width of sparse networks, by method and variant, dense ones faint behind them.

    Args:
        report: `accuracy.report` over static and iterative networks and the dense one that their lines start at.
        reference_width: that dense network's width.
        dense: the report of the dense networks that are drawn faint.
    """
    figure, panels = _device_panels("width W", (7.4, 3.9))
    for group, ax in panels.items():
        for side, (variant, colour) in zip((-1, 1), COLOURS.items(), strict=True):
            shown = _where(report, group=group, variant=variant).sort_values("width")
            behind = _where(dense, group=group, variant=variant).sort_values("width")
            look: dict[str, Any] = {"color": colour, "ls": ":", "alpha": 0.3, "ms": 4, "lw": 1}
            ax.plot(behind["width"], 100 * behind["mean"], marker=MARKERS[variant], **look)
            start = _where(shown, method="dense", width=reference_width)
            for method, line, mark, step in (("static", "-", "v", 0.03), ("iterative", "--", "X", 0.09)):
                points = pd.concat([start, _where(shown, method=method)])
                places = points["width"] * 2.0 ** (side * step)  # base to the left, damped to the right
                name = f"{variant}, {method}"
                _error_bars(ax, places, points, color=colour, ls=line, marker=mark, capsize=3, label=name)
        _ticks_at(ax, [*report["width"], *dense["width"]], True)
    _legend_below(figure, panels["unseen"], columns=2)
    return figure


def accuracy_over_weights(report: pd.DataFrame, variant: str) -> Figure:
    """Figures 1 and 17: accuracy over the number of weights, one line a way of scaling.

    Sparse networks stand above one another, each with its width beside it: static ones to the left, iterative ones to
    the right.

    Args:
        report: `accuracy.report` with a column `scaling`, the way's name; a network may stand in several.
        variant: "base" or "damped".
    """
    figure, panels = _device_panels("number of weights", (7.4, 3.9))
    for group, ax in panels.items():
        for name, marker, colour in zip(SCALINGS, SCALING_MARKERS, SCALING_COLOURS, strict=True):
            line = _where(report, variant=variant, scaling=name, group=group).sort_values(["weights", "width", "depth"])
            if line.empty:
                continue
            sparse = name.startswith("sparse")
            look = {"marker": marker, "color": colour, "lw": 1.4, "elinewidth": 0.8, "capsize": 2}
            _error_bars(ax, line["weights"], line, label=name, ls="none" if sparse else "-", **look)
            if sparse:
                side, alignment = (-6, "right") if name.endswith("static") else (6, "left")
                text: dict[str, Any] = {"ha": alignment, "va": "center", "color": "#444444", "fontsize": 8}
                for weights, mean, width in zip(line["weights"], line["mean"], line["width"], strict=True):
                    ax.annotate(f"{width}", (weights, 100 * mean), (side, 0), textcoords="offset points", **text)
        ax.set_xscale("log")
        ax.margins(x=0.15)  # room for the widths beside the outer marks
        _weight_ticks(ax)
        if not ax.containers:
            not_trained(ax)
    _legend_below(figure, panels["unseen"], columns=3)
    return figure


def _weight_ticks(ax: Axes) -> None:
    """Ticks of a logarithmic axis as 2 k, 5 k, 10 k; at the powers of ten alone where the axis is long."""
    low, high = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 50 else (1,)))
    ax.xaxis.set_major_formatter(EngFormatter())
    ax.xaxis.set_minor_formatter(NullFormatter())


def reach_panel(table: pd.DataFrame) -> Figure:
    """Accuracy on unseen devices over the reach along frequency, one point a network; hollow where it does not fit.

    Args:
        table: `radii.reach_and_accuracy`.
    """
    figure, ax = plt.subplots(figsize=(6.4, 3.8))
    for (variant, fits), rows in table.groupby(["variant", "fits"]):
        colour = COLOURS[str(variant)]
        look: dict[str, Any] = {"marker": MARKERS[str(variant)], "facecolors": colour if fits else "none"}
        label = str(variant) if fits else f"{variant}, does not fit its training data"
        ax.scatter(rows["radius"], 100 * rows["accuracy"], s=34, zorder=3, edgecolors=colour, label=label, **look)
    ax.set(xlabel="90 % radius along frequency / mel bands", ylabel="accuracy on unseen devices / %")
    if len(table):
        ax.legend(fontsize=9)
    return figure


def layer_sparsity(table: pd.DataFrame | None, title: str) -> Figure:
    """Share of removed weights by epoch (across) and layer (down): a run's `layer_sparsity`, None without a run."""
    figure, ax = plt.subplots(figsize=(7, 1 if table is None else 4.2))
    ax.set_title(title)
    if table is None:
        return nothing_in(figure)
    image = ax.imshow(100 * table.to_numpy().T, aspect="auto", vmin=0, vmax=100, cmap="viridis")
    ax.set_yticks(range(table.shape[1]), list(table.columns), fontsize=8)
    ax.set_xlabel("epoch")
    ax.grid(False)
    figure.colorbar(image, label="weights removed / %")
    return figure


def fit_bars(table: pd.DataFrame) -> Figure:
    """Share of the training labels that the final network gives back, true and random ones, by width.

    Bars and numbers are means over the runs, dots single runs; a group without runs has none.

    Args:
        table: a row a run (`accuracy.fitted`).
    """
    figure, ax = plt.subplots()
    if table.empty:
        return nothing_in(figure)
    widths = sorted(table["width"].unique())
    place = np.arange(len(widths))
    looks = {"true": (-0.2, "", "#009E73"), "random": (0.2, "//", "#CC79A7")}
    for labels, (offset, hatch, colour) in looks.items():
        rows = _where(table, labels=labels)
        mean = 100 * rows.groupby("width")["fitted"].mean().reindex(widths)
        look: dict[str, Any] = {"color": colour, "hatch": hatch, "edgecolor": "white"}
        ax.bar(place + offset, mean, 0.36, label=f"{labels} labels", **look)
        for number, w in enumerate(widths):
            runs = 100 * _where(rows, width=w)["fitted"]
            if len(runs):
                ax.plot([number + offset] * len(runs), runs, "k.", markersize=4, alpha=0.6)
                ax.text(number + offset, runs.max() + 2, f"{mean[w]:.1f}", ha="center", fontsize=9)
    ax.set_xticks(place, [f"W = {w}" for w in widths])
    ax.set(ylabel="training labels reproduced / %", ylim=(0, 112))
    ax.legend(ncols=2, loc="upper left", bbox_to_anchor=(0, 1.14))
    return figure


def precisions(table: pd.DataFrame) -> Figure:
    """Accuracy in float32 and in bfloat16, one line a run: `accuracy.by_precision`."""
    figure, panels = _device_panels("", (6, 2.6))
    panels["seen"].set_ylabel("accuracy / %")
    for group, ax in panels.items():
        for run in _where(table.reset_index(), group=group).to_dict("records"):
            ax.plot(["fp32", "bf16"], [run["fp32"], run["bf16"]], "o-", label=f"W = {run['width']}, seed {run['seed']}")
        ax.margins(x=0.25)
        if ax.lines:
            ax.legend(fontsize=8)
        else:
            not_trained(ax)
    return figure

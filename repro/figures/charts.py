"""The book's figures: arrays or tables in, Axes out; one style throughout.

Colours are Okabe and Ito's, which the common forms of colour blindness keep apart; marker and line style say the same
a second time.
"""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from matplotlib_inline.backend_inline import set_matplotlib_formats

from repro.analysis.accuracy import NOT_TRAINED
from repro.data.split import TRAINING_DEVICE

COLOURS = {"base": "#0072B2", "damped": "#D55E00"}
MARKERS = {"base": "o", "damped": "D"}
GROUP_TITLES = {"seen": "seen device (a)", "unseen": "unseen devices"}
MAP = "magma"
SCALINGS = {
    "width": "o",
    "depth D": "s",
    "depth K": "^",
    "width and depth": "P",
    "sparse width, static": "v",
    "sparse width, iterative": "X",
}
"""The ways of scaling of Figures 1 and 17, with their markers."""
SCALING_COLOURS = ("#0072B2", "#D55E00", "#E69F00", "#CC79A7", "#009E73", "#56B4E9")

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


def accuracy_panels(report: pd.DataFrame, seeds: pd.DataFrame, x: str, label: str, logarithmic: bool) -> Figure:
    """The paper's accuracy figures: left the unseen devices, right the seen one, base and damped in each.

    Args:
        report: mean and standard deviation by network and group (`accuracy.report`).
        seeds: every run's mean (`accuracy.by_run`), drawn as small marks behind.
        x: the column along the horizontal axis.
        label: that axis's label.
        logarithmic: whether its steps are powers of 2.
    """
    figure, axes = plt.subplots(1, 2, sharey=False)
    for ax, group in zip(axes, ("unseen", "seen"), strict=True):
        _accuracy_lines(ax, report[report["group"] == group], seeds[seeds["group"] == group], x, logarithmic)
        ax.set_title(GROUP_TITLES[group])
        ax.set_xlabel(label)
        if logarithmic:
            ax.set_xscale("log", base=2)
        ticks = sorted(report[x].unique())
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
    axes[0].set_ylabel("accuracy / %")
    axes[1].legend(loc="best")
    return figure


def _accuracy_lines(ax: Axes, report: pd.DataFrame, seeds: pd.DataFrame, x: str, logarithmic: bool) -> None:
    for side, (variant, colour) in zip((-1, 1), COLOURS.items(), strict=True):
        # base a little to the left, damped to the right, the seeds further out: nothing hides behind an error bar
        near, far = side * 0.03, side * 0.09
        single = seeds[seeds["variant"] == variant]
        marker = MARKERS[variant]
        ax.scatter(
            _aside(single[x], far, logarithmic),
            100 * single["accuracy"],
            s=22,
            c=colour,
            marker=marker,
            alpha=0.45,
            linewidths=0,
            zorder=2,
        )
        mean = report[report["variant"] == variant].sort_values(x)
        ax.errorbar(
            _aside(mean[x], near, logarithmic),
            100 * mean["mean"],
            100 * mean["std"].fillna(0),
            capsize=3,
            markersize=6,
            zorder=3,
            label=variant,
            color=colour,
            marker=marker,
        )


def _aside(place: pd.Series[float], by: float, logarithmic: bool) -> pd.Series[float]:
    """Places on an axis moved by a share of a step, which on a logarithmic axis is a doubling."""
    return place * 2**by if logarithmic else place + by


def device_spread(shares: pd.DataFrame) -> Figure:
    """Accuracy on every unseen device, one dot a device, one row a network; a bar marks the mean.

    Args:
        shares: accuracy in [0, 1], a row a network, a column a device (`accuracy.shares`); device "a" is left out.
    """
    table = 100 * shares.drop(columns=TRAINING_DEVICE, errors="ignore")
    figure, ax = plt.subplots(figsize=(7, 0.8 + 0.28 * max(2, len(table))))
    if table.empty:
        not_trained(ax)
        return figure
    for place, (name, row) in enumerate(table.iterrows()):
        colour = COLOURS["damped" if str(name).startswith("damped") else "base"]
        offsets = np.linspace(-0.25, 0.25, len(row))
        ax.scatter(row, place + offsets, s=12, color=colour, alpha=0.5, linewidths=0)
        ax.plot([row.mean()] * 2, [place - 0.35, place + 0.35], color="black", lw=1.5)
    ax.set_yticks(range(len(table)), [str(name) for name in table.index], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("accuracy on one unseen device / %")
    return figure


def sparse_panels(report: pd.DataFrame, reference_width: int, dense: pd.DataFrame | None = None) -> Figure:
    """Figure 6: accuracy over the width of sparse networks, by method and variant, dense ones faint behind them.

    Args:
        report: `accuracy.report` over static and iterative networks and the dense one that their lines start at.
        reference_width: that dense network's width.
        dense: the report of the dense networks that are drawn faint; by default those of `report`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.9))
    faint = report[report["method"] == "dense"] if dense is None else dense
    for ax, group in zip(axes, ("unseen", "seen"), strict=True):
        shown = report[report["group"] == group].sort_values("width")
        behind = faint[faint["group"] == group].sort_values("width")
        for variant, colour in COLOURS.items():
            of_variant = shown[shown["variant"] == variant]
            of_dense = behind[behind["variant"] == variant]
            look = {"marker": MARKERS[variant], "ls": ":", "color": colour, "alpha": 0.3, "ms": 4, "lw": 1}
            ax.plot(of_dense["width"], 100 * of_dense["mean"], **look)
            start = of_variant[(of_variant["method"] == "dense") & (of_variant["width"] == reference_width)]
            for method, line, mark in (("static", "-", "v"), ("iterative", "--", "X")):
                points = pd.concat([start, of_variant[of_variant["method"] == method]])
                ax.errorbar(
                    points["width"],
                    100 * points["mean"],
                    100 * points["std"].fillna(0),
                    color=colour,
                    ls=line,
                    marker=mark,
                    capsize=3,
                    label=f"{variant}, {method}",
                )
        ticks = sorted({*shown["width"], *behind["width"]})
        ax.set_xscale("log", base=2)
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
        ax.set(title=GROUP_TITLES[group], xlabel="width W")
    axes[0].set_ylabel("accuracy / %")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)
    return figure


def accuracy_over_weights(report: pd.DataFrame, variant: str) -> Figure:
    """Figures 1 and 17: accuracy over the number of weights, one line a way of scaling.

    Sparse networks stand above one another, each with its width beside it: static ones to the left, iterative ones to
    the right.

    Args:
        report: `accuracy.report` with a column `scaling`, the way's name; a network may stand in several.
        variant: "base" or "damped".
    """
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.9))
    shown = report[report["variant"] == variant]
    for ax, group in zip(axes, ("unseen", "seen"), strict=True):
        for (name, marker), colour in zip(SCALINGS.items(), SCALING_COLOURS, strict=True):
            line = shown[(shown["scaling"] == name) & (shown["group"] == group)].sort_values(
                ["weights", "width", "depth"]
            )
            if line.empty:
                continue
            joined = "none" if name.startswith("sparse") else "-"
            ax.errorbar(
                line["weights"],
                100 * line["mean"],
                100 * line["std"].fillna(0),
                marker=marker,
                color=colour,
                ls=joined,
                lw=1.4,
                elinewidth=0.8,
                capsize=2,
                label=name,
            )
            if joined == "none":
                side, alignment = (-6, "right") if name.endswith("static") else (6, "left")
                for weights, mean, width in zip(line["weights"], line["mean"], line["width"], strict=True):
                    place = {"xytext": (side, 0), "textcoords": "offset points", "ha": alignment, "va": "center"}
                    ax.annotate(f"{width}", (weights, 100 * mean), color="#444444", fontsize=8, **place)
        ax.set_xscale("log")
        _weight_ticks(ax)
        ax.set(title=GROUP_TITLES[group], xlabel="number of weights")
        if not ax.containers:
            not_trained(ax)
    axes[0].set_ylabel("accuracy / %")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9)
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
        ax.scatter(
            rows["radius"],
            100 * rows["accuracy"],
            s=34,
            zorder=3,
            marker=MARKERS[str(variant)],
            edgecolors=COLOURS[str(variant)],
            facecolors=COLOURS[str(variant)] if fits else "none",
            label=str(variant) if fits else f"{variant}, does not fit its training data",
        )
    ax.set(xlabel="90 % radius along frequency / mel bands", ylabel="accuracy on unseen devices / %")
    if len(table):
        ax.legend(fontsize=9)
    return figure


def layer_sparsity(table: pd.DataFrame | None, title: str) -> Figure:
    """Share of removed weights by epoch (across) and layer (down): a run's `layer_sparsity`, None without a run."""
    figure, ax = plt.subplots(figsize=(7, 4.2))
    if table is None:
        ax.set(title=title)
        not_trained(ax)
        return figure
    image = ax.imshow(100 * table.to_numpy().T, aspect="auto", vmin=0, vmax=100, cmap="viridis")
    ax.set_yticks(range(table.shape[1]), list(table.columns), fontsize=8)
    ax.set(title=title, xlabel="epoch")
    ax.grid(False)
    figure.colorbar(image, label="weights removed / %")
    return figure


def fit_bars(table: pd.DataFrame) -> Figure:
    """Share of the training labels that the final network gives back, true and random ones, by width.

    Bars are means over the runs, dots single runs; a group without runs has neither.

    Args:
        table: a row a run (`accuracy.fitted`).
    """
    figure, ax = plt.subplots()
    if table.empty:
        not_trained(ax)
        return figure
    widths = sorted(table["width"].unique())
    place = np.arange(len(widths))
    for offset, labels, hatch, colour in ((-0.2, "true", "", "#009E73"), (0.2, "random", "//", "#CC79A7")):
        rows = table[table["labels"] == labels]
        mean = rows.groupby("width")["fitted"].mean().reindex(widths)
        bars = ax.bar(
            place + offset, 100 * mean, 0.36, label=f"{labels} labels", color=colour, hatch=hatch, edgecolor="white"
        )
        ax.bar_label(bars, fmt="%.1f", fontsize=9, padding=4)
        for number, w in enumerate(widths):
            runs = 100 * rows.loc[rows["width"] == w, "fitted"]
            ax.plot([number + offset] * len(runs), runs, "k.", markersize=4, alpha=0.6)
    ax.set_xticks(place, [f"W = {w}" for w in widths])
    ax.set(ylabel="training labels reproduced / %", ylim=(0, 112))
    ax.legend(ncols=2, loc="upper left", bbox_to_anchor=(0, 1.14))
    return figure


def precisions(table: pd.DataFrame) -> Figure:
    """Accuracy in float32 and in bfloat16, one line a run: `accuracy.by_precision`."""
    figure, axes = plt.subplots(1, 2, figsize=(6, 2.6))
    for ax, group in zip(axes, ("unseen", "seen"), strict=True):
        of_group = table[table.index.get_level_values("group") == group].reset_index()
        for run in of_group.to_dict("records"):
            ax.plot(["fp32", "bf16"], [run["fp32"], run["bf16"]], "o-", label=f"W = {run['width']}, seed {run['seed']}")
        ax.set(title=GROUP_TITLES[group], ylabel="accuracy / %")
        ax.margins(x=0.25)
        if of_group.empty:
            not_trained(ax)
        else:
            ax.legend(fontsize=8)
    return figure

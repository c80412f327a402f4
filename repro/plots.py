"""The book's figures: arrays or tables in, Axes out; one style throughout.

Colours are Okabe and Ito's, which the common forms of colour blindness keep apart; marker and line style say the same
a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import librosa
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib_inline.backend_inline import set_matplotlib_formats
from numpy.typing import NDArray

from repro.erf import FRAME_MS
from repro.erf_runs import Field
from repro.features import HOP, N_MELS, SAMPLE_RATE

COLOURS = {"base": "#0072B2", "damped": "#D55E00"}
MARKERS = {"base": "o", "damped": "D"}
LINES = {"seen": "-", "unseen": "--"}
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
    "svg.fonttype": "path",
    "svg.hashsalt": "repro",
}


def use_style() -> None:
    """Set the book's style for this notebook: white ground (it shows in dark mode too), SVG."""
    mpl.rcParams.update(STYLE)
    set_matplotlib_formats("svg")  # type: ignore[no-untyped-call]


def mel_frequencies() -> NDArray[np.float64]:
    """Centre frequency of every mel band in Hz, (256,)."""
    frequencies: NDArray[np.float64] = librosa.mel_frequencies(n_mels=N_MELS + 2, fmin=0.0, fmax=SAMPLE_RATE / 2)[1:-1]
    return frequencies


def _kilohertz_ticks(ax: Axes) -> None:
    """Label the mel-band axis in kHz."""
    marks = np.array([0.5, 1, 2, 4, 8])
    ax.set_yticks(np.interp(marks * 1000, mel_frequencies(), np.arange(N_MELS)), [f"{mark:g}" for mark in marks])
    ax.set_ylabel("frequency / kHz")


def spectrogram(ax: Axes, mel: NDArray[np.float32], low: float, high: float) -> AxesImage:
    """Draw features (256, frames) over time in s and frequency in kHz, colours from `low` to `high` (dB)."""
    seconds = mel.shape[1] * HOP / SAMPLE_RATE
    image = ax.imshow(
        mel, origin="lower", aspect="auto", vmin=low, vmax=high, extent=(0, seconds, -0.5, N_MELS - 0.5), cmap=MAP
    )
    ax.grid(False)
    _kilohertz_ticks(ax)
    ax.set_xlabel("time / s")
    return image


def device_shift(ax: Axes, shift: dict[str, NDArray[np.float32]]) -> None:
    """Draw by how many dB the mean spectra (256,) of the unseen devices differ from the seen one's."""
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.95, len(shift)))
    for number, (device, difference) in enumerate(shift.items()):
        ax.plot(difference, color=colours[number], lw=1.6, ls=["-", "--"][number % 2], label=device)
    ax.axhline(0, color="black", lw=1)
    marks = np.array([0.25, 0.5, 1, 2, 4, 8])
    ax.set_xticks(np.interp(marks * 1000, mel_frequencies(), np.arange(N_MELS)), [f"{mark:g}" for mark in marks])
    ax.set(xlabel="frequency / kHz", ylabel="level against device a / dB")
    ax.legend(fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))


def accuracy_panels(report: pd.DataFrame, seeds: pd.DataFrame, x: str, label: str, logarithmic: bool) -> Figure:
    """The paper's accuracy figures: left the unseen devices, right the seen one, base and damped in each.

    Args:
        report: mean and standard deviation by network and group (`stats.report`).
        seeds: every seed's mean (`stats.by_seed`), drawn as small marks behind.
        x: the column along the horizontal axis.
        label: that axis's label.
        logarithmic: whether its steps are powers of 2.
    """
    figure, axes = plt.subplots(1, 2, sharey=False)
    for ax, group in zip(axes, ("unseen", "seen"), strict=True):
        _accuracy_lines(ax, report[report["group"] == group], seeds[seeds["group"] == group], x)
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


def _accuracy_lines(ax: Axes, report: pd.DataFrame, seeds: pd.DataFrame, x: str) -> None:
    for variant, colour in COLOURS.items():
        single = seeds[seeds["variant"] == variant]
        marker = MARKERS[variant]
        ax.scatter(
            single[x], 100 * single["accuracy"], s=14, c=colour, marker=marker, alpha=0.45, linewidths=0, zorder=2
        )
        mean = report[report["variant"] == variant].sort_values(x)
        ax.errorbar(
            mean[x],
            100 * mean["mean"],
            100 * mean["std"].fillna(0),
            capsize=3,
            markersize=6,
            zorder=3,
            label=variant,
            color=colour,
            marker=marker,
        )


def sparse_panels(report: pd.DataFrame, reference_width: int) -> Figure:
    """Figure 6: accuracy over the width of sparse networks, by method and variant, dense ones faint behind them.

    Args:
        report: `stats.report` over dense, static and iterative networks.
        reference_width: the dense network at which the sparse lines start.
    """
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.9))
    for ax, group in zip(axes, ("unseen", "seen"), strict=True):
        shown = report[report["group"] == group].sort_values("width")
        for variant, colour in COLOURS.items():
            of_variant = shown[shown["variant"] == variant]
            dense = of_variant[of_variant["method"] == "dense"]
            ax.plot(dense["width"], 100 * dense["mean"], MARKERS[variant] + ":", color=colour, alpha=0.3, ms=4, lw=1)
            start = dense[dense["width"] == reference_width]
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
        ticks = sorted(shown["width"].unique())
        ax.set_xscale("log", base=2)
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
        ax.set(title=GROUP_TITLES[group], xlabel="width W")
    axes[0].set_ylabel("accuracy / %")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9)
    return figure


def confusions(matrices: dict[str, NDArray[np.float64]], scenes: Sequence[str]) -> Figure:
    """Confusion matrices (true scene down, given scene across, rows sum to 1) side by side, in %."""
    figure, axes = plt.subplots(1, len(matrices), figsize=(7.6, 4.3), sharey=True, squeeze=False)
    names = [scene.replace("_", " ") for scene in scenes]
    for ax, (title, matrix) in zip(axes[0], matrices.items(), strict=True):
        image = ax.imshow(100 * matrix, vmin=0, vmax=100, cmap="Blues")
        ax.set_xticks(range(len(names)), names, rotation=90)
        ax.set_yticks(range(len(names)), names)
        ax.set(title=title, xlabel="given scene")
        ax.grid(False)
    axes[0][0].set_ylabel("true scene")
    figure.colorbar(image, ax=axes, label="clips / %", shrink=0.6)
    return figure


def accuracy_over_weights(report: pd.DataFrame, variant: str) -> Figure:
    """Figures 1 and 17: accuracy over the number of weights, one line a way of scaling.

    Args:
        report: `stats.report` with a column `scaling`, the way's name; a network may stand in several.
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
        ax.set_xscale("log")
        ax.set(title=GROUP_TITLES[group], xlabel="number of weights")
    axes[0].set_ylabel("accuracy / %")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9)
    return figure


def layer_sparsity(table: pd.DataFrame, title: str) -> Figure:
    """Share of removed weights by epoch (across) and layer (down), from a run's `layer_sparsity`."""
    figure, ax = plt.subplots(figsize=(7, 4.2))
    image = ax.imshow(100 * table.to_numpy().T, aspect="auto", vmin=0, vmax=100, cmap="viridis")
    ax.set_yticks(range(table.shape[1]), list(table.columns), fontsize=8)
    ax.set(title=title, xlabel="epoch")
    ax.grid(False)
    figure.colorbar(image, label="weights removed / %")
    return figure


def fit_bars(table: pd.DataFrame) -> Figure:
    """Share of the training labels that the final network reproduces, true and random ones, by width.

    Args:
        table: columns width, labels ("true" or "random"), seed, fitted (in [0, 1]).
    """
    figure, ax = plt.subplots()
    widths = sorted(table["width"].unique())
    place = np.arange(len(widths))
    for offset, labels, hatch, colour in ((-0.2, "true", "", "#009E73"), (0.2, "random", "//", "#CC79A7")):
        rows = table[table["labels"] == labels]
        mean = rows.groupby("width")["fitted"].mean().reindex(widths)
        bars = ax.bar(
            place + offset, 100 * mean, 0.36, label=f"{labels} labels", color=colour, hatch=hatch, edgecolor="white"
        )
        ax.bar_label(bars, fmt="%.1f", fontsize=9, padding=2)
        for number, w in enumerate(widths):
            seeds = 100 * rows.loc[rows["width"] == w, "fitted"]
            ax.plot([number + offset] * len(seeds), seeds, "k.", markersize=4, alpha=0.6)
    ax.set_xticks(place, [f"W = {w}" for w in widths])
    ax.set(ylabel="training labels reproduced / %", ylim=(0, 112))
    ax.legend(ncols=2, loc="upper left", bbox_to_anchor=(0, 1.14))
    return figure


def field_maps(fields: Sequence[Field], titles: Sequence[str], depth: int | None = None) -> Figure:
    """Effective receptive fields side by side, each relative to its own maximum, about the centre pixel.

    The colours follow the square root of the gradient, which keeps the faint outskirts visible; the rectangles hold
    50 % and 90 % of it along either axis.

    Args:
        fields: one or more.
        titles: one each.
        depth: crop all to the maximum receptive field at this D; by default each to its own.
    """
    columns = min(2, len(fields)) if len(fields) != 3 else 3
    rows = -(-len(fields) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(7.2, 3.7 * rows), squeeze=False, sharex=True, sharey=True)
    for ax, field, title in zip(grid.flat, fields, titles, strict=True):
        shown = field.cropped(depth)
        values = shown.values.numpy()
        (bands, length), (band, frame) = values.shape, shown.centre
        image = ax.imshow(
            np.sqrt(values / (values.max() or 1)),
            origin="lower",
            aspect="auto",
            vmin=0,
            vmax=1,
            cmap=MAP,
            extent=(
                (-frame - 0.5) * FRAME_MS,
                (length - frame - 0.5) * FRAME_MS,
                -band - 0.5,
                bands - band - 0.5,
            ),
        )
        for width, height, line in (
            (field.extent.half_energy_ms, field.extent.half_energy_bands, "-"),
            (field.extent.energy_90_ms, field.extent.energy_90_bands, "--"),
        ):
            ax.add_patch(Rectangle((-width, -height), 2 * width, 2 * height, fill=False, ec="white", ls=line, lw=1.2))
        ax.grid(False)
        ax.set(title=title)
        ax.xaxis.set_major_locator(MaxNLocator(5, symmetric=True))
    for ax in grid[-1]:
        ax.set_xlabel("time / ms")
    for ax in grid[:, 0]:
        ax.set_ylabel("frequency / mel bands")
    bar = figure.colorbar(image, ax=grid, shrink=0.9 / rows**0.5)
    bar.set_ticks([mark**0.5 for mark in (0, 0.1, 0.5, 1)], labels=["0", "0.1", "0.5", "1"])
    bar.set_label("gradient / its maximum")
    return figure

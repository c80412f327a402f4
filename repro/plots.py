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


def device_accuracies(table: pd.DataFrame) -> Figure:
    """Accuracy on every single device, one line a network.

    Args:
        table: columns variant, device, accuracy and `network`, the line's name; the darker line of a variant is the
            later one.
    """
    figure, ax = plt.subplots()
    mean = table.groupby(["variant", "network", "device"], sort=False)["accuracy"].mean().mul(100)
    for variant, colour in COLOURS.items():
        networks = mean[variant].unstack("device").sort_index(axis=1)
        for number, (network, row) in enumerate(networks.iterrows()):
            last = number == len(networks) - 1
            ax.plot(
                row.index,
                row.to_numpy(),
                color=colour,
                marker=MARKERS[variant],
                ls="-" if last else ":",
                mfc=colour if last else "white",
                label=str(network),
            )
    ax.set(xlabel="device (a is the seen one)", ylabel="accuracy / %")
    ax.legend(fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
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


def field_pair(fields: Sequence[Field], titles: Sequence[str]) -> Figure:
    """Two effective receptive fields side by side, each relative to its own maximum, about the centre pixel.

    The colours follow the square root of the gradient, which keeps the faint outskirts visible; the rectangles hold
    50 % and 90 % of it along either axis.
    """
    figure, axes = plt.subplots(1, len(fields), figsize=(7.2, 3.7))
    for ax, field, title in zip(axes, fields, titles, strict=True):
        values = field.crop.values.numpy()
        (rows, columns), (row, column) = values.shape, field.crop.centre
        image = ax.imshow(
            np.sqrt(values / values.max()),
            origin="lower",
            aspect="auto",
            vmin=0,
            vmax=1,
            cmap=MAP,
            extent=(
                (-column - 0.5) * FRAME_MS,
                (columns - column - 0.5) * FRAME_MS,
                -row - 0.5,
                rows - row - 0.5,
            ),
        )
        for width, height, line in (
            (field.extent.half_energy_ms, field.extent.half_energy_bands, "-"),
            (field.extent.energy_90_ms, field.extent.energy_90_bands, "--"),
        ):
            ax.add_patch(Rectangle((-width, -height), 2 * width, 2 * height, fill=False, ec="white", ls=line, lw=1.2))
        ax.grid(False)
        ax.set(title=title, xlabel="time / ms", xticks=[-1500, 0, 1500])
    axes[0].set_ylabel("frequency / mel bands")
    bar = figure.colorbar(image, ax=axes, shrink=0.9)
    bar.set_ticks([mark**0.5 for mark in (0, 0.1, 0.5, 1)], labels=["0", "0.1", "0.5", "1"])
    bar.set_label("gradient / its maximum")
    return figure

"""The book's maps over time and frequency: spectrograms, device shifts, effective receptive fields."""

from __future__ import annotations

from collections.abc import Sequence

import librosa
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from repro.erf import FRAME_MS
from repro.erf_runs import Field
from repro.features import HOP, N_MELS, SAMPLE_RATE
from repro.plots import MAP


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

"""The book's maps: spectrograms, what devices do to them and to the clips' means, effective receptive fields."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import librosa
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from repro.analysis.evidence import Evidence, Network
from repro.analysis.fields import Field
from repro.analysis.radii import first_field
from repro.analysis.summary import Moment
from repro.data.features import HOP, N_MELS, SAMPLE_RATE
from repro.data.split import TRAINING_DEVICE
from repro.erf.gradient import Crop
from repro.figures.style import MAP, not_trained, nothing_in


def mel_frequencies() -> NDArray[np.float64]:
    """Centre frequency of every mel band in Hz, (256,)."""
    frequencies: NDArray[np.float64] = librosa.mel_frequencies(n_mels=N_MELS + 2, fmin=0.0, fmax=SAMPLE_RATE / 2)[1:-1]
    return frequencies


def _kilohertz_ticks() -> tuple[NDArray[np.float64], list[str]]:
    """Places on an axis of mel bands, and the kHz that stand there."""
    marks = np.array([0.5, 1, 2, 4, 8])
    return np.interp(marks * 1000, mel_frequencies(), np.arange(N_MELS)), [f"{mark:g}" for mark in marks]


def spectrogram(ax: Axes, mel: NDArray[np.float32], low: float, high: float) -> AxesImage:
    """Draw features (256, frames) over time in s and frequency in kHz, colours from `low` to `high` (dB)."""
    seconds = mel.shape[1] * HOP / SAMPLE_RATE
    image = _image(ax, mel, low, high, (0, seconds, -0.5, N_MELS - 0.5))
    ax.set_yticks(*_kilohertz_ticks())
    ax.set(xlabel="time / s", ylabel="frequency / kHz")
    return image


def _image(
    ax: Axes, values: NDArray[Any], low: float, high: float, extent: tuple[float, float, float, float], **options: Any
) -> AxesImage:
    """Draw values (bands, frames) in colours from `low` to `high`, the lowest band at the bottom."""
    ax.grid(False)
    return ax.imshow(values, origin="lower", aspect="auto", vmin=low, vmax=high, extent=extent, cmap=MAP, **options)


NO_RECORDINGS = "no recordings at hand"
"""Stands in a panel of a figure that needs recordings, or their summary."""


def moment(recorded: Moment | None) -> Figure:
    """Figure 2: a moment through device a and another one, and the difference between the two."""
    figure, axes = plt.subplots(1, 3, figsize=(7.6, 3.1), sharey=True)
    if recorded is None:
        return nothing_in(figure, NO_RECORDINGS)
    pair = recorded.mel.astype(np.float32)
    low, high = np.percentile(pair, [1, 99.8])
    for ax, image, title in zip(axes, pair, [f"device {TRAINING_DEVICE}", f"device {recorded.device}"], strict=False):
        drawn = spectrogram(ax, image, low, high)
        ax.set_title(title)
    figure.colorbar(drawn, ax=axes[:2], location="bottom", label="level / dB(A)", shrink=0.8)
    reach = float(np.percentile(np.abs(recorded.difference), 99))
    drawn = spectrogram(axes[2], recorded.difference, -reach, reach)
    drawn.set_cmap("RdBu_r")
    axes[2].set_title("difference")
    figure.colorbar(drawn, ax=axes[2], location="bottom", label="difference / dB")
    for ax in axes[1:]:
        ax.set_ylabel("")
    return figure


def pairs(share: pd.DataFrame) -> Figure:
    """Scenes (down) by cities (across): which share, 0 to 1, of the training device's clips is tested on."""
    figure, ax = plt.subplots(figsize=(7, 3.8))
    if share.empty:
        return nothing_in(figure, NO_RECORDINGS)
    drawn = ax.pcolormesh(100 * share, cmap="Greys", vmin=0, vmax=125, edgecolors="#bbbbbb", linewidth=0.5)
    ax.set_xticks(np.arange(share.shape[1]) + 0.5, list(share.columns), rotation=40, ha="right")
    ax.set_yticks(np.arange(share.shape[0]) + 0.5, [str(name).replace("_", " ") for name in share.index])
    ax.invert_yaxis()
    ax.grid(False)
    bar = figure.colorbar(drawn, ax=ax, label="tested / %", boundaries=np.arange(101))
    bar.set_ticks([0, 50, 100])
    return figure


ENDS = 3
"""Flattest and least flat microphones that `responses` names."""


def responses(curves: pd.DataFrame, deviations: pd.Series[float]) -> Figure:
    """Measured magnitude responses of microphones; the flattest and the least flat ones are named.

    Args:
        curves: dB by frequency in Hz (rows) and microphone (columns).
        deviations: of every microphone from flat, in dB, ascending.
    """
    figure, ax = plt.subplots(figsize=(7.6, 3.8))
    if curves.empty:
        return nothing_in(figure, NO_RECORDINGS)
    ends = [*dict.fromkeys([*deviations.index[:ENDS], *deviations.index[-ENDS:]])]
    ax.plot(curves.index / 1000, curves.drop(columns=ends), color="#c8c8c8", lw=0.8, zorder=1)
    flat = mpl.colormaps["viridis"](np.linspace(0.1, 0.5, ENDS))
    uneven = mpl.colormaps["autumn"](np.linspace(0, 0.6, ENDS))
    for name, colour, line in zip(ends, [*flat, *uneven], ENDS * ["-"] + ENDS * ["--"], strict=False):
        ax.plot(curves.index / 1000, curves[name], color=colour, ls=line, label=f"{name} ({deviations[name]:.1f} dB)")
    ax.set_xscale("log")
    ax.set_xticks([0.05, 0.1, 0.3, 1, 3, 10], ["0.05", "0.1", "0.3", "1", "3", "10"])
    ax.minorticks_off()
    ax.set(xlabel="frequency / kHz", ylabel="response / dB")
    figure.legend(fontsize=8, loc="outside lower center", ncols=3)
    return figure


NAMED = 9
"""The most unseen devices that a figure tells apart; of more, these many, spread evenly over their names."""

_MARKERS = "o^sDvP*X<>"


class _Style(NamedTuple):
    label: str
    colour: str
    marker: str
    line: str = "-"
    zorder: int = 2


def _device_styles(devices: Iterable[str]) -> dict[str, _Style]:
    """Style by device: "a" black, `NAMED` of the others in colours, what is left of them behind these in one grey."""
    unseen = sorted(set(devices) - {TRAINING_DEVICE})
    named = np.linspace(0, len(unseen) - 1, min(NAMED, len(unseen))).round().astype(int)
    styles = {device: _Style(f"the other {len(unseen) - NAMED}", "#c8c8c8", "o", zorder=1) for device in unseen}
    colours = mpl.colormaps["viridis"](np.linspace(0.15, 0.97, len(named)))
    for number, (position, colour) in enumerate(zip(named, colours, strict=True)):
        device = unseen[position]
        styles[device] = _Style(device, to_hex(colour), _MARKERS[1 + number], ["-", "--"][number % 2])
    return {TRAINING_DEVICE: _Style(f"{TRAINING_DEVICE} (seen)", "black", "o", zorder=3)} | styles


def _legend(owner: Axes | Figure, styles: Iterable[_Style], points: bool, **place: Any) -> None:
    """One entry a label, so that the devices that are not told apart share one, the last."""
    entries = {}
    for style in sorted(styles, key=lambda style: -style.zorder):
        look: dict[str, Any] = {"marker": style.marker, "ls": "", "ms": 5} if points else {"ls": style.line}
        entries[style.label] = Line2D([], [], color=style.colour, label=style.label, **look)
    owner.legend(handles=list(entries.values()), fontsize=8, **place)


def device_spectra(spectra: dict[str, NDArray[np.float32]], shift: dict[str, NDArray[np.float32]]) -> Figure:
    """Mean spectra by device, and by how much those of the unseen devices differ from device a's.

    From 50 Hz on: below, A-weighting takes off 30 dB and more.

    Args:
        spectra: levels in dB(A), (256,), of device "a" and others.
        shift: differences in dB, (256,), of the others.
    """
    figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.9))
    if not spectra:
        return nothing_in(figure, NO_RECORDINGS)
    styles = _device_styles(spectra)
    bands = np.flatnonzero(mel_frequencies() >= 50)
    for ax, curves in zip(axes, (spectra, shift), strict=True):
        for device, curve in curves.items():
            style = styles[device]
            drawn = bands[:: 1 if style.zorder > 1 else 4]  # 40 grey curves of every band would take half a megabyte
            ax.plot(drawn, curve[drawn], color=style.colour, ls=style.line, lw=1.5, zorder=style.zorder)
        ax.set_xticks(*_kilohertz_ticks())
        ax.set_xlabel("frequency / kHz")
    axes[1].axhline(0, color="black", lw=1.5, zorder=3)
    axes[0].set(title="mean spectrum", ylabel="level / dB(A)")
    axes[1].set(title="against device a", ylabel="difference / dB")
    _legend(figure, styles.values(), False, loc="outside lower center", ncols=4)
    return figure


def clip_maps(
    points: NDArray[np.float64], devices: NDArray[np.str_], scenes: NDArray[np.str_], axis_labels: tuple[str, str]
) -> Figure:
    """Clips as points in a plane, drawn twice: coloured by device, and by scene or other class.

    Args:
        points: (clips, 2).
        devices: of every clip, "a" among them.
        scenes: of every clip.
        axis_labels: of the horizontal and the vertical axis.
    """
    by_scene = {
        name: _Style(name.replace("_", " "), f"C{number}", _MARKERS[number % len(_MARKERS)])
        for number, name in enumerate(np.unique(scenes))
    }
    figure, panels = plt.subplots(1, 2, figsize=(7.6, 5.4), sharex=True, sharey=True)
    if not len(points):
        return nothing_in(figure, NO_RECORDINGS)
    for ax, title, groups, styles in (
        (panels[0], "by device", devices, _device_styles(devices)),
        (panels[1], "by class", scenes, by_scene),
    ):
        for name, style in styles.items():
            ax.scatter(
                *points[groups == name].T, s=14, color=style.colour, marker=style.marker, lw=0, zorder=style.zorder
            )
        ax.set(title=title, xlabel=axis_labels[0])
        _legend(ax, styles.values(), True, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    panels[0].set_ylabel(axis_labels[1])
    return figure


def network_fields(evidence: Evidence, networks: Collection[Network], depth: int | None = None) -> Figure:
    """`field_maps` of some networks, each by its run with the edition's first fold and first seed."""
    fields = [first_field(evidence, network) for network in networks]
    return field_maps(fields, [str(network) for network in networks], depth)


SHADES = (0, 0.1, 0.5, 1)
"""What the scale beside a field names, relative to its maximum."""


def shades(field: Crop) -> NDArray[np.float64]:
    """The square root of a field relative to its maximum, which keeps the faint outskirts visible."""
    values: NDArray[np.float64] = field.values.numpy()
    return np.sqrt(values / (values.max() or 1))


def field_maps(fields: Sequence[Field | None], titles: Sequence[str], depth: int | None = None) -> Figure:
    """Effective receptive fields side by side, each relative to its own maximum, about the centre pixel.

    The colours are `shades` of the gradient; the rectangles hold 50 % and 90 % of it along either axis.

    Args:
        fields: one or more; None where there is no run.
        titles: one each.
        depth: crop all to the maximum receptive field at this D; by default each to its own.
    """
    columns = min(2, len(fields)) if len(fields) != 3 else 3
    rows = -(-len(fields) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(7.2, 3.7 * rows), squeeze=False, sharex=True, sharey=True)
    for ax, field, title in zip(grid.flat, fields, titles, strict=True):
        ax.set(title=title)
        if field is None:
            not_trained(ax)
            continue
        shown = field.cropped(depth)
        (left, bottom), (right, top) = shown.corners
        # interpolated, an SVG would hold the picture blown up
        _image(ax, shades(shown), 0, 1, (left, right, bottom, top), interpolation="none")
        for width, height, line in (
            (field.extent.radius_50_ms, field.extent.radius_50_bands, "-"),
            (field.extent.radius_90_ms, field.extent.radius_90_bands, "--"),
        ):
            ax.add_patch(Rectangle((-width, -height), 2 * width, 2 * height, fill=False, ec="white", ls=line, lw=1.2))
        ax.xaxis.set_major_locator(MaxNLocator(5, symmetric=True))
    for ax in grid[-1]:
        ax.set_xlabel("time / ms")
    for ax in grid[:, 0]:
        ax.set_ylabel("frequency / mel bands")
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), MAP), ax=grid, shrink=0.9 / rows**0.5)
    bar.set_ticks([mark**0.5 for mark in SHADES], labels=[f"{mark:g}" for mark in SHADES])
    bar.set_label("gradient / its maximum")
    return figure

"""The effective receptive fields of all networks behind five controls, over a table that needs no script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex
from matplotlib.ticker import MaxNLocator

from repro.analysis.evidence import Evidence, Network
from repro.analysis.fields import Field, mean_field
from repro.analysis.radii import RADII
from repro.figures.maps import SHADES, shades
from repro.figures.markup import Html, picture
from repro.figures.style import MAP
from repro.figures.svg import Axis, Plot, attributes, table, tick

CONTROLS = {
    "variant": "Network",
    "width": "Width W",
    "depth": "Depth D",
    "pointwise": "1×1 blocks K",
    "pruning": "Pruning",
}
"""What tells networks apart, and the label of its control."""

PRUNINGS = {"dense": "none", "static": "static, random", "iterative": "iterative", "unguarded": "iterative, unguarded"}


def erf_explorer(evidence: Evidence) -> Html:
    """Every network of the runs, its mean field and its radii: a picture of one at a time, and a table of all.

    The picture's scale is that of `maps.field_maps`. Without a script it stays at the first network.

    Args:
        evidence: the runs.
    """
    networks = dict.fromkeys(n for study in evidence.edition.studies for n in evidence.networks(study))
    runs = {network: list(evidence.runs(network).values()) for network in networks}
    fields = {network: mean_field(records) for network, records in sorted(runs.items()) if records}
    if not fields:
        return Html('<p class="repro-missing">No network is trained yet.</p>')
    counts = {network: len(runs[network]) for network in fields}
    return Html(explorer_of(fields, counts))


def explorer_of(fields: Mapping[Network, Field], counts: Mapping[Network, int]) -> str:
    """The HTML of `erf_explorer`.

    Args:
        fields: of at least one network; all are drawn on the same axes.
        counts: the runs that each is the mean of.
    """
    plot = _axes(fields.values())
    rows = [_row(network, field, counts[network], plot) for network, field in fields.items()]
    drawn = plot.draw(_picture(rows[0], plot), "Effective receptive field of one network", "plot field")
    radii = ["network", "runs", *RADII]
    cells = [
        [str(network), str(counts[network]), *(f"{getattr(field.extent, name):.1f}" for name in RADII.values())]
        for network, field in fields.items()
    ]
    label = "Radii of the effective receptive fields, by network"
    return (
        f'<div class="repro-touch explorer"><div class="controls" hidden>{_controls(list(fields))}</div>{drawn}'
        f'<p class="said" aria-live="polite">{escape(rows[0]["said"])}</p>'
        f"{table(radii, cells, label, [attributes(**row) for row in rows])}</div>"
    )


def settings(network: Network) -> dict[str, str]:
    """A network as the values of `CONTROLS`."""
    pruning = PRUNINGS[network.method] + (", trained longer" if network.long else "")
    values = (network.variant, network.width, network.depth, network.pointwise, pruning)
    return dict(zip(CONTROLS, map(str, values), strict=True))


def _axes(fields: Iterable[Field]) -> Plot:
    time, frequency = np.abs([field.cropped().corners for field in fields]).max(axis=(0, 1)).tolist()
    return Plot(_about_zero("time / ms", time), _about_zero("frequency / mel bands", frequency), right=58)


def _about_zero(label: str, end: float) -> Axis:
    places = [float(place) for place in MaxNLocator(5, symmetric=True).tick_values(-end, end) if abs(place) <= end]
    return Axis(label, -end, end, tuple((place, tick(place)) for place in places))


def _row(network: Network, field: Field, runs: int, plot: Plot) -> dict[str, str]:
    """What the script shows of a network."""
    shown, extent = field.cropped(), field.extent

    def about(ms: float, bands: float) -> str:
        return plot.box((-ms, -bands), (ms, bands))

    return {
        **settings(network),
        "picture": picture(shades(shown), 0, 1, quality=90),
        "box": plot.box(*shown.corners),
        "half": about(extent.radius_50_ms, extent.radius_50_bands),
        "most": about(extent.radius_90_ms, extent.radius_90_bands),
        "said": f"{network}, mean of {runs} run{'s' * (runs > 1)}: half of the gradient lies within "
        f"{extent.radius_50_bands:.1f} mel bands and {extent.radius_50_ms:.0f} ms of the centre, 90 % within "
        f"{extent.radius_90_bands:.1f} mel bands and {extent.radius_90_ms:.0f} ms.",
    }


def _picture(row: Mapping[str, str], plot: Plot) -> str:
    colours = mpl.colormaps[MAP]
    area = plot.box((plot.x.low, plot.y.low), (plot.x.high, plot.y.high))
    x, height = plot.width - plot.right + 12, plot.height - plot.bottom - plot.top
    stops = "".join(
        f'<stop offset="{share:g}" stop-color="{to_hex(colours(share))}"/>' for share in np.linspace(0, 1, 9)
    )
    marks = "".join(
        f'<text x="{x + 14}" y="{plot.top + height * (1 - mark**0.5):.0f}" dominant-baseline="central">{mark:g}</text>'
        for mark in SHADES
    )
    return (
        f"{_rectangle(area, fill=to_hex(colours(0.0)))}"
        f'<image preserveAspectRatio="none" href="{row["picture"]}" {_place(row["box"])}/>'
        f"{_rectangle(row['half'], 'half')}{_rectangle(row['most'], 'most')}"
        f'<linearGradient id="repro-{MAP}" x1="0" y1="1" x2="0" y2="0">{stops}</linearGradient>'
        f'<g aria-hidden="true">{_rectangle(f"{x} {plot.top} 10 {height}", fill=f"url(#repro-{MAP})")}{marks}</g>'
    )


def _place(box: str) -> str:
    return " ".join(f'{name}="{value}"' for name, value in zip(("x", "y", "width", "height"), box.split(), strict=True))


def _rectangle(box: str, css: str = "", fill: str = "none") -> str:
    return f'<rect{f" class={css!r}" if css else ""} fill="{fill}" {_place(box)}/>'


def _controls(networks: list[Network]) -> str:
    shown = settings(networks[0])
    controls = []
    for name, label in CONTROLS.items():
        values = list(dict.fromkeys(settings(network)[name] for network in networks))
        if name in ("width", "depth", "pointwise"):
            values.sort(key=int)
        if name == "width":
            control = (
                f'<input type="range" name="{name}" min="0" max="{len(values) - 1}" '
                f'value="{values.index(shown[name])}" aria-valuetext="{shown[name]}" data-values="{" ".join(values)}"/>'
                f"<output>{shown[name]}</output>"
            )
        else:
            options = "".join(
                f"<option{' selected' if value == shown[name] else ''}>{escape(value)}</option>" for value in values
            )
            control = f'<select name="{name}">{options}</select>'
        controls.append(f"<label><span>{escape(label)}</span>{control}</label>")
    return "".join(controls)

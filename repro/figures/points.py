"""Plots whose points say what they are: accuracy by microphone, and accuracy over the number of weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
import pandas as pd

from repro.analysis import accuracy, radii
from repro.analysis.breakdown import shares
from repro.analysis.evidence import Network
from repro.edition import VARIANTS
from repro.figures.markup import Html
from repro.figures.svg import Axis, Plot, attributes, legend, linear, logarithmic, marker, table
from repro.store.record import Record

SHAPES = {"base": "circle", "damped": "diamond"}
LEAD = "damped − base"
PRUNED = {"static": "triangle", "iterative": "cross", "unguarded": "cross"}


def by_microphone(records: Iterable[Record]) -> pd.DataFrame:
    """Accuracy in % through every unseen device (rows), of the base and of the damped networks (columns).

    The mean over the networks, so that each counts once however many runs it has.
    """
    of_variant: dict[str, list[Record]] = {}
    for record in records:
        of_variant.setdefault(record.experiment.variant, []).append(record)
    by_device = {variant: 100 * shares(runs, "device").mean() for variant, runs in of_variant.items()}
    return pd.DataFrame(by_device, columns=[v for v in VARIANTS if v in by_device]).rename_axis("device")


def by_response(accuracies: pd.DataFrame, deviations: pd.Series[float], compressed: Sequence[str]) -> pd.DataFrame:
    """Accuracy through the microphones that compress and through the others, and its relation to their responses.

    Args:
        accuracies: `by_microphone`.
        deviations: of every microphone from flat, in dB.
        compressed: those that compress, too.

    Returns:
        Text, a row a group and variant, the last of a group for damped minus base: microphones, their mean accuracy,
        and the rank correlation of deviation and accuracy with its 95 % interval. No rows without measured microphones.
    """
    measured = _measured(accuracies, deviations)
    compress = measured.index.isin(compressed)
    groups = {"all": measured, "with a compressor": measured[compress], "without one": measured[~compress]}
    rows = []
    for name, group in groups.items():
        for variant, heard in group.items() if len(group) else ():
            found = radii.rank_correlation(deviations[group.index], heard)
            related = f"{found.told} ({found.interval})"
            mean = f"{heard.mean():{'+' if variant == LEAD else ''}.1f}".replace("-", "−")
            rows.append([name, variant, found.pairs, mean, related])
    columns = ["microphones", "variant", "number", "accuracy / %", "rank correlation (95 %)"]
    return pd.DataFrame(rows, columns=columns).set_index(columns[:2])


def reading_of_damping(accuracies: pd.DataFrame, deviations: pd.Series[float]) -> str:
    """Whether the damped networks are the farther ahead the farther a response is from flat, in words.

    Empty where it cannot be said. Arguments as of `by_response`.
    """
    measured = _measured(accuracies, deviations)
    if LEAD not in measured:
        return ""
    found = radii.rank_correlation(deviations[measured.index], measured[LEAD])
    if np.isnan(found.low):
        return ""
    told = "support" if found.low > 0 else "speak against" if found.high < 0 else "do not support"
    related = f"damped minus base and the distance have a rank correlation of {found.told} ({found.interval})"
    return f"These microphones {told} our reading: over all of them {related}."


def _measured(accuracies: pd.DataFrame, deviations: pd.Series[float]) -> pd.DataFrame:
    """The rows of measured microphones, with a column for damped minus base where both variants are there."""
    measured = accuracies[accuracies.index.isin(deviations.index)]
    if {*VARIANTS} <= {*measured}:
        measured = measured.assign(**{LEAD: measured["damped"] - measured["base"]})
    return measured


def microphones(
    accuracies: pd.DataFrame, responses: pd.DataFrame, deviations: pd.Series[float], compressed: Sequence[str] = ()
) -> Html:
    """Accuracy through a microphone over how far its response is from flat; the response of the one that is pointed at.

    Args:
        accuracies: `by_microphone`.
        responses: dB by frequency in Hz (rows) and microphone (columns).
        deviations: of every microphone from flat, in dB.
        compressed: those that compress, too.
    """
    names = [name for name in deviations.sort_values().index if name in accuracies.index]
    if not names:
        return Html("<p>This edition has no measured microphones, or no network is trained yet.</p>")
    shown = accuracies.loc[names]
    heights = [float(value) for value in shown.to_numpy().ravel() if value == value]
    flat = [float(deviations[name]) for name in names]
    plot = Plot(linear("deviation of the response from flat / dB", [0.0, *flat]), linear("accuracy / %", heights))
    curves = _response_plot(responses[names])
    points, rows = [], []
    for name, place in zip(names, flat, strict=True):
        values = {variant: value for variant, value in shown.loc[name].items() if value == value}
        said = f"{name}: {place:.1f} dB from flat" + (", compresses" if name in compressed else "") + "; accuracy "
        said += ", ".join(f"{variant} {value:.1f} %" for variant, value in values.items())
        x, ys = plot.across(place), [plot.down(value) for value in values.values()]
        look = " hollow" if name in compressed else ""
        marks = "".join(marker(SHAPES[str(v)], x, y, f"{v}{look}") for v, y in zip(values, ys, strict=True))
        stem = f'<path class="stem" d="M{x} {min(ys)}V{max(ys)}"/>'
        curve = curves.line(responses.index.tolist(), responses[name].tolist())
        points.append(_point(stem + marks, x, float(np.mean(ys)), said, curve))
        texts = [f"{value:.1f}" for value in shown.loc[name]]
        rows.append([name, f"{place:.1f}", "yes" if name in compressed else "no", *texts])
    start = f'<path class="curve" d="{curves.line(responses.index.tolist(), responses[names[0]].tolist())}"/>'
    response = curves.draw(start, "Response of the microphone that is pointed at", "plot curves")
    looks = {"": "", ", compresses": " hollow"} if set(names) & set(compressed) else {"": ""}
    marks = legend({f"{v}{text}": (SHAPES[str(v)], f"{v}{look}") for text, look in looks.items() for v in shown})
    head = ["microphone", "from flat / dB", "compresses", *(f"{variant} / %" for variant in shown)]
    label = "Accuracy by microphone"
    return _page(plot, points, label, marks, response, table(head, rows, label), f"Response below: {names[0]}")


def runs(records: Sequence[Record]) -> Html:
    """Accuracy of every run on the unseen devices over its number of weights.

    Args:
        records: the runs, with true labels.
    """
    if not records:
        return Html("<p>No network is trained yet.</p>")
    found = accuracy.accuracies(records).groupby(["key", "group"])["accuracy"].mean().unstack() * 100
    on_unseen, on_seen = found["unseen"].to_dict(), found["seen"].to_dict()
    ordered = sorted(records, key=lambda record: (record.weights, on_unseen[record.key]))
    plot = Plot(
        logarithmic("number of weights", [record.weights for record in ordered]),
        linear("accuracy on unseen devices / %", list(on_unseen.values())),
    )
    points, rows, kinds = [], [], {}
    for record in ordered:
        network = Network.of(record.experiment)
        fold, seed = record.experiment.replicate
        unseen, seen = on_unseen[record.key], on_seen[record.key]
        said = (
            f"run {record.key}: {network}, {f'fold {fold}, ' if fold else ''}seed {seed}, {record.weights:,} weights; "
            f"accuracy on unseen devices {unseen:.1f} %, on the seen one {seen:.1f} %"
        )
        x, y = plot.across(record.weights), plot.down(unseen)
        shape = PRUNED.get(network.method, SHAPES[network.variant])
        kind = network.variant if network.method == "dense" else f"{network.variant}, {network.method}"
        kinds[kind] = (shape, network.variant)
        points.append(_point(marker(shape, x, y, network.variant), x, y, said))
        about = [record.key, str(network), str(fold or "–"), str(seed), f"{record.weights:,}"]
        rows.append([*about, f"{unseen:.1f}", f"{seen:.1f}"])
    head = ["run", "network", "fold", "seed", "weights", "unseen / %", "seen / %"]
    label = "Accuracy of every run over its number of weights"
    return _page(plot, points, label, legend(dict(sorted(kinds.items()))), "", table(head, rows, label))


def _response_plot(responses: pd.DataFrame) -> Plot:
    """Axes that hold all responses, so that the curves of two microphones can be compared."""
    values = responses.to_numpy()
    marks = (100, "0.1"), (300, "0.3"), (1000, "1"), (3000, "3"), (10000, "10")
    frequency = Axis("frequency / kHz", float(responses.index[0]), float(responses.index[-1]), marks, True)
    return Plot(frequency, linear("response / dB", [float(values.min()), float(values.max())]), height=220)


def _point(marks: str, x: float, y: float, said: str, curve: str = "") -> str:
    more = attributes(x=f"{x:g}", y=f"{y:g}", said=said, **({"curve": curve} if curve else {}))
    name = said.partition(";")[0]
    return f'<g class="point"{more} aria-label="{escape(name)}"><title>{escape(said)}</title>{marks}</g>'


def _page(plot: Plot, points: Sequence[str], label: str, marks: str, more: str, rows: str, said: str = "") -> Html:
    drawn = plot.draw(f'<g class="marks">{"".join(points)}</g>', label)
    return Html(
        f'<div class="repro-touch points">{marks}{drawn}<p class="said" aria-live="polite">{escape(said)}</p>'
        f"{more}{rows}</div>"
    )

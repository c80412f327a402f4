"""What every page of the book shows of itself: edition and data set at its top, its runs below its figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import pandas as pd

from repro.erf.fields import Field
from repro.figures.charts import use_style
from repro.store.store import Record
from repro.studies import Setting
from repro.sweep.fetch import failed

RUNS_MIME = "application/x-repro-runs+json"
"""An output of this type lists the runs and recordings that a page was made from."""

DATA_NAMES = {
    "synthetic": "synthetic recordings",
    "esc10": "ESC-10 recordings through measured microphones",
    "tau2020": "TAU Urban Acoustic Scenes 2020 Mobile",
}

SYNTHETIC_NOTE = (
    "These recordings are computed, since the real set cannot be shipped with the book; "
    "what is found on them is no evidence about the paper."
)


class _Html:
    """An output cell's HTML, with a machine-readable part beside it where there is one."""

    def __init__(self, html: str, data: dict[str, Any] | None = None) -> None:
        self._html, self._data = html, data

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/html": self._html, "text/plain": ""}
        if self._data is not None:
            bundle[RUNS_MIME] = self._data
        return bundle


def start(edition: str, setting: Setting) -> _Html:
    """Set the book's style and name edition, recordings and recipe: the first output of every page."""
    use_style()
    data, recipe = setting.data, setting.recipe
    facts = [
        f"<strong>Edition: {escape(edition)}</strong>",
        DATA_NAMES[data.name],
        f"{data.clip_seconds:g} s clips",
        f"{recipe.epochs} epochs",
        f"learning rate up to {recipe.max_lr:g}",
        f"batches of {recipe.batch_size}",
        f"{len(setting.seeds)} seed{'s' if len(setting.seeds) > 1 else ''}",
    ]
    note = f" {SYNTHETIC_NOTE}" if data.name == "synthetic" else ""
    return _Html(f'<p class="repro-edition">{" · ".join(facts)}.{note}</p>')


def provenance(records: Iterable[Record]) -> _Html:
    """Which runs the figures above were drawn from: a folded table, and the keys for the build to read.

    Runs that another state of the package has made are counted, and marked in the table. Runs that the page asked for
    and that could not be trained (`repro.sweep.fetch.failed`) stand before it, with the reasons.
    """
    runs = {record.key: record for record in records}
    others = sum(not record.made_by_this_code for record in runs.values())
    seconds = sum(record.provenance["seconds"] for record in runs.values())
    rows = "".join(
        f"<tr><td><code>{key}</code></td><td>{record.experiment.network}</td><td>{record.experiment.seed}</td>"
        f"<td>{record.provenance['seconds']:.0f} s</td><td>{escape(record.provenance['device'])}</td>"
        f"<td>{escape(record.provenance['finished'])}</td>"
        f"<td>{'this book’s' if record.made_by_this_code else 'other'}</td></tr>"
        for key, record in runs.items()
    )
    note = f"; made by other code than this book’s: {others} of {len(runs)} runs" if others else ""
    html = (
        f'<details class="repro-runs"><summary>Drawn from {len(runs)} runs ({seconds:.0f} s of training)'
        f"{note}</summary>"
        '<table class="dataframe"><thead><tr><th>run</th><th>network</th><th>seed</th><th>trained</th><th>on</th>'
        f"<th>finished</th><th>code</th></tr></thead><tbody>{rows}</tbody></table></details>"
    )
    fingerprints = sorted({record.data_fingerprint for record in runs.values()})
    return _Html(_gaps() + html, {"runs": sorted(runs), "missing": sorted(failed), "data": fingerprints})


def _gaps() -> str:
    """The runs that this page asked for and that could not be trained: what its figures lack."""
    return "".join(
        f'<p class="repro-missing"><strong>Not trained:</strong> {failure.experiment.network}, '
        f"seed {failure.experiment.seed}: {failure.kind} ({escape(failure.reason)})</p>"
        for failure in failed.values()
    )


def extents_table(fields: Sequence[Field | None], names: Sequence[str]) -> pd.DataFrame:
    """Extents of effective receptive fields as a table, one column a field, and the last over the first.

    NaN for a field that is None, since its run failed.
    """
    radii = {
        "50 % radius / mel bands": "half_energy_bands",
        "90 % radius / mel bands": "energy_90_bands",
        "50 % radius / ms": "half_energy_ms",
        "90 % radius / ms": "energy_90_ms",
    }
    table = pd.DataFrame(
        {
            name: {
                label: getattr(field.extent, attribute) if field is not None else math.nan
                for label, attribute in radii.items()
            }
            for name, field in zip(names, fields, strict=True)
        }
    )
    table[f"{names[-1]} / {names[0]}"] = table[names[-1]] / table[names[0]]
    return table.round(2)

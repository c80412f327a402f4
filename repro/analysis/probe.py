"""A linear probe on mean spectra: how much the long-term spectrum alone says about the class."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from repro.analysis.evidence import GROUPS, Network
from repro.analysis.recordings import shipped_path, summary_of
from repro.data import Clips, load, split_of
from repro.data.features import PerceptualMel, to_float
from repro.edition import Edition
from repro.files.project import project_root
from repro.network.cp_resnet import CLASSES

PENALTIES = np.logspace(-4, 1, 6)
FOLDS = 5
BATCH = 10

SHIPPED = "probe.csv"
"""What `repro data summarise` writes `probe_by_fold` to, beside its summary of the recordings."""


class Probe(NamedTuple):
    """Accuracy in [0, 1] of the probe on the test clips of the seen device and of the unseen ones."""

    seen: float
    unseen: float


def probe_by_fold(edition: Edition, store: Path) -> pd.DataFrame:
    """Accuracy in [0, 1] of a linear probe for every fold of an edition that is left out: columns seen and unseen.

    Args:
        edition: whose recordings, and whose folds.
        store: folder below which prepared recordings are kept.

    Raises:
        InputError: the recordings are missing, or cannot be used.
    """
    folds = {fold: load(edition.data(fold), store) for fold in edition.folds}
    spectra = mean_spectra(next(iter(folds.values())))  # the clips of all folds are the same
    probes = {fold: linear_probe(spectra, clips) for fold, clips in folds.items()}
    return pd.DataFrame.from_dict(probes, orient="index", columns=list(Probe._fields)).rename_axis("fold")


def shipped_probe(edition: Edition) -> pd.DataFrame | None:
    """As `probe_by_fold`, read from what ships in `results`; None where that lacks a fold or is of other recordings."""
    path = shipped_path(edition.name, project_root()).with_name(SHIPPED)
    if not path.is_file() or summary_of(edition) is None:
        return None
    probe = pd.read_csv(path, index_col="fold")
    return probe.loc[edition.folds] if {*edition.folds} <= {*probe.index} else None


def mean_spectra(clips: Clips) -> NDArray[np.float32]:
    """The networks' features, before they are standardised, averaged over a clip's frames: (clips, 256)."""
    features = PerceptualMel()
    means = [
        features(to_float(torch.from_numpy(np.array(clips.waveforms[first : first + BATCH])))).mean(dim=-1)
        for first in range(0, len(clips.waveforms), BATCH)
    ]
    return torch.cat(means).numpy()


def linear_probe(spectra: NDArray[np.float32], clips: Clips) -> Probe:
    """Multinomial logistic regression from a clip's mean spectrum to its class.

    Trained on the same clips as the networks. The L2 penalty is chosen on them alone, by cross-validation that keeps
    every city, or of ESC-10 every fold, on one side.
    """
    split, labels = split_of(clips), clips.labels
    cities = clips.table["city"].to_numpy()[split.train]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        {"logisticregression__C": PENALTIES},
        cv=GroupKFold(min(FOLDS, len(set(cities)))),
    )
    search.fit(spectra[split.train], labels[split.train], groups=cities)
    hits = search.predict(spectra[split.test]) == labels[split.test]
    seen = len(split.seen)  # these stand first
    return Probe(float(hits[:seen].mean()), float(hits[seen:].mean()))


def beside_networks(report: pd.DataFrame, probe: pd.DataFrame | None) -> pd.DataFrame:
    """Accuracies in % as text, a row a network, then the probe's mean over the folds, and chance; "—" for none.

    Args:
        report: of networks of the width study (`repro.analysis.accuracy.report`).
        probe: as of `probe_by_fold`; None where there are no recordings.
    """
    names = _networks(report)
    means = report.assign(network=names).pivot(index="network", columns="group", values="mean")
    table = means.reindex(index=list(dict.fromkeys(names)), columns=list(GROUPS)).astype(float)
    table.loc["linear probe"] = np.nan if probe is None else probe.mean()
    table.loc["chance"] = 1 / CLASSES
    texts = (100 * table).map(lambda value: "—" if np.isnan(value) else f"{value:.1f}")
    return texts.rename_axis(index="network", columns="accuracy / %")


def compared(each_run: pd.DataFrame, probe: pd.DataFrame) -> str:
    """How the best dense network compares with the probe on unseen devices, in words; "" where there is none.

    The best one is that with the largest lead over the probe, in the mean over the folds that it has runs of.

    Args:
        each_run: accuracies of networks of the width study (`repro.analysis.accuracy.by_run`).
        probe: as of `probe_by_fold`.
    """
    if each_run.empty:
        return ""
    rows = each_run.assign(network=_networks(each_run))
    seen, unseen = (
        rows[rows["group"] == group].pivot_table("accuracy", "network", "fold") for group in ("seen", "unseen")
    )
    leads = 100 * (unseen - probe["unseen"])
    best = str(leads.mean(axis=1).idxmax())
    lead = leads.T[best].dropna()
    margin, folds = lead.mean(), probe.loc[lead.index]
    spread = f" (by fold {lead.min():+.1f} to {lead.max():+.1f})" if len(lead) > 1 else ""
    of_network = 100 * (seen.T[best] - unseen.T[best]).mean()
    of_probe = 100 * (folds["seen"] - folds["unseen"]).mean()
    chosen = f"the best of the {len(leads)} networks, {best}, is {abs(margin):.1f} points"
    if margin > 0:
        found = f"On unseen devices {chosen} above the probe{spread}."
    else:
        found = f"No network reaches the probe on unseen devices: {chosen} below it{spread}."
    return (
        f"{found} From the seen device to the unseen ones this network loses {of_network:.1f} points, the probe "
        f"{of_probe:.1f}."
    )


def _networks(table: pd.DataFrame) -> list[str]:
    return [str(Network(variant, width)) for variant, width in zip(table["variant"], table["width"], strict=True)]

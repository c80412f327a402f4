"""An edition's recordings, and what the book shows of them without any waveform.

The summary is small enough to come with the repository.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GroupKFold, cross_val_predict

from repro.analysis.summary import FLAT_FROM, FREQUENCIES, Moment, Summary
from repro.data import SAMPLE_RATE, Clips, esc10, load, tau2020
from repro.data.audio import decode, resample
from repro.data.clips import recorded_together
from repro.data.features import PerceptualMel, to_float
from repro.data.split import FOLD, TRAINING_DEVICE
from repro.edition import Edition
from repro.errors import InputError
from repro.experiment import DataConfig
from repro.files.checksums import StoredError
from repro.files.project import project_root
from repro.store.record_format import recordings_of
from repro.store.store import Store
from repro.training.device import one_thread

__all__ = ["FREQUENCIES", "Moment", "Summary", "clips_of", "microphone_response", "summarise", "summary_of"]

CLIPS_EACH = 40  # the most clips of a device in spectra and separation, spread evenly over classes and places

POINTS = 400  # about how many of these clips are drawn as points


def clips_of(edition: Edition) -> Clips | None:
    """An edition's recordings, prepared if they are not yet; None where their folders are not there.

    Raises:
        InputError: the folders are there, and are not what they should be; or the store cannot be written.
    """
    folders = [folder for folder in (edition.data_root, edition.impulse_responses) if folder]
    if not all(Path(folder).is_dir() for folder in folders):
        return None
    return load(edition.data(), Store.default().root)


def summary_of(edition: Edition) -> Summary | None:
    """The summary of an edition's recordings: computed from them, once, or that of `results` where they are missing.

    Raises:
        InputError: as of `clips_of`; or the file in `results` is damaged.
    """
    edition = _without_split(edition)
    clips = clips_of(edition)
    if clips is not None:
        store = Store.default()
        path = store.root / "summaries" / f"{clips.fingerprint}.npz"
        with suppress(StoredError):
            return Summary.load(path)
        with store.lock(f"summary-{clips.fingerprint[:20]}"):  # two pages ask for it side by side
            with suppress(StoredError):
                return Summary.load(path)
            summary = _summarise(edition.data(), clips)
            with store.writable():
                summary.save(path)
        return summary
    try:
        path = shipped_path(edition.name, project_root())
    except InputError:
        return None
    if not path.is_file():
        return None
    summary = Summary.load(path)
    return summary if summary.recordings == recordings_of(edition.data()) else None


def shipped_path(edition: str, root: Path) -> Path:
    """Where the summary that comes with the repository is, or would be."""
    return root / "results" / edition / "recordings.npz"


def summarise(edition: Edition) -> Summary:
    """Summarise an edition's recordings.

    Raises:
        InputError: they are missing, or not what they should be.
    """
    edition = _without_split(edition)
    clips = clips_of(edition)
    if clips is None:
        raise InputError(
            f"the recordings of edition '{edition.name}' were not found: fetch them with 'repro data get', or set "
            "data_root (and impulse_responses) to where they are"
        )
    return _summarise(edition.data(), clips)


def _without_split(edition: Edition) -> Edition:
    """The edition with a split that adds nothing to the recordings' fingerprint."""
    return edition.model_copy(update={"split": "paper"})


def _summarise(config: DataConfig, clips: Clips) -> Summary:
    moments = {}
    for device in clips.devices:
        pairs = recorded_together(clips.table, device).to_numpy()
        if device != TRAINING_DEVICE and len(pairs):
            moments[device] = _spread(pairs, CLIPS_EACH)
    heard = np.unique(np.concatenate(list(moments.values())))
    levels = pd.DataFrame(np.concatenate([part.mean(axis=2) for part in _levels(clips, heard)]), index=heard)
    of_a = np.unique(np.concatenate([pairs[:, 0] for pairs in moments.values()]))

    spectra = {TRAINING_DEVICE: levels.loc[of_a].mean().to_numpy()}
    shift = {}
    for device, pairs in moments.items():
        there = levels.loc[pairs[:, 1]].to_numpy()
        spectra[device] = there.mean(axis=0)
        shift[device] = (there - levels.loc[pairs[:, 0]].to_numpy()).mean(axis=0)

    compared = {TRAINING_DEVICE: _spread(of_a, CLIPS_EACH)} | {name: pairs[:, 1] for name, pairs in moments.items()}
    rows = np.concatenate(list(compared.values()))
    means, labels = levels.loc[rows].to_numpy(np.float64), clips.table.loc[rows]
    components = PCA(2, svd_solver="full").fit(means)
    plane = components.transform(means)
    each = dict.fromkeys(compared, max(1, POINTS // len(compared))) | {TRAINING_DEVICE: CLIPS_EACH}
    drawn = np.concatenate([_spread(np.flatnonzero(labels["device"] == name), each[name]) for name in compared])
    points = labels[["device", "scene"]].iloc[drawn].astype(object).reset_index(drop=True)
    points[["first", "second"]] = plane[drawn].round(2).astype(np.float32)
    first, second = (round(float(share), 4) for share in components.explained_variance_ratio_)
    microphones = esc10.microphones(config) if config.name == "esc10" else []
    return Summary(
        recordings=recordings_of(config),
        fingerprint=clips.fingerprint,
        seconds=clips.waveforms.shape[1] / SAMPLE_RATE,
        places=len(clips.table.groupby(["scene", "city", "location"])),
        cells=_cells(config, clips),
        spectra=pd.DataFrame(spectra).round(2).astype(np.float32),
        shift=pd.DataFrame(shift).round(2).astype(np.float32),
        points=points,
        variance=(first, second),
        separation=_separation(means, plane, labels),
        moment=_moment(clips, shift, moments),
        responses=pd.DataFrame(
            {path.stem: microphone_response(path, config) for path in microphones}, index=FREQUENCIES, dtype=np.float32
        ),
        compressed=tuple(path.stem for path in microphones[esc10.COMPRESSED_EVERY - 1 :: esc10.COMPRESSED_EVERY]),
    )


def _spread(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Of these rows at most `count`, evenly spread over their order."""
    return np.asarray(rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)])


def _levels(clips: Clips, rows: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    """Levels in dB(A) of some clips, a few at a time, (clips, 256, frames)."""
    features = PerceptualMel()
    with one_thread():
        for batch in np.array_split(rows, len(rows) // 10 + 1):
            yield features.decibel(features(to_float(torch.from_numpy(clips.waveforms[batch])))).numpy()


def _cells(config: DataConfig, clips: Clips) -> pd.DataFrame:
    table = clips.table[["scene", "city", "device"]].assign(official="")
    if config.name == "tau2020" and all((Path(config.root) / name).is_file() for name in tau2020.FOLDS.values()):
        table["official"] = tau2020.listing(config.model_copy(update={"split": "official"}))[FOLD]
    counted = table.groupby(list(table)).size()
    return counted.rename("clips").reset_index()


def _separation(means: NDArray[np.float64], plane: NDArray[np.float64], labels: pd.DataFrame) -> pd.DataFrame:
    places = labels["city"] + " " + labels["location"]
    rows = {}
    for name, column in {"devices": "device", "classes": "scene"}.items():
        groups = labels[column].to_numpy(str)
        count = len(np.unique(groups))
        named = cross_val_predict(
            LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
            means,
            groups,
            groups=places,
            cv=GroupKFold(min(5, places.nunique())),
        )
        rows[name] = {
            "share of the variance, all bands": explained_variance(means, groups),
            "component 1": explained_variance(plane[:, :1], groups),
            "component 2": explained_variance(plane[:, 1:], groups),
            "of as many groups drawn at random": (count - 1) / (len(groups) - 1),
            "named by a linear discriminant": float(np.mean(named == groups)),
            "by guessing": 1 / count,
        }
    return (100 * pd.DataFrame(rows)).round(2)


def explained_variance(values: NDArray[np.float64], groups: NDArray[np.str_]) -> float:
    """Share of the variance of `values` (clips, dimensions) that lies between the means of the clips' `groups`.

    From 0, where all groups have one mean, to 1, where no clip departs from its group's; groups drawn at random have
    (groups - 1) / (clips - 1) on average.
    """
    names, members = np.unique(groups, return_inverse=True)
    indicator = members[:, None] == np.arange(len(names))
    means = indicator.T @ values / indicator.sum(axis=0)[:, None]
    return float(means[members].var(axis=0).sum() / values.var(axis=0).sum())


def _moment(clips: Clips, shift: dict[str, Any], moments: dict[str, NDArray[np.int64]]) -> Moment:
    """The first moment through the device in the middle of all, by how much it changes the mean spectrum."""
    devices = sorted(shift, key=lambda device: (float(shift[device].std()), device))
    device = devices[len(devices) // 2]
    rows = moments[device][0]
    entry = clips.table.loc[rows[0]]
    mel = np.concatenate(list(_levels(clips, rows))).astype(np.float16)
    return Moment(device, str(entry["scene"]), str(entry["city"]), (int(rows[0]), int(rows[1])), mel)


def microphone_response(path: Path, config: DataConfig) -> NDArray[np.float32]:
    """The magnitude of a measured impulse response in dB at `FREQUENCIES`, its mean from `FLAT_FROM` on being 0.

    Raises:
        InputError: the file cannot be read.
    """
    impulse_response = resample(*decode(path), SAMPLE_RATE, config.resampling)
    length = 2**17
    power = np.abs(np.fft.rfft(impulse_response, length)) ** 2
    ratio = np.sqrt(FREQUENCIES[1] / FREQUENCIES[0])
    edges = np.append(FREQUENCIES / ratio, FREQUENCIES[-1] * ratio)
    bins = np.round(edges * length / SAMPLE_RATE).astype(int)
    bands = np.array([power[low:high].mean() for low, high in pairwise(bins)])
    decibel = 10 * np.log10(np.maximum(bands, 1e-20))
    return np.asarray((decibel - decibel[FREQUENCIES >= FLAT_FROM].mean()).round(2), np.float32)

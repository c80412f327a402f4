"""What an edition has to say on the claims: its runs and effective receptive fields, looked up by network."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from safetensors import safe_open

from repro import studies
from repro.analysis.accuracy import Group
from repro.analysis.claims import NOTHING, Measured
from repro.analysis.intervals import location_bootstrap, slope_coefficients
from repro.data import load
from repro.data.split import TRAINING_DEVICE
from repro.erf.fields import Field, field_of
from repro.errors import InputError
from repro.experiment import Experiment
from repro.store.store import Record, Store
from repro.studies import Setting
from repro.sweep.fetch import fetch

Variant = Literal["base", "damped"]
Method = Literal["dense", "static", "iterative"]
BOTH: tuple[Variant, ...] = ("base", "damped")


class Network(NamedTuple):
    """A network of the paper's grid; its runs with true labels differ in nothing but the seed."""

    variant: Variant
    width: int
    depth: int = 1
    pointwise: int = 1
    method: Method = "dense"


Contrast = Mapping[Network, float]
"""A linear combination of networks' accuracies: a difference, a slope, a difference of slopes."""


def difference(a: Network, b: Network) -> Contrast:
    """The accuracy of `a` less that of `b`."""
    return {a: 1.0, b: -1.0} if a != b else {}


def slope(networks: Mapping[float, Network]) -> Contrast:
    """The least-squares slope of the accuracy over the networks' places; empty for fewer than two places."""
    if len(networks) < 2:
        return {}
    return dict(zip(networks.values(), slope_coefficients(list(networks)), strict=True))


def minus(a: Contrast, b: Contrast) -> Contrast:
    """One contrast less another; empty where one of them is."""
    if not (a and b):
        return {}
    return {network: a.get(network, 0.0) - b.get(network, 0.0) for network in dict.fromkeys([*a, *b])}


@dataclass(frozen=True)
class Grid:
    """The sizes that an edition compares, as its page `claims` has them; widths and depths in ascending order.

    Attributes:
        widths: W of the width study.
        plateau_width: W beyond which the seen device should gain nothing.
        fit_widths: W of the networks that have to fit the labels, the smaller one first.
        depth_width: W of both depth studies.
        depths: D.
        pointwise: K.
        compound: (W, D) of networks that are widened and deepened.
        reference_width: W whose number of weights the sparse networks have.
        sparse_widths: W of the sparse networks.
        erf_deep_width: W of the networks whose effective receptive fields are compared at K = 0 and erf_pointwise.
        erf_pointwise: K of the deeper one of them.
        erf_narrow: W of the narrow network whose effective receptive field is compared with a wide one's; K = 0.
        erf_wide: W of the wide one, dense and pruned.
    """

    widths: tuple[int, ...]
    plateau_width: int
    fit_widths: tuple[int, ...]
    depth_width: int
    depths: tuple[int, ...]
    pointwise: tuple[int, ...]
    compound: tuple[tuple[int, int], ...]
    reference_width: int
    sparse_widths: tuple[int, ...]
    erf_deep_width: int
    erf_pointwise: int
    erf_narrow: int
    erf_wide: int

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Grid:
        """The grid in a page's parameters; other parameters are ignored.

        Raises:
            InputError: there is no width.
        """
        values = {field.name: parameters[field.name] for field in fields(cls)}
        for name in ("widths", "fit_widths", "depths", "pointwise", "sparse_widths"):
            values[name] = tuple(sorted(set(values[name])))
        for name in ("widths", "fit_widths"):
            if not values[name]:
                raise InputError(f"{name} = []: give at least one width")
        values["compound"] = tuple((width, depth) for width, depth in values["compound"])
        return cls(**values)


@dataclass(frozen=True)
class Evidence:
    """The runs of all studies that an edition has, and the extents of their effective receptive fields.

    Attributes:
        grid: what is compared.
        dataset: "synthetic", "esc10" or "tau2020".
        records: the runs, each once.
        extents: one row a field: the columns of `Network`, seed, key, and those of `erf.Extent`.
        wanted: the number of runs that the grid asks for.
    """

    grid: Grid
    dataset: str
    records: tuple[Record, ...]
    extents: pd.DataFrame
    wanted: int

    @cached_property
    def _runs(self) -> dict[tuple[Network, str], dict[int, Record]]:
        found: dict[tuple[Network, str], dict[int, Record]] = {}
        for record in self.records:
            place = (network_of(record.experiment), record.experiment.recipe.labels)
            found.setdefault(place, {})[record.experiment.seed] = record
        return found

    def runs(self, network: Network, labels: Literal["true", "random"] = "true") -> dict[int, Record]:
        """A network's runs by seed; empty where there are none."""
        return self._runs.get((network, labels), {})

    def accuracy(self, contrast: Contrast, group: Group) -> Measured:
        """A contrast of accuracies on one group of devices, in points, by seed: runs of the same seed are compared.

        Every accuracy is a run's mean over its reported epochs. Nothing where no seed has all the networks.
        """
        runs = {network: self.runs(network) for network in contrast}
        seeds = sorted(set.intersection(*(set(by_seed) for by_seed in runs.values()))) if runs else []
        if not seeds:
            return NOTHING
        clips = runs[next(iter(contrast))][seeds[0]].test_clips
        members = ((clips["device"] == TRAINING_DEVICE) == (group == "seen")).to_numpy()
        by_clip = {
            seed: 100
            * np.sum(
                [factor * runs[network][seed].correct[:, members].mean(axis=0) for network, factor in contrast.items()],
                axis=0,
            )
            for seed in seeds
        }
        places = list(zip(clips["scene"][members], clips["location"][members], strict=True))
        return Measured(
            {seed: float(values.mean()) for seed, values in by_clip.items()},
            location_bootstrap(np.mean(list(by_clip.values()), axis=0), places),
            _keys(runs[network][seed] for network in contrast for seed in seeds),
        )

    def training_accuracy(self, network: Network, labels: Literal["true", "random"]) -> Measured:
        """Share of the training labels that the final network reproduces without augmentation, in %, by seed."""
        runs = self.runs(network, labels)
        values = {seed: 100 * runs[seed].train_accuracy for seed in sorted(runs)}
        return Measured(values, runs=_keys(runs.values()))

    def extent_change(self, network: Network, reference: Network, radius: str) -> Measured:
        """By how many % a radius of the effective receptive field differs from the reference's, by seed.

        A seed in which one of the fields is zero everywhere has no such value.
        """
        table = self.extents
        if table.empty:
            return NOTHING
        rows = [
            table[(table[list(Network._fields)] == list(wanted)).all(axis=1)].set_index("seed")
            for wanted in (network, reference)
        ]
        change = (100 * (rows[0][radius] / rows[1][radius] - 1)).dropna().sort_index()
        keys = [key for row in rows for key in row.loc[row.index.isin(change.index), "key"]]
        return Measured(
            {int(str(seed)): float(value) for seed, value in change.items()}, runs=tuple(dict.fromkeys(keys))
        )

    def surplus_weights(self, networks: Collection[Network], target: int) -> Measured:
        """Weights left in sparse networks, counted in the stored masks, less the target; by seed the worst case."""
        runs = [record for network in networks for record in self.runs(network).values()]
        values: dict[int, float] = {}
        for record in runs:
            seed, surplus = record.experiment.seed, float(count_masks(record) - target)
            values[seed] = max(values.get(seed, 0.0), surplus, key=abs)
        return Measured(dict(sorted(values.items())), runs=_keys(runs))


def network_of(experiment: Experiment) -> Network:
    """The network that an Experiment trains."""
    model, sparsity = experiment.model, experiment.sparsity
    return Network(
        "damped" if model.damped else "base",
        model.width,
        model.depth,
        model.pointwise,
        sparsity.method if sparsity else "dense",
    )


def count_masks(record: Record) -> int:
    """Number of weights that the masks of a sparse run's stored network leave."""
    with safe_open(record.folder / "weights.safetensors", framework="np") as tensors:
        return sum(int(tensors.get_tensor(name).sum()) for name in tensors.keys() if name.endswith("mask"))  # noqa: SIM118


def extents_of(fields_: Iterable[Field]) -> pd.DataFrame:
    """Extents of effective receptive fields as `Evidence.extents` has them."""
    rows = []
    for field in fields_:
        run = field.record.experiment
        rows.append(network_of(run)._asdict() | {"seed": run.seed, "key": field.record.key} | asdict(field.extent))
    return pd.DataFrame(rows)


def experiments(parameters: Mapping[str, Any]) -> tuple[list[Experiment], list[Experiment]]:
    """The runs of all studies, each once, and those of them whose effective receptive fields are measured.

    Args:
        parameters: as for `gather`.

    Raises:
        InputError: a value is out of its range.
    """
    setting, grid = Setting.of(parameters), Grid.of(parameters)
    epochs = parameters["sparse_epochs"]
    accuracy_runs = [
        *studies.fit(setting, grid.fit_widths, parameters["random_label_epochs"]),
        *studies.by_width(setting, grid.widths),
        *studies.by_width(setting, [grid.reference_width]),
        *studies.by_depth(setting, grid.depth_width, grid.depths),
        *studies.by_pointwise(setting, grid.depth_width, grid.pointwise),
        *studies.by_width_and_depth(setting, grid.compound),
        *studies.by_sparse_width(setting, "static", grid.sparse_widths, grid.reference_width, epochs),
        *studies.by_sparse_width(setting, "iterative", grid.sparse_widths, grid.reference_width, epochs),
    ]
    erf_runs = studies.for_erf(
        replace(setting, seeds=tuple(parameters["erf_seeds"])),
        erf_deep_width=grid.erf_deep_width,
        erf_pointwise=grid.erf_pointwise,
        erf_narrow=grid.erf_narrow,
        erf_wide=grid.erf_wide,
        reference_width=grid.reference_width,
        sparse_epochs=epochs,
    )
    return list(dict.fromkeys(accuracy_runs + erf_runs)), erf_runs


def gather(parameters: Mapping[str, Any], *, train: bool, store: Store | None = None) -> Evidence:
    """The evidence of all studies under these parameters, those of the page `claims` (`globals()` will do).

    Args:
        parameters: the setting (see `Setting.of`) and the grid (see `Grid`), and random_label_epochs, sparse_epochs
            and erf_seeds.
        train: whether runs that the store lacks are trained; else they are left out. Receptive fields are computed
            either way.
        store: the run store; the default one where it is not given.

    Raises:
        InputError: a value is out of its range, or the recordings or the store cannot be used.
    """
    store = store or Store.default()
    setting, grid = Setting.of(parameters), Grid.of(parameters)
    wanted, shown = experiments(parameters)
    records = fetch(wanted, store) if train else _available(wanted, store)
    keys = {run.key(records[0].data_fingerprint) for run in shown} if records else set()
    extents = extents_of(field_of(record, setting.data, store) for record in records if record.key in keys)
    return Evidence(grid, setting.data.name, tuple(records), extents, len(wanted))


def _available(experiments: Iterable[Experiment], store: Store) -> list[Record]:
    """The runs of these Experiments that the store has."""
    wanted = list(experiments)
    fingerprints = {data: load(data, store.root).fingerprint for data in {experiment.data for experiment in wanted}}
    keys = dict.fromkeys(experiment.key(fingerprints[experiment.data]) for experiment in wanted)
    return [store.load(key) for key in keys if key in store]


def _keys(records: Iterable[Record]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(record.key for record in records))

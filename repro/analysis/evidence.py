"""What an edition has to say on the claims: its runs, looked up by network, and contrasts of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.analysis.contrasts import ClipEffects, Estimate, estimate, slope_coefficients
from repro.analysis.fields import field_of
from repro.analysis.verdicts import Effect, Kind
from repro.edition import Edition
from repro.experiment import Experiment
from repro.store.record import Record

Variant = Literal["base", "damped"]
Method = Literal["dense", "static", "iterative", "unguarded"]
Group = Literal["seen", "unseen"]
Replicate = tuple[int, int]  # (fold, seed)

BOTH: tuple[Variant, ...] = ("base", "damped")
GROUPS: tuple[Group, ...] = ("unseen", "seen")

FITS = 97.5
"""% of the training labels, without augmentation, from which on a network counts as fitting them: half of the smallest
difference in test accuracy that the width claims ask for."""


class Network(NamedTuple):
    """A network of the paper's grid; its runs with true labels differ in nothing but fold and seed.

    `long` is a dense network trained for as many epochs as the sparse ones, where these are not the edition's.
    """

    variant: Variant
    width: int
    depth: int = 1
    pointwise: int = 1
    method: Method = "dense"
    long: bool = False

    @classmethod
    def of(cls, experiment: Experiment, long: bool = False) -> Network:
        """The network that an Experiment trains."""
        model = experiment.model
        return cls(experiment.variant, model.width, model.depth, model.pointwise, experiment.method, long)

    def __str__(self) -> str:
        method = "" if self.method == "dense" else f" {self.method}"
        sizes = "".join(f" {n}={v}" for n, v in (("D", self.depth), ("K", self.pointwise)) if v != 1)
        return f"{self.variant} W={self.width}{sizes}{method}{' long' if self.long else ''}"


Contrast = Mapping[Network, float]
"""A linear combination of networks' values: a difference, a slope, a difference of slopes."""


def difference(a: Network, b: Network) -> Contrast:
    """The value of `a` less that of `b`."""
    return {a: 1.0, b: -1.0} if a != b else {}


def slope(networks: Mapping[float, Network]) -> Contrast:
    """The least-squares slope of the value over the networks' places; empty for fewer than two places."""
    if len(networks) < 2:
        return {}
    return dict(zip(networks.values(), slope_coefficients(list(networks)), strict=True))


def combine(*parts: tuple[float, Contrast]) -> Contrast:
    """The sum of contrasts times their factors; empty where one of them is."""
    if not all(contrast for _, contrast in parts):
        return {}
    found: dict[Network, float] = {}
    for factor, contrast in parts:
        for network, weight in contrast.items():
            found[network] = found.get(network, 0.0) + factor * weight
    return found


@dataclass(frozen=True)
class Evidence:
    """The runs that an edition has.

    Attributes:
        edition: what it asks for.
        records: the runs, each once.
    """

    edition: Edition
    records: tuple[Record, ...]
    _radii: dict[tuple[str, str], float] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def _runs(self) -> dict[tuple[Network, str], dict[Replicate, Record]]:
        found: dict[tuple[Network, str], dict[Replicate, Record]] = {}
        for record in self.records:
            if record.experiment.recipe.precision == self.edition.precision:
                place = (self.network_of(record.experiment), record.experiment.recipe.labels)
                found.setdefault(place, {})[record.experiment.replicate] = record
        return {place: dict(sorted(runs.items())) for place, runs in found.items()}

    def network_of(self, experiment: Experiment) -> Network:
        """The network that an Experiment of the edition trains."""
        recipe = experiment.recipe
        dense = experiment.method == "dense" and recipe.labels == "true"
        return Network.of(experiment, long=dense and recipe.epochs != self.edition.epochs)

    def networks(self, study: str) -> list[Network]:
        """The networks of a study that are trained on true labels, each once."""
        runs = (run for run in self.edition.study(study) if run.recipe.labels == "true")
        return list(dict.fromkeys(self.network_of(run) for run in runs))

    def reference(self, variant: Variant) -> Network:
        """The dense network that the sparse ones are compared with: as many weights, as many epochs."""
        long = self.edition.sparse_epochs != self.edition.epochs
        return Network(variant, self.edition.reference_width, long=long)

    def runs(self, network: Network, labels: Literal["true", "random"] = "true") -> dict[Replicate, Record]:
        """A network's runs by replicate; empty where there are none."""
        return self._runs.get((network, labels), {})

    def keys(self, networks: Iterable[Network]) -> tuple[str, ...]:
        """Keys of all runs of these networks."""
        return tuple(record.key for network in networks for record in self.runs(network).values())

    def unfit(self, networks: Iterable[Network]) -> tuple[str, ...]:
        """Those of these networks with a run that reproduces fewer than `FITS` % of its training labels, in words."""
        fits = {network: [100 * run.train_accuracy for run in self.runs(network).values()] for network in networks}
        return tuple(f"{network} ({min(fit):.1f} %)" for network, fit in fits.items() if min(fit, default=100) < FITS)

    def narrowest_fitting(self) -> int | None:
        """The narrowest width of the width study whose base and damped networks fit in every replicate."""
        for width in sorted(self.edition.widths):
            networks = [Network(variant, width) for variant in BOTH]
            if all(self.runs(network) for network in networks) and not self.unfit(networks):
                return width
        return None

    def accuracy(self, contrast: Contrast, group: Group, pool: Collection[Network] = ()) -> Estimate:
        """A contrast of accuracies on one group of devices, in points.

        Every accuracy is a run's mean over its reported epochs. Runs of the same fold and seed are compared.

        Args:
            contrast: the networks and their factors.
            group: of devices.
            pool: the networks of the study, whose residual variance is pooled.
        """
        return self._estimate(contrast, pool, {group: 1.0})

    def effect(
        self, name: str, contrast: Contrast, group: Group, kind: Kind, studies: Sequence[str], **options: Any
    ) -> Effect:
        """What is claimed of a contrast of accuracies, with the networks of some studies as its pool.

        Args:
            name: of the effect.
            contrast: the networks and their factors.
            group: of devices.
            kind: what is claimed.
            studies: whose networks' residual variance is pooled.
            options: other fields of `Effect`.
        """
        pool = [network for study in studies for network in self.networks(study)]
        found = self.accuracy(contrast, group, pool)
        return Effect(name, found, kind, **{"unfit": self.unfit(contrast), **options})

    def gap(self, contrast: Contrast, pool: Collection[Network] = ()) -> Estimate:
        """A contrast of what accuracies on unseen devices have over those on the seen one, in points."""
        return self._estimate(contrast, pool, {"unseen": 1.0, "seen": -1.0})

    def radius(self, contrast: Contrast, radius: str, pool: Collection[Network] = ()) -> Estimate:
        """A contrast of 100 times the logarithm of a radius of the effective receptive field: about % of change.

        Args:
            contrast: the networks and their factors.
            radius: an attribute of `repro.erf.gradient.Extent`.
            pool: as of `accuracy`.
        """

        def value(record: Record) -> float:
            place = (record.key, radius)
            if place not in self._radii:
                self._radii[place] = float(getattr(field_of(record).extent, radius))
            found = self._radii[place]
            return 100 * math.log(found) if found > 0 else math.nan

        common, blocks = self._blocks(contrast)
        cells = self._cells(contrast, pool, common, blocks, value)
        if not blocks or np.isnan(cells[: len(contrast)]).any():
            return Estimate()
        return estimate(cells, dict(enumerate(contrast.values())), _names(blocks), runs=self._used(contrast, common))

    def training_accuracy(self, network: Network, labels: Literal["true", "random"]) -> Estimate:
        """Share of the training labels that the final network reproduces without augmentation, in %, by replicate."""
        runs = self.runs(network, labels)
        values = {_name(place): 100 * record.train_accuracy for place, record in runs.items()}
        mean = float(np.mean(list(values.values()))) if values else None
        return Estimate(values, mean, runs=tuple(record.key for record in runs.values()))

    def surplus_weights(self, networks: Collection[Network], target: int) -> Estimate:
        """Weights left in sparse networks, counted in their masks, less the target; by replicate the worst case."""
        values: dict[str, float] = {}
        for network in networks:
            for place, record in self.runs(network).items():
                surplus = float(record.weights - target)
                values[_name(place)] = max(values.get(_name(place), 0.0), surplus, key=abs)
        mean = float(np.mean(list(values.values()))) if values else None
        return Estimate(values, mean, runs=self.keys(networks))

    def _estimate(self, contrast: Contrast, pool: Collection[Network], groups: Mapping[Group, float]) -> Estimate:
        common, blocks = self._blocks(contrast)
        if not blocks:
            return Estimate()

        def value(record: Record) -> float:
            of_clips = 100 * record.correct.mean(axis=0)
            return sum(f * float(of_clips[record.seen == (group == "seen")].mean()) for group, f in groups.items())

        cells = self._cells(contrast, pool, common, blocks, value)
        clips = self._clip_effects(contrast, common, blocks, groups)
        factors = dict(enumerate(contrast.values()))
        return estimate(cells, factors, _names(blocks), clips, self._used(contrast, common))

    def _blocks(self, contrast: Contrast) -> tuple[list[Replicate], list[list[Replicate]]]:
        """The replicates that all networks of a contrast have, and these by fold, else by seed."""
        runs = [set(self.runs(network)) for network in contrast]
        common = sorted(set.intersection(*runs)) if runs else []
        folds = dict.fromkeys(fold for fold, _ in common)
        if len(folds) < 2 and not any(folds):
            return common, [[place] for place in common]
        return common, [[place for place in common if place[0] == fold] for fold in folds]

    def _cells(
        self,
        contrast: Contrast,
        pool: Collection[Network],
        common: Sequence[Replicate],
        blocks: Sequence[Sequence[Replicate]],
        value: Callable[[Record], float],
    ) -> NDArray[np.float64]:
        """Value by network (those of the contrast first, then the rest of the pool) and block; NaN where runs lack."""
        networks = [*contrast, *(network for network in dict.fromkeys(pool) if network not in contrast)]
        cells = np.full((len(networks), len(blocks)), np.nan)
        for row, network in enumerate(networks):
            runs = self.runs(network)
            for column, block in enumerate(blocks):
                if all(place in runs for place in block):
                    cells[row, column] = np.mean([value(runs[place]) for place in block])
        return cells

    def _clip_effects(
        self,
        contrast: Contrast,
        common: Sequence[Replicate],
        blocks: Sequence[Sequence[Replicate]],
        groups: Mapping[Group, float],
    ) -> ClipEffects:
        fresh = bool(common[0][0])  # every fold tests other recordings
        parts = blocks if fresh else [list(common)]

        def of_clips(part: Sequence[Replicate]) -> NDArray[np.float64]:
            runs = [(factor, [self.runs(network)[place] for place in part]) for network, factor in contrast.items()]
            values = (factor * 100 * np.mean([run.correct.mean(axis=0) for run in of], axis=0) for factor, of in runs)
            return np.asarray(sum(values))

        tested = [self.runs(next(iter(contrast)))[part[0]] for part in parts]
        values, seen = np.concatenate([*map(of_clips, parts)]), np.concatenate([run.seen for run in tested])
        influence = np.zeros(len(values))
        for group, factor in groups.items():
            members = seen == (group == "seen")
            influence[members] = factor * (values[members] - values[members].mean()) / members.sum()
        kept = np.isin(seen, [group == "seen" for group in groups])
        clips = pd.concat([run.test_clips for run in tested])[kept]
        return ClipEffects(
            influence=influence[kept],
            recordings=[*zip(clips["scene"], clips["city"], clips["location"], strict=True)],
            scenes=clips["scene"].tolist(),
            devices=[None if at_a else device for at_a, device in zip(seen[kept], clips["device"], strict=True)],
            fresh=fresh,
        )

    def _used(self, contrast: Contrast, common: Sequence[Replicate]) -> tuple[str, ...]:
        return tuple(self.runs(network)[place].key for network in contrast for place in common)


def _name(place: Replicate) -> str:
    fold, seed = place
    return f"fold {fold}, seed {seed}" if fold else f"seed {seed}"


def _names(blocks: Sequence[Sequence[Replicate]]) -> list[str]:
    return [f"fold {block[0][0]}" if block[0][0] else f"seed {block[0][1]}" for block in blocks]

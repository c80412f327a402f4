"""What an edition has to say on the claims: its runs, looked up by network, and contrasts of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.analysis.contrasts import ClipEffects, Estimate, estimate, slope_coefficients
from repro.analysis.fields import field_of
from repro.analysis.verdicts import Effect, Kind
from repro.edition import Edition
from repro.erf.gradient import Extent
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
        records: the runs, each once. Those of the second seeds of some widths (`Edition.repeat_widths`) take no part in
            what is said of networks here: all networks have the same seeds.
    """

    edition: Edition
    records: tuple[Record, ...]
    _extents: dict[str, Extent] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def _runs(self) -> dict[tuple[Network, str], dict[Replicate, Record]]:
        found: dict[tuple[Network, str], dict[Replicate, Record]] = {}
        for record in self.records:
            of_edition = record.experiment.seed in self.edition.seeds
            if of_edition and record.experiment.recipe.precision == self.edition.precision:
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

    def of_study(self, study: str) -> list[Record]:
        """The runs of a study's networks (`networks`), with the edition's seeds."""
        return [record for network in self.networks(study) for record in self.runs(network).values()]

    def unfit(self, networks: Iterable[Network]) -> tuple[str, ...]:
        """Those of these networks with a run that reproduces fewer than `FITS` % of its training labels, in words."""
        fits = {network: [100 * run.train_accuracy for run in self.runs(network).values()] for network in networks}
        return tuple(f"{network} ({min(fit):.1f} %)" for network, fit in fits.items() if min(fit, default=100) < FITS)

    def fitting_widths(self) -> list[int]:
        """The widths of the width study from the narrowest on of which no run, base or damped, does not fit.

        All of them where there is none.
        """
        widths = sorted(self.edition.widths)
        fitting = (width for width in widths if not self.unfit(Network(variant, width) for variant in BOTH))
        narrowest = next(fitting, widths[0])
        return [width for width in widths if width >= narrowest]

    def effect(
        self,
        subject: str,
        group: Group,
        compared: str,
        contrast: Contrast,
        kind: Kind,
        studies: Sequence[str],
        **options: Any,
    ) -> Effect:
        """What is claimed of a contrast of accuracies on one group of devices, in points.

        Args:
            subject: of the effect; group and what is compared are its details.
            group: of devices.
            compared: the contrast in words.
            contrast: the networks and their factors.
            kind: what is claimed.
            studies: as of `accuracy`.
            options: other fields of `Effect`.
        """
        found = self.accuracy(contrast, {group: 1.0}, studies)
        return Effect(subject, found, kind, **{"unfit": self.unfit(contrast), "details": (group, compared), **options})

    def accuracy(self, contrast: Contrast, groups: Mapping[Group, float], studies: Sequence[str]) -> Estimate:
        """A contrast of accuracies, in points.

        Every accuracy is a run's mean over its reported epochs. Runs of the same fold and seed are compared.

        Args:
            contrast: the networks and their factors.
            groups: the groups of devices whose accuracies are added, and their factors.
            studies: whose networks' residual variance is pooled. A network that lost classes varies by far more than
                others: those that do not fit their training data are not pooled, and a contrast of them stands alone.
        """

        def value(record: Record) -> float:
            of_clips = 100 * record.correct.mean(axis=0)
            return sum(f * float(of_clips[record.seen == (group == "seen")].mean()) for group, f in groups.items())

        return self._estimate(contrast, studies, value, groups)

    def radius(self, contrast: Contrast, radius: str, studies: Sequence[str]) -> Estimate:
        """A contrast of 100 times the logarithm of a radius of the effective receptive field: about % of change.

        Args:
            contrast: the networks and their factors.
            radius: an attribute of `repro.erf.gradient.Extent`.
            studies: as of `accuracy`.
        """

        def value(record: Record) -> float:
            found = getattr(self.extent(record), radius)
            return 100 * math.log(found) if found > 0 else math.nan

        return self._estimate(contrast, studies, value)

    def extent(self, record: Record) -> Extent:
        """How far the effective receptive field of a run reaches; computed once."""
        if record.key not in self._extents:
            self._extents[record.key] = field_of(record).extent
        return self._extents[record.key]

    def training_accuracy(self, network: Network, labels: Literal["true", "random"]) -> Estimate:
        """Share of the training labels that the final network reproduces without augmentation, in %, by replicate."""
        runs = self.runs(network, labels)
        values = {_name(place): 100 * record.train_accuracy for place, record in runs.items()}
        return Estimate.of(values, tuple(record.key for record in runs.values()), self.edition.replicates - len(runs))

    def surplus_weights(self, networks: Collection[Network], target: int) -> Estimate:
        """Weights left in sparse networks, counted in their masks, less the target; by replicate the worst case."""
        values: dict[str, float] = {}
        runs = [(_name(place), record) for network in networks for place, record in self.runs(network).items()]
        for name, record in runs:
            values[name] = max(values.get(name, 0.0), float(record.weights - target), key=abs)
        missing = self.edition.replicates * len(networks) - len(runs)
        return Estimate.of(values, tuple(record.key for _, record in runs), missing)

    def _estimate(
        self,
        contrast: Contrast,
        studies: Sequence[str],
        value: Callable[[Record], float],
        groups: Mapping[Group, float] | None = None,
    ) -> Estimate:
        """A contrast of a value of runs, which is one of accuracies on `groups` where they are given."""
        if not contrast or not self._trained.issuperset(contrast):
            return Estimate()
        asked = self._blocks
        blocks = [block for block in asked if all(self.runs(network).keys() >= {*block} for network in contrast)]
        pool = [network for study in studies for network in self.networks(study) if not self.unfit([network])]
        networks = dict.fromkeys([*contrast, *([] if self.unfit(contrast) else pool)])  # those of the contrast first
        cells = np.array([[self._mean(network, block, value) for block in blocks] for network in networks])
        if not blocks or np.isnan(cells[: len(contrast)]).any():
            return Estimate(missing=len(asked))
        names = [f"fold {fold}" if self._folds else f"seed {seed}" for (fold, seed), *_ in blocks]
        clips = self._clip_effects(contrast, blocks, groups) if groups else None
        runs = tuple(self.runs(network)[place].key for network in contrast for block in blocks for place in block)
        variants = [network.variant for network in networks]
        found = estimate(cells, variants, dict(enumerate(contrast.values())), names, clips, runs)
        return replace(found, missing=len(asked) - len(blocks))

    @cached_property
    def _trained(self) -> set[Network]:
        """The networks of the edition's studies."""
        return {network for study in self.edition.studies for network in self.networks(study)}

    @property
    def _folds(self) -> bool:
        """Whether runs differ in the recordings that they are tested on."""
        return len(self.edition.folds) > 1

    @property
    def _blocks(self) -> list[list[Replicate]]:
        """The replicates of the edition, by fold; by seed where it has no folds, or one."""
        of_fold = [[(fold, seed) for seed in self.edition.seeds] for fold in self.edition.folds]
        return of_fold if self._folds else [[place] for block in of_fold for place in block]

    def _mean(self, network: Network, block: Sequence[Replicate], value: Callable[[Record], float]) -> float:
        """The mean value of a network's runs of a block; NaN where one is not there."""
        runs = self.runs(network)
        return float(np.mean([value(runs[place]) for place in block])) if runs.keys() >= {*block} else math.nan

    def _clip_effects(
        self, contrast: Contrast, blocks: Sequence[Sequence[Replicate]], groups: Mapping[Group, float]
    ) -> ClipEffects:
        parts = blocks if self._folds else [[place for block in blocks for place in block]]

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
            fresh=self._folds,
        )


def _name(place: Replicate) -> str:
    fold, seed = place
    return f"fold {fold}, seed {seed}" if fold else f"seed {seed}"

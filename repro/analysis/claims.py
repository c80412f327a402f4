"""Claims and the effects that decide them: one rule from numbers to verdicts, fixed before any result is looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from statistics import fmean, stdev
from typing import Any, Literal, NamedTuple

from repro.analysis.intervals import t_interval

Kind = Literal["increase", "decrease", "equal", "no less", "at least", "exact"]


class Verdict(StrEnum):
    """What an edition's runs say about an effect or a claim."""

    SUPPORTED = "supported"
    DIRECTION_ONLY = "direction only"
    INCONCLUSIVE = "inconclusive"
    CONTRADICTED = "contradicted"
    NOT_RUN = "not run in this edition"


class Measured(NamedTuple):
    """A quantity by seed, its 95 % interval over recording locations if it is one of accuracies, and its runs."""

    values: dict[int, float]
    clip_interval: tuple[float, float] | None = None
    runs: tuple[str, ...] = ()


NOTHING = Measured({})
"""Where no seed has all the runs that a quantity takes."""


@dataclass(frozen=True)
class Effect:
    """One measured quantity by seed, what is claimed of it, and what follows.

    The claimed region of the quantity, by kind and margin m:

        increase  above 0         equal    from -m to m     at least  m or more
        decrease  below 0         no less  -m or more       exact     from -m to m

    The verdict, from the 95 % t interval of the mean over seeds:

        supported       the whole interval lies in the region; an increase or decrease is, on the mean, m or more
        contradicted    the whole interval lies outside the region
        direction only  else, where the mean lies in the region: also for a single seed, which has no interval
        inconclusive    else
        not run in this edition   there are no values

    "at least" and "exact" speak of each value by itself (of what a network can do, of a count), not of a mean: all
    seeds in the region support them, none contradicts them, anything between is inconclusive.

    Attributes:
        name: what is compared, such as "damped − base, unseen, W = 16".
        measured: the quantity by seed; its interval over recording locations is shown beside the verdict and has no
            part in it.
        kind: what is claimed of it.
        margin: m, in `unit`.
        unit: of the values: points (of accuracy), points per ..., or %.
    """

    name: str
    measured: Measured
    kind: Kind
    margin: float = 0.0
    unit: str = "points"

    @property
    def values(self) -> dict[int, float]:
        """The quantity by seed."""
        return self.measured.values

    @property
    def mean(self) -> float | None:
        """The mean over seeds."""
        return fmean(self.values.values()) if self.values else None

    @property
    def standard_deviation(self) -> float | None:
        """The sample's standard deviation over seeds (n - 1); None for fewer than two."""
        return stdev(self.values.values()) if len(self.values) > 1 else None

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """The mean's 95 % t interval over seeds; None for fewer than two."""
        return t_interval(list(self.values.values()))

    @property
    def region(self) -> tuple[float, float]:
        """The claimed region's ends; an end at 0 of an increase or decrease is not part of it."""
        return {
            "increase": (0.0, math.inf),
            "decrease": (-math.inf, 0.0),
            "equal": (-self.margin, self.margin),
            "no less": (-self.margin, math.inf),
            "at least": (self.margin, math.inf),
            "exact": (-self.margin, self.margin),
        }[self.kind]

    @property
    def seeds_as_claimed(self) -> int:
        """The number of seeds whose value lies in the claimed region (sign consistency)."""
        return sum(self._in_region(value) for value in self.values.values())

    @property
    def criterion(self) -> str:
        """What is claimed, in words."""
        amount = f"{self.margin:g} {self.unit}"
        return {
            "increase": f"increase, on the mean of at least {amount}" if self.margin else "increase",
            "decrease": f"decrease, on the mean of at least {amount}" if self.margin else "decrease",
            "equal": f"equal within ±{amount}",
            "no less": f"lower by no more than {amount}",
            "at least": f"at least {amount} in every seed",
            "exact": f"within ±{amount} of 0 in every run" if self.margin else "0 in every run",
        }[self.kind]

    @property
    def verdict(self) -> Verdict:
        """The verdict by the table above."""
        if self.mean is None:
            return Verdict.NOT_RUN
        if self.kind in ("at least", "exact"):
            return {len(self.values): Verdict.SUPPORTED, 0: Verdict.CONTRADICTED}.get(
                self.seeds_as_claimed, Verdict.INCONCLUSIVE
            )
        if self.interval is not None:
            low, high = self.interval
            if self._in_region(low) and self._in_region(high) and self._large_enough(self.mean):
                return Verdict.SUPPORTED
            if high < self.region[0] or low > self.region[1]:
                return Verdict.CONTRADICTED
        return Verdict.DIRECTION_ONLY if self._in_region(self.mean) else Verdict.INCONCLUSIVE

    def _in_region(self, value: float) -> bool:
        low, high = self.region
        return low < value < high if self.kind in ("increase", "decrease") else low <= value <= high

    def _large_enough(self, mean: float) -> bool:
        return self.kind not in ("increase", "decrease") or abs(mean) >= self.margin

    def as_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "name": self.name,
            "criterion": self.criterion,
            "kind": self.kind,
            "margin": self.margin,
            "unit": self.unit,
            "values": {str(seed): value for seed, value in self.values.items()},
            "mean": self.mean,
            "standard_deviation": self.standard_deviation,
            "interval": list(self.interval) if self.interval else None,
            "seeds_as_claimed": self.seeds_as_claimed,
            "seeds": len(self.values),
            "clip_interval": list(self.measured.clip_interval) if self.measured.clip_interval else None,
            "verdict": str(self.verdict),
            "runs": list(self.measured.runs),
        }


@dataclass(frozen=True)
class Figure:
    """Where the book draws what a claim is about: the figure's name, and its link from the page of the ledger."""

    name: str
    link: str


_PAGES = {
    "01-introduction": [1],
    "05-1-width": [3],
    "05-2-depth": [4, 5, 7],
    "05-3-sparsity": [6],
    "C-erf": range(9, 17),
    "D-base": [17],
}
_LINKS = {number: f"{page}.html#fig-{number}" for page, numbers in _PAGES.items() for number in numbers}
FIT = Figure("Fit of the labels", "04-models.html#fig-fit")
"""The book's figure of what the paper gives as numbers in its Section 4."""


def figures(*numbers: int) -> list[Figure]:
    """The paper's figures of these numbers, with the pages of the book that have them."""
    return [Figure(f"Fig. {number}", _LINKS[number]) for number in numbers]


@dataclass(frozen=True)
class Claim:
    """One of the paper's claims and the effects that it asserts together.

    Attributes:
        number: 1 to 14.
        section: where the paper makes it.
        statement: what it says.
        criterion: what has to be found for it to be supported, and how it is read where the paper leaves that open.
        paper: the value that the paper gives; empty where it gives none.
        effects: what was measured.
        figures: where the book draws it.
    """

    number: int
    section: str
    statement: str
    criterion: str
    paper: str
    effects: Sequence[Effect]
    figures: Sequence[Figure]

    @property
    def verdict(self) -> Verdict:
        """A claim asserts all its effects: it stands as its weakest, and one effect contradicted contradicts it.

        Being supported asks for every effect at once, so many effects make a claim harder to support, never easier.
        An effect that could not be measured leaves a claim "not run", unless another one contradicts it already.
        """
        verdicts = {effect.verdict for effect in self.effects}
        for verdict in (
            Verdict.CONTRADICTED,
            Verdict.NOT_RUN,
            Verdict.INCONCLUSIVE,
            Verdict.DIRECTION_ONLY,
        ):
            if verdict in verdicts:
                return verdict
        return Verdict.SUPPORTED if verdicts else Verdict.NOT_RUN

    def as_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "number": self.number,
            "section": self.section,
            "statement": self.statement,
            "criterion": self.criterion,
            "paper": self.paper or None,
            "verdict": str(self.verdict),
            "figures": [{"name": figure.name, "link": figure.link} for figure in self.figures],
            "effects": [effect.as_json() for effect in self.effects],
        }

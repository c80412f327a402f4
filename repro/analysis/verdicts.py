"""From estimates to verdicts: one rule for all claims, fixed before any accuracy was looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from repro.analysis.contrasts import Estimate, holm

Kind = Literal["increase", "decrease", "equal", "no less", "no reversal", "at least", "exact"]

LEVEL = 0.05  # of all tests, two-sided; of equivalence, two tests at this level each
NEGLIGIBLE = 1.0  # points of a difference, or of a slope over the whole range of its study, that do not matter


class Verdict(StrEnum):
    """What an edition's runs say about an effect or a claim, the weakest verdict first."""

    CONTRADICTED = "contradicted"
    NOT_ASKED = "not asked"
    RUNS_MISSING = "runs missing"
    PREMISE_NOT_MET = "premise not met"
    ABSENT = "negligible"
    INCONCLUSIVE = "inconclusive"
    DIRECTION_ONLY = "direction only"
    SUPPORTED = "supported"


STRONGEST_FIRST = (
    Verdict.SUPPORTED,
    Verdict.RUNS_MISSING,  # a run that is not there may still support the claim
    Verdict.DIRECTION_ONLY,
    Verdict.INCONCLUSIVE,
    Verdict.ABSENT,
    Verdict.CONTRADICTED,
    Verdict.PREMISE_NOT_MET,  # a network that does not fit says nothing about the others
    Verdict.NOT_ASKED,
)
"""The order for a claim that one supported effect is enough for."""


class Signal(StrEnum):
    """Whether there is an effect at all."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"


class Size(StrEnum):
    """How an effect compares with the value that the paper gives."""

    CONSISTENT = "consistent"
    SMALLER = "smaller"
    LARGER = "larger"
    OPPOSITE = "opposite"
    NONE_GIVEN = "none given"


@dataclass(frozen=True)
class Effect:
    """One quantity, what is claimed of it, and what follows.

    What is claimed of the quantity q, by kind, with the margin m:

        increase     q > 0, and m or more on the mean   no less      q > -m
        decrease     q < 0, and -m or less on the mean  no reversal  not q < 0
        equal        -m < q < m                         at least     m or more in every run
                                                        exact        -m to m in every run

    Attributes:
        subject: the network or the pair of networks that it is a quantity of, such as "base" or "damped − base".
        estimate: the quantity with its error.
        kind: what is claimed of it.
        margin: m, in `unit`.
        negligible: the size below which an increase or decrease does not matter: of equivalence with zero.
        unit: of the values.
        paper: the value that the paper gives for it; None where it gives none.
        unfit: networks compared that do not fit their training data, in words; then there is no verdict.
        contradiction: p-value of the quantity lying outside of what is claimed, adjusted over a claim's effects (Holm).
        support: p-value of there being no increase, adjusted likewise, where one supported effect is enough.
        details: what is measured of the subject, and what is compared, such as ("unseen", "W = 64 − W = 16").
    """

    subject: str
    estimate: Estimate
    kind: Kind
    margin: float = 0.0
    negligible: float = NEGLIGIBLE
    unit: str = "points"
    paper: float | None = None
    unfit: tuple[str, ...] = ()
    contradiction: float | None = None
    support: float | None = None
    details: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Subject and details, such as "damped − base, unseen, W = 16"."""
        return ", ".join((self.subject, *self.details))

    @property
    def judgeable(self) -> bool:
        """Whether all its runs are there and all its networks fit."""
        return self.estimate.mean is not None and not self.estimate.missing and not self.unfit

    @property
    def _directed(self) -> Estimate:
        """The quantity, with its sign turned where it is to decrease: then an increase is claimed of it."""
        return -self.estimate if self.kind == "decrease" else self.estimate

    @property
    def p_outside(self) -> float:
        """p-value of the quantity lying outside of what is claimed: two-sided, of what the data say against it."""
        found, m = self._directed, self.margin
        if self.kind in ("increase", "decrease", "no reversal"):
            return min(1.0, 2 * found.p_above(0.0))
        if self.kind == "no less":
            return min(1.0, 2 * found.p_above(-m))
        if self.kind == "equal":
            return min(1.0, 2 * min(found.p_below(m), found.p_above(-m)))
        return 1.0

    @property
    def p_unsupported(self) -> float:
        """One-sided p-value of what is claimed not being so, whatever its size; 1 without an error."""
        found, m = self._directed, self.margin
        if self.kind == "equal":  # two one-sided tests
            return max(found.p_below(-m), found.p_above(m))
        return found.p_below(-m if self.kind == "no less" else 0.0)

    @property
    def signal(self) -> Signal:
        """Present: an interval of 95 % excludes zero; absent: two one-sided tests place it within `negligible`."""
        interval = self.estimate.interval()
        if interval is None:
            return Signal.UNDETERMINED
        if interval[0] > 0 or interval[1] < 0:
            return Signal.PRESENT
        bound = self.margin if self.kind == "equal" else self.negligible
        equivalent = max(self.estimate.p_below(-bound), self.estimate.p_above(bound)) < LEVEL
        return Signal.ABSENT if equivalent else Signal.UNDETERMINED

    @property
    def size(self) -> Size:
        """Where the 95 % interval lies beside the paper's value."""
        interval = self.estimate.interval()
        if self.paper is None or interval is None:
            return Size.NONE_GIVEN
        sign = math.copysign(1.0, self.paper)
        low, high = sorted(sign * end for end in interval)
        if high < 0:
            return Size.OPPOSITE
        if high < abs(self.paper):
            return Size.SMALLER
        return Size.LARGER if low > abs(self.paper) else Size.CONSISTENT

    @property
    def verdict(self) -> Verdict:
        """What follows for this effect alone."""
        found = self._directed
        if self.unfit:
            return Verdict.PREMISE_NOT_MET
        if found.missing:
            return Verdict.RUNS_MISSING
        if found.mean is None:
            return Verdict.NOT_ASKED
        if self.kind in ("at least", "exact"):
            exact = self.kind == "exact"
            held = [abs(v) <= self.margin if exact else v >= self.margin for v in found.values.values()]
            if all(held):
                return Verdict.SUPPORTED
            return Verdict.INCONCLUSIVE if any(held) else Verdict.CONTRADICTED
        interval = found.interval()
        if interval is not None:
            if (self.p_outside if self.contradiction is None else self.contradiction) < LEVEL:
                return Verdict.CONTRADICTED
            if self._supported(found.mean):
                return Verdict.SUPPORTED
            if self.kind in ("increase", "decrease") and self.signal is Signal.ABSENT:
                return Verdict.ABSENT
        if self.kind == "equal":
            leans = abs(found.mean) < self.margin
        else:
            leans = found.mean > (-self.margin if self.kind == "no less" else 0)
        return Verdict.DIRECTION_ONLY if leans else Verdict.INCONCLUSIVE

    def _supported(self, mean: float) -> bool:
        if self.kind == "no reversal":
            return True  # it was not contradicted
        if self.kind == "equal":
            return self.p_unsupported < LEVEL
        large = self.kind == "no less" or (mean >= self.margin and (self.support is None or self.support < LEVEL))
        return large and self.p_unsupported < LEVEL / 2

    @property
    def criterion(self) -> str:
        """What is claimed, in words."""
        amount = f"{self.margin:g} {self.unit}"
        return {
            "increase": f"increase, on the mean of at least {amount}" if self.margin else "increase",
            "decrease": f"decrease, on the mean of at least {amount}" if self.margin else "decrease",
            "equal": f"equal within ±{amount}",
            "no less": f"lower by less than {amount}",
            "no reversal": "no significant decrease",
            "at least": f"at least {amount} in every run",
            "exact": f"within ±{amount} of 0 in every run" if self.margin else "0 in every run",
        }[self.kind]

    def as_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        interval = self.estimate.interval()
        return {
            "name": self.name,
            "criterion": self.criterion,
            "unit": self.unit,
            "values": dict(self.estimate.values),
            "mean": self.estimate.mean,
            "error": self.estimate.error,
            "freedom": self.estimate.freedom if self.estimate.error is not None else None,
            "interval": list(interval) if interval else None,
            "detectable": self.estimate.detectable,
            "missing": self.estimate.missing,
            "signal": str(self.signal),
            "size": str(self.size),
            "paper": self.paper,
            "contradiction": self.contradiction,
            "support": self.support,
            "unfit": list(self.unfit),
            "verdict": str(self.verdict),
            "runs": list(self.estimate.runs),
        }


@dataclass(frozen=True)
class Claim:
    """One of the paper's claims and the effects that it asserts.

    Attributes:
        statement: what it says.
        criterion: what has to be found for it to be supported, and how it is read where the paper leaves that open;
            empty where the edition does not ask it.
        effects: what was measured; see `judged`.
        paper: the value that the paper gives, in words; empty where it gives none.
        some: whether one supported effect is enough; else the claim asserts all of them.
        number: 1 to 19, its place in the ledger.
        section: where the paper makes it.
        figures: names of the book's figures that show it, such as "fig-3".
    """

    statement: str
    criterion: str
    effects: Sequence[Effect]
    paper: str = ""
    some: bool = False
    number: int = 0
    section: str = ""
    figures: Sequence[str] = ()

    @property
    def verdict(self) -> Verdict:
        """All effects asserted: the claim stands as its weakest one. One asserted: as its strongest one.

        Many effects make a claim that asserts all of them harder to support, never easier; what speaks against an
        effect is adjusted for their number (`judged`).
        """
        verdicts = {effect.verdict for effect in self.effects}
        order = STRONGEST_FIRST if self.some else Verdict
        return next((verdict for verdict in order if verdict in verdicts), Verdict.NOT_ASKED)

    @property
    def runs(self) -> tuple[str, ...]:
        """Keys of all runs behind it."""
        return tuple(dict.fromkeys(key for effect in self.effects for key in effect.estimate.runs))

    def as_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "number": self.number,
            "section": self.section,
            "statement": self.statement,
            "criterion": self.criterion,
            "paper": self.paper or None,
            "verdict": str(self.verdict),
            "figures": list(self.figures),
            "effects": [effect.as_json() for effect in self.effects],
        }


def judged(claim: Claim) -> Claim:
    """The claim with p-values adjusted by Holm over its effects: of what contradicts them, or supports one of them.

    An effect without a verdict, which lacks runs or compares networks that do not fit, counts in the number of effects,
    with a p-value of 1.
    """
    tested = [effect for effect in claim.effects if effect.kind not in ("at least", "exact")]
    p_values = [effect.p_outside if effect.judgeable else 1.0 for effect in tested]
    adjusted = dict(zip(map(id, tested), holm(p_values), strict=True))
    effects = [replace(effect, contradiction=adjusted.get(id(effect))) for effect in claim.effects]
    if claim.some:
        none = [2 * effect.estimate.p_below(0.0) if effect.judgeable else 1.0 for effect in effects]
        support = holm([min(1.0, p) for p in none])
        effects = [replace(effect, support=p) for effect, p in zip(effects, support, strict=True)]
    return replace(claim, effects=effects)

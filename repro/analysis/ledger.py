"""The ledger: the paper's claims in order, judged by an edition's runs, as values, text and tables.

Every criterion was fixed before any accuracy of the edition was looked at; Appendix A lists what was changed later.
Accuracies are in %, differences of them in points, changes of a radius in 100 times the logarithm of a ratio ("log-%",
close to % for small changes). Base and damped networks each have to meet a claim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from repro.analysis import claims_depth, claims_erf, claims_pruning, claims_width
from repro.analysis.evidence import Evidence
from repro.analysis.verdicts import Claim, Effect, judged

CLAIMS: tuple[tuple[str, tuple[str, ...], Callable[[Evidence], Claim]], ...] = (
    ("4", ("fig-fit",), claims_width.fits_training_labels),
    ("4", ("fig-fit",), claims_width.fits_random_labels),
    ("5.1", ("fig-3",), claims_width.width_helps_unseen),
    ("5.1", ("fig-3",), claims_width.seen_levels_off),
    ("5.1", ("fig-3",), claims_width.damping_helps),
    ("5.2", ("fig-4",), claims_depth.depth_hurts),
    ("5.2", ("fig-5",), claims_depth.pointwise_depth),
    ("5", ("fig-1", "fig-17"), claims_depth.width_and_depth_together),
    ("5.3", ("fig-6",), claims_pruning.static_pruning),
    ("5.3", ("fig-6",), claims_pruning.iterative_pruning),
    ("C.1", ("fig-9", "fig-10"), claims_erf.pointwise_erf),
    ("C.2", ("fig-11", "fig-12"), claims_erf.width_concentrates_erf),
    ("C.3", ("fig-13", "fig-14", "fig-15", "fig-16"), claims_erf.pruning_and_erf),
    ("5.3", ("fig-6",), claims_pruning.sparsity),
    ("5", ("fig-1", "fig-17"), claims_depth.width_beats_depth),
    ("5.3, 6", ("fig-6",), claims_pruning.sparse_width_helps),
    ("6", ("fig-3",), claims_width.gains_are_for_unseen),
    ("B", ("fig-8",), claims_erf.damping_narrows_erf),
    ("A.4", ("fig-6",), claims_pruning.unguarded_pruning),
)
"""The claims in order: where the paper makes them, the figures that show them, and what finds their effects."""


def ledger(evidence: Evidence) -> list[Claim]:
    """The 19 claims in order, each with the verdict that the evidence allows; one that lacks runs has none."""
    claims = []
    for number, (section, figures, found_in) in enumerate(CLAIMS, start=1):
        claim = judged(found_in(evidence))
        shown = figures if claim.criterion else ()
        claims.append(replace(claim, number=number, section=section, figures=shown))
    return claims


def as_json(evidence: Evidence) -> dict[str, Any]:
    """The whole ledger as plain JSON values."""
    return {
        "edition": evidence.edition.name,
        "dataset": evidence.edition.dataset,
        "runs": {"found": len(evidence.records), "wanted": len(evidence.edition.experiments())},
        "claims": [claim.as_json() for claim in ledger(evidence)],
    }


def effects_table(claims: list[Claim]) -> pd.DataFrame:
    """A tidy table, a row an effect: its claim, its verdict and all that this follows from."""
    rows = []
    for claim in claims:
        for effect in claim.effects:
            found, interval = effect.estimate, effect.estimate.interval()
            low, high = interval or (None, None)
            rows.append(
                {
                    "claim": claim.number,
                    "claim_verdict": str(claim.verdict),
                    "effect": effect.name,
                    "verdict": str(effect.verdict),
                    "criterion": effect.criterion,
                    "unit": effect.unit,
                    "mean": found.mean,
                    "error": found.error,
                    "freedom": found.freedom if interval else None,
                    "low": low,
                    "high": high,
                    "detectable": found.detectable,
                    "signal": str(effect.signal) if interval else "",
                    "size": str(effect.size) if interval else "",
                    "paper": effect.paper,
                    "blocks": len(found.values),
                    "missing": found.missing,
                    "unfit": "; ".join(effect.unfit),
                }
            )
    return pd.DataFrame(rows)


def as_text(evidence: Evidence) -> str:
    """The ledger for a terminal: a line a claim, and below it a line for each of its effects."""
    found, wanted = len(evidence.records), len(evidence.edition.experiments())
    lines = [f"Claims ledger, edition '{evidence.edition.name}', {found} of {wanted} runs"]
    for claim in ledger(evidence):
        lines += ["", f"{claim.number:2}  {claim.verdict}  (Section {claim.section})  {claim.statement}"]
        rows = [cells(effect) for effect in claim.effects]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["    " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(lines)


COLUMNS = ("effect", "claimed", "verdict", "mean", "95 % interval", "detectable", "signal", "size", "by fold or seed")
"""Of `cells`."""


def cells(effect: Effect) -> tuple[str, ...]:
    """An effect as text, column by column."""
    found = effect.estimate
    if found.mean is None:
        return effect.name, effect.criterion, effect.verdict, *[""] * 6
    mean = f"{found.mean:.2f}" if effect.kind == "at least" else f"{found.mean:+.2f}"
    interval = found.interval()
    return (
        effect.name,
        effect.criterion,
        effect.verdict if not effect.unfit else f"{effect.verdict}: {', '.join(effect.unfit)}",
        f"{mean} {effect.unit}",
        f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "",
        f"{found.detectable:.2f}" if found.detectable is not None else "",
        effect.signal if interval else "",
        effect.size if interval else "",
        ", ".join(f"{value:.2f}" for value in found.values.values()),
    )

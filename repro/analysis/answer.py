"""The answer of an edition to the paper's question, in sentences that are computed from the ledger."""

from __future__ import annotations

from repro.analysis.evidence import Evidence
from repro.analysis.ledger import ledger
from repro.analysis.verdicts import Claim, Effect, Verdict


def answer(evidence: Evidence) -> list[str]:
    """Three sentences: on width, on depth, and on width at a fixed number of weights."""
    claims = {claim.number: claim for claim in ledger(evidence)}
    return [_width(claims[3], claims[17]), _depth(claims[15]), _sparse(claims[16])]


def outcomes(evidence: Evidence) -> dict[str, list[Claim]]:
    """The claims by what became of them: "held", "did not hold", "open", "not run"."""
    kinds: dict[str, list[Claim]] = {"held": [], "did not hold": [], "open": [], "not run": []}
    places = {
        Verdict.SUPPORTED: "held",
        Verdict.CONTRADICTED: "did not hold",
        Verdict.ABSENT: "did not hold",
        Verdict.NOT_RUN: "not run",
    }
    for claim in ledger(evidence):
        kinds[places.get(claim.verdict, "open")].append(claim)
    return kinds


def _width(gain: Claim, beyond: Claim) -> str:
    ends = [effect for effect in gain.effects if "slope" not in effect.name and effect.estimate.mean is not None]
    if not ends:
        return f"Width: {_not_yet(gain)}"
    widths = ends[0].name.split(", ")[-1].replace(" − ", " against ")
    told = " and ".join(f"{_amount(effect)} for the {effect.name.split(',')[0]} network" for effect in ends)
    gaps = [effect for effect in beyond.effects if effect.estimate.mean is not None]
    more = ", ".join(f"{_amount(effect)} ({effect.name.split(',')[0]})" for effect in gaps)
    return (
        f"Width: {widths} changes the accuracy on unseen devices by {told}, where the paper found about +10 points: "
        f"{gain.verdict}."
        + (f" Unseen devices gain more than the seen one by {more}: {beyond.verdict}." if more else "")
    )


def _depth(claim: Claim) -> str:
    found = [effect for effect in claim.effects if effect.estimate.mean is not None]
    if not found:
        return f"Depth: {_not_yet(claim)}"
    told = "; ".join(f"{effect.name.replace(', unseen, ', ', ')}: {_amount(effect)}" for effect in found)
    return (
        f"Depth: on unseen devices wide networks differ from deep ones by {told}. "
        f"That width is better: {claim.verdict}."
    )


def _sparse(claim: Claim) -> str:
    found = [effect for effect in claim.effects if effect.estimate.mean is not None]
    if not found:
        return f"Width without more weights: {_not_yet(claim)}"
    best = max(found, key=lambda effect: effect.estimate.mean or 0.0)
    return (
        f"Width without more weights: of {len(found)} wider sparse networks the best one on unseen devices is "
        f"{best.name.split(', unseen, ')[-1].split(' − ')[0]} ({best.name.split(',')[0]}), {_amount(best)} from the "
        f"dense network of as many weights: {claim.verdict}."
    )


def _amount(effect: Effect) -> str:
    interval = effect.estimate.interval()
    text = f"{effect.estimate.mean:+.1f} points"
    return text + (f" ({interval[0]:+.1f} to {interval[1]:+.1f})" if interval else " (a single run, no interval)")


def _not_yet(claim: Claim) -> str:
    return f"the networks that claim {claim.number} compares are not among the runs of this edition yet."

"""The answer of an edition to the paper's question, in words that are computed from the ledger."""

from __future__ import annotations

import math
from collections.abc import Mapping

from repro.analysis.claims_width import PAPER_FACTOR, PAPER_SLOPE, WIDTH_GAIN, gain
from repro.analysis.evidence import BOTH, FITS, Evidence, Group, Network
from repro.analysis.ledger import ledger
from repro.analysis.verdicts import Claim, Verdict
from repro.analysis.wording import amount, headline, meaning, pair


def answer(evidence: Evidence) -> list[str]:
    """The lines of a list in Markdown: width, width against depth, width at a fixed number of weights.

    Below width stand the conditions of its finding.
    """
    claims = {claim.number: claim for claim in ledger(evidence)}
    topics = {"Width": 3, "Width against depth": 15, "Width without more weights": 16}
    width, *others = [f"- {_finding(topic, claims[number])}" for topic, number in topics.items()]
    conditions = [f"  - {told}" for told in (_shorter_range(evidence), later_gain(evidence)) if told]
    return [width, *conditions, *others]


def _shorter_range(evidence: Evidence) -> str:
    """That the widths compared span a smaller factor than the paper's, and its gain in proportion; empty if not."""
    widths = evidence.fitting_widths()
    factor = widths[-1] / widths[0]
    if widths[0] == min(evidence.edition.widths) or not 1 < factor < PAPER_FACTOR:
        return ""
    paper = PAPER_SLOPE * math.log2(factor)
    return (
        f"Narrower networks do not fit their training data, so the widths compared span a factor of {factor:g}, "
        f"where the paper's span {PAPER_FACTOR}. In proportion its 10 points are {paper:.3g}, of which half would be "
        f"{paper / 2:.3g}. Our criterion, fixed before, asks for {WIDTH_GAIN:g}, half of the 10."
    )


def later_gain(evidence: Evidence) -> str:
    """What width gains on unseen devices without the narrowest width that fits, on which claims 3 and 17 hang most.

    Empty where fewer than three widths fit, or runs are missing.
    """
    narrowest, *wider = evidence.fitting_widths()
    fits = [run.train_accuracy for variant in BOTH for run in evidence.runs(Network(variant, narrowest)).values()]
    if len(wider) < 2 or not fits or evidence.unfit([Network(variant, narrowest) for variant in BOTH]):
        return ""
    gains = _gains(evidence, wider, {"unseen": 1.0})
    leads = _gains(evidence, wider, {"unseen": 1.0, "seen": -1.0})
    if not gains:
        return ""
    return (
        f"In its lowest run W = {narrowest} gives back {100 * min(fits):.1f} % of its training labels, where we ask "
        f"for {FITS:g} %. Without W = {narrowest}, from W = {wider[0]} to {wider[-1]}, the gain on unseen devices is "
        f"{gains}; minus the gain on the seen one (claim 17) it is {leads}."
    )


def outcomes(evidence: Evidence) -> dict[str, list[Claim]]:
    """The claims by what became of them: "held", "did not hold", "open", "runs missing", "not asked"."""
    kinds = {
        "held": {Verdict.SUPPORTED},
        "did not hold": {Verdict.CONTRADICTED, Verdict.ABSENT},
        "open": {Verdict.DIRECTION_ONLY, Verdict.INCONCLUSIVE, Verdict.PREMISE_NOT_MET},
        "runs missing": {Verdict.RUNS_MISSING},
        "not asked": {Verdict.NOT_ASKED},
    }
    claims = ledger(evidence)
    return {kind: [claim for claim in claims if claim.verdict in verdicts] for kind, verdicts in kinds.items()}


def _gains(evidence: Evidence, widths: list[int], groups: Mapping[Group, float]) -> str:
    amounts = {variant: amount(gain(evidence, variant, widths, groups)) for variant in BOTH}
    return ", ".join(f"{variant} {told}" for variant, told in amounts.items() if told)


def _finding(topic: str, claim: Claim) -> str:
    paper = f" The paper reports: {claim.paper}." if claim.paper else ""
    compared: dict[str, list[str]] = {}
    for effect in headline(claim):
        compared.setdefault(pair(effect), []).append(f"{effect.subject} {amount(effect)}")
    told = "; ".join(f"{networks}: {', '.join(amounts)}" for networks, amounts in compared.items())
    which = "" if claim.some or len(compared) < 2 else "the weakest comparison of each network is "
    here = f" Here, on unseen devices, {which}{told}." if told else ""
    return f"**{topic}.** *Claim {claim.number}: {claim.statement}* **{meaning(claim)}**{paper}{here}"

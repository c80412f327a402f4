"""The answer of an edition to the paper's question, in sentences that are computed from the ledger."""

from __future__ import annotations

from repro.analysis.evidence import Evidence
from repro.analysis.ledger import ledger
from repro.analysis.verdicts import Claim, Verdict
from repro.analysis.wording import amount, headline, meaning


def answer(evidence: Evidence) -> list[str]:
    """Three sentences, in Markdown: on width, on width against depth, and on width at a fixed number of weights."""
    claims = {claim.number: claim for claim in ledger(evidence)}
    topics = {"Width": 3, "Width against depth": 15, "Width without more weights": 16}
    return [_sentence(topic, claims[number]) for topic, number in topics.items()]


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


def _sentence(topic: str, claim: Claim) -> str:
    paper = f" The paper reports: {claim.paper}." if claim.paper else ""
    compared: dict[str, list[str]] = {}
    for effect in headline(claim):  # named "base, unseen, W = 64 − W = 16"
        network, *_, pair = effect.name.split(", ")
        compared.setdefault(pair.replace(" − ", " against "), []).append(f"{network} {amount(effect)}")
    told = "; ".join(f"{pair}: {', '.join(amounts)}" for pair, amounts in compared.items())
    here = f" Here, on unseen devices, {told}." if told else ""
    return f"**{topic}.** {claim.statement}{paper}{here} {meaning(claim)}"

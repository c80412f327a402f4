"""The ledger as HTML: a row a claim; its criterion, the paper's value and its effects folded beneath.

A link `target:NAME` leads to the element of that name on whatever page has it (`repro.build.links` resolves it).
"""

from __future__ import annotations

from html import escape

from repro.analysis.evidence import Evidence
from repro.analysis.ledger import COLUMNS, cells, ledger
from repro.analysis.verdicts import Claim, Verdict
from repro.analysis.wording import numbers
from repro.figures.markup import Html, row, table

SIGNS = {
    Verdict.SUPPORTED: "✓",
    Verdict.DIRECTION_ONLY: "↗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.ABSENT: "0",
    Verdict.CONTRADICTED: "✗",
    Verdict.PREMISE_NOT_MET: "∅",
    Verdict.RUNS_MISSING: "–",
    Verdict.NOT_ASKED: "·",
}


def ledger_table(evidence: Evidence) -> Html:
    """All claims with their verdicts; criterion, numbers and runs are folded."""
    rows = []
    for claim in ledger(evidence):
        told = f"{escape(claim.statement)} Section {claim.section}{_links(claim)}."
        rows.append(row((claim.number, told, badge(claim.verdict)), f' id="claim-{claim.number}"'))
        rows.append(f'<tr class="details"><td colspan="3">{_details(claim)}</td></tr>')
    return Html(f'<div class="repro-ledger">{table("claims", ("#", "claim", "verdict"), rows)}</div>')


def summary_table(evidence: Evidence, other: Evidence | None = None) -> Html:
    """A line a claim: what the paper says, its value, the main effects with their intervals, the verdict.

    Args:
        evidence: of the edition that is shown.
        other: of an edition whose verdicts stand beside.
    """
    editions = [shown for shown in (evidence, other) if shown is not None]
    judged, titles = [ledger(shown) for shown in editions], [escape(shown.edition.title) for shown in editions]
    rows = []
    for claim, *beside in zip(*judged, strict=True):
        link = f'<a href="target:claim-{claim.number}">{claim.number}</a>'
        paper = f" <em>The paper: {escape(claim.paper)}.</em>" if claim.paper else ""
        badges = [
            f'<span class="whose">{title}: </span>{badge(of_edition.verdict)}'
            for title, of_edition in zip(titles, (claim, *beside), strict=True)
        ]
        rows.append(row((link, escape(claim.statement) + paper, "<br>".join(map(escape, numbers(claim))), *badges)))
    head = ("#", "claim, in this edition's widths", "found here (95 % interval)", *titles)
    return Html(f'<div class="repro-ledger">{table("summary", head, rows)}</div>')


def badge(verdict: Verdict) -> str:
    """A verdict as HTML, told apart by sign, frame and words."""
    return f'<span class="verdict {verdict.replace(" ", "-")}">{SIGNS[verdict]} {verdict}</span>'


def _details(claim: Claim) -> str:
    effects = table("effects", COLUMNS, (row(map(escape, cells(effect))) for effect in claim.effects))
    runs = "".join(f" <code>{key}</code>" for key in claim.runs)
    paper = f"<p>The paper: {escape(claim.paper)}.</p>" if claim.paper else ""
    return (
        f"<details><summary>Criterion, numbers, {len(claim.runs)} runs</summary><p>{escape(claim.criterion)}</p>{paper}"
        f'<div class="scroll">{effects}</div><p>Runs:{runs}</p></details>'
    )


def _links(claim: Claim) -> str:
    names = {"fig-fit": "Fit of the labels"}
    return "".join(
        f', <a href="target:{figure}">{names.get(figure, figure.replace("fig-", "Fig. "))}</a>'
        for figure in claim.figures
    )

"""The ledger as HTML: a row a claim; its criterion, the paper's value and its effects folded beneath.

A link `target:NAME` leads to the element of that name on whatever page has it (`repro.build.links` resolves it).
"""

from __future__ import annotations

from html import escape

from IPython.display import HTML

from repro.analysis.evidence import Evidence
from repro.analysis.ledger import COLUMNS, cells, ledger
from repro.analysis.verdicts import Claim, Verdict
from repro.analysis.wording import numbers

SIGNS = {
    Verdict.SUPPORTED: "✓",
    Verdict.DIRECTION_ONLY: "↗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.ABSENT: "0",
    Verdict.CONTRADICTED: "✗",
    Verdict.PREMISE_NOT_MET: "∅",
    Verdict.NOT_RUN: "–",
}


def ledger_table(evidence: Evidence) -> HTML:
    """All claims with their verdicts; criterion, numbers and runs are folded."""
    rows = "".join(
        f'<tr id="claim-{claim.number}"><td>{claim.number}</td><td>{_details(claim)}</td>'
        f"<td>{badge(claim.verdict)}</td></tr>"
        for claim in ledger(evidence)
    )
    return HTML(  # type: ignore[no-untyped-call]
        '<div class="repro-ledger"><table class="claims"><thead><tr><th>#</th><th>claim</th><th>verdict</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def summary_table(evidence: Evidence, other: Evidence | None = None) -> HTML:
    """A line a claim: what the paper says, its value, the main effects with their intervals, the verdict.

    Args:
        evidence: of the edition that is shown.
        other: of an edition whose verdicts stand beside.
    """
    beside = [claim.verdict for claim in ledger(other)] if other is not None else []
    rows = []
    for number, claim in enumerate(ledger(evidence)):
        more = f"<td>{badge(beside[number])}</td>" if beside else ""
        paper = f" <em>The paper: {escape(claim.paper)}.</em>" if claim.paper else ""
        rows.append(
            f'<tr><td><a href="target:claim-{claim.number}">{claim.number}</a></td>'
            f"<td>{escape(claim.statement)}{paper}</td><td>{escape(numbers(claim))}</td>"
            f"<td>{badge(claim.verdict)}</td>{more}</tr>"
        )
    head = f"<th>{escape(other.edition.title)}</th>" if other is not None else ""
    return HTML(  # type: ignore[no-untyped-call]
        '<div class="repro-ledger"><table class="summary"><thead><tr><th>#</th><th>the paper says</th>'
        f"<th>found here (95 % interval)</th><th>{escape(evidence.edition.title)}</th>{head}</tr>"
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def badge(verdict: Verdict) -> str:
    """A verdict as HTML, told apart by sign, frame and words."""
    return f'<span class="verdict {verdict.replace(" ", "-")}">{SIGNS[verdict]} {verdict}</span>'


def _details(claim: Claim) -> str:
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells(e)) + "</tr>" for e in claim.effects)
    runs = "".join(f" <code>{key}</code>" for key in claim.runs)
    paper = f"<p>The paper: {escape(claim.paper)}.</p>" if claim.paper else ""
    return (
        f"{escape(claim.statement)} Section {claim.section}{_links(claim)}."
        f"<details><summary>Criterion, numbers, {len(claim.runs)} runs</summary><p>{escape(claim.criterion)}</p>{paper}"
        f'<div class="scroll"><table class="effects"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"<p>Runs:{runs}</p></details>"
    )


def _links(claim: Claim) -> str:
    names = {"fig-fit": "Fit of the labels"}
    return "".join(
        f', <a href="target:{figure}">{names.get(figure, figure.replace("fig-", "Fig. "))}</a>'
        for figure in claim.figures
    )

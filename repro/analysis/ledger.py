"""The claims ledger: the paper's 14 claims in order, as JSON values, as text and as HTML.

Every criterion was fixed before any result was looked at. Accuracies are in %, differences of them in points; paired
differences compare runs of the same seed. Base and damped networks each have to meet a claim.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from repro.analysis import claims_pruning, claims_scaling
from repro.analysis.claims import Claim, Effect, Verdict
from repro.analysis.evidence import Evidence
from repro.figures.page import DATA_NAMES, SYNTHETIC_NOTE

CLAIMS: tuple[Callable[[Evidence], Claim], ...] = (
    claims_scaling.fits_training_labels,
    claims_scaling.fits_random_labels,
    claims_scaling.width_helps_unseen,
    claims_scaling.seen_levels_off,
    claims_scaling.damping_helps,
    claims_scaling.depth_hurts,
    claims_scaling.pointwise_depth,
    claims_scaling.width_and_depth_together,
    claims_pruning.static_pruning,
    claims_pruning.iterative_pruning,
    claims_pruning.pointwise_erf,
    claims_pruning.width_concentrates_erf,
    claims_pruning.pruning_and_erf,
    claims_pruning.sparsity,
)

_SIGNS = {
    Verdict.SUPPORTED: "✓",
    Verdict.DIRECTION_ONLY: "↗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.CONTRADICTED: "✗",
    Verdict.NOT_RUN: "–",
}

# Colours come from the page's theme, so that the table can be read in the light and in the dark one; "div.cell_output"
# and ":nth-child(n)" outrank the colours that MyST-NB gives to every table of an output.
_STYLE = """
div.cell_output div.repro-ledger { overflow-x: auto; }
div.cell_output div.repro-ledger table { border: 0; border-collapse: collapse; color: inherit; font-size: 0.9em;
  margin: 0; width: 100%; }
div.cell_output div.repro-ledger tr:nth-child(n) { background: none; }
div.cell_output div.repro-ledger :is(th, td):nth-child(n) { background: none; color: inherit; padding: 0.35em 0.6em;
  text-align: left; vertical-align: top; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
div.cell_output div.repro-ledger table.claims { table-layout: fixed; }
div.cell_output div.repro-ledger table.effects { table-layout: auto; }
div.cell_output div.repro-ledger table.effects td:nth-child(n) { white-space: nowrap; }
.repro-ledger .claims > thead th:first-child { width: 2.5em; }
.repro-ledger .claims > thead th:last-child { width: 12em; }
.repro-ledger .scroll { overflow-x: auto; }
.repro-ledger .verdict { border: 2px solid currentColor; border-radius: 0.4em; display: inline-block;
  font-weight: bold; padding: 0 0.4em; }
.repro-ledger .contradicted { border-style: double; border-width: 4px; }
.repro-ledger :is(.direction-only, .inconclusive) { border-style: dashed; }
.repro-ledger .not-run-in-this-edition { border-style: dotted; font-weight: normal; }
@media (max-width: 600px) {
  .repro-ledger .claims > thead { display: none; }
  div.cell_output div.repro-ledger .claims > tbody > tr > td:nth-child(n) { border: 0; display: block; }
  div.cell_output div.repro-ledger .claims > tbody > tr > td:last-child { border-bottom: 1px solid; }
}
"""


def ledger(evidence: Evidence) -> list[Claim]:
    """The 14 claims in order, each with the verdict that the evidence allows; what is missing counts as not run."""
    return [claim(evidence) for claim in CLAIMS]


def notice(evidence: Evidence) -> str:
    """What the recordings are, and that synthetic ones are no evidence about the paper."""
    name = DATA_NAMES[evidence.dataset]
    return f"{name[0].upper()}{name[1:]}. {SYNTHETIC_NOTE if evidence.dataset == 'synthetic' else ''}".strip()


def as_json(edition: str, evidence: Evidence) -> dict[str, Any]:
    """The whole ledger as plain JSON values."""
    return {
        "edition": edition,
        "dataset": evidence.dataset,
        "notice": notice(evidence),
        "runs": {"found": len(evidence.records), "wanted": evidence.wanted},
        "claims": [claim.as_json() for claim in ledger(evidence)],
    }


def as_text(edition: str, evidence: Evidence) -> str:
    """The ledger for a terminal: a line a claim, and below it a line for each of its effects."""
    lines = [
        f"Claims ledger, edition '{edition}', {len(evidence.records)} of {evidence.wanted} runs",
        notice(evidence),
    ]
    for claim in ledger(evidence):
        lines += ["", f"{claim.number:2}  {claim.verdict}  (Section {claim.section})  {claim.statement}"]
        rows = [_cells(effect) for effect in claim.effects]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["    " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(lines)


def as_html(evidence: Evidence) -> str:
    """The ledger for a page: a row a claim with its verdict; criterion, paper's value and effects folded beneath."""
    rows = "".join(
        f'<tr id="claim-{claim.number}"><td>{claim.number}</td><td>{_claim(claim)}</td><td>{_badge(claim.verdict)}'
        "</td></tr>"
        for claim in ledger(evidence)
    )
    return (
        f'<style>{_STYLE}</style><div class="repro-ledger"><p><strong>{escape(notice(evidence))}</strong></p>'
        f'<table class="claims"><thead><tr><th>#</th><th>claim</th><th>verdict</th></tr></thead><tbody>{rows}</tbody>'
        "</table></div>"
    )


_COLUMNS = ("effect", "claimed", "verdict", "mean", "std", "95 % t interval", "as claimed", "by seed", "clips, 95 %")


def _cells(effect: Effect) -> tuple[str, ...]:
    if effect.mean is None:
        return effect.name, effect.criterion, effect.verdict, *[""] * 6
    deviation, clips = effect.standard_deviation, effect.measured.clip_interval
    return (
        effect.name,
        effect.criterion,
        effect.verdict,
        f"{effect.mean:+.2f} {effect.unit}" if effect.kind != "at least" else f"{effect.mean:.2f} {effect.unit}",
        "" if deviation is None else f"{deviation:.2f}",
        _range(effect.interval),
        f"{effect.seeds_as_claimed} of {len(effect.values)}",
        ", ".join(f"{value:.2f}" for value in effect.values.values()),
        _range(clips),
    )


def _range(interval: tuple[float, float] | None) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else ""


def _badge(verdict: Verdict) -> str:
    return f'<span class="verdict {verdict.replace(" ", "-")}">{_SIGNS[verdict]} {verdict}</span>'


def _claim(claim: Claim) -> str:
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(e)) + "</tr>" for e in claim.effects)
    runs = dict.fromkeys(key for effect in claim.effects for key in effect.measured.runs)
    keys = f"<p>Runs: {' '.join(f'<code>{key}</code>' for key in runs)}</p>" if runs else ""
    paper = f"<p>The paper: {escape(claim.paper)}.</p>" if claim.paper else ""
    return (
        f"{escape(claim.statement)} Section {claim.section}{_links(claim)}."
        f"<details><summary>Criterion, numbers, {len(runs)} runs</summary><p>{escape(claim.criterion)}</p>{paper}"
        f'<div class="scroll"><table class="effects"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"{keys}</details>"
    )


def _links(claim: Claim) -> str:
    return "".join(f', <a href="{figure.link}">{figure.name}</a>' for figure in claim.figures)

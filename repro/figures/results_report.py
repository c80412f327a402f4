"""What lies beside shipped runs for people who open the folder: the answer in words, tables, one picture."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from repro.analysis import accuracy
from repro.analysis.answer import answer
from repro.analysis.evidence import Evidence
from repro.analysis.ledger import effects_table, ledger
from repro.analysis.wording import numbers
from repro.figures import charts
from repro.figures.style import STYLE
from repro.files.atomic import write_file

ANSWER = ("<!-- the answer, written by `repro runs ship` -->", "<!-- end of the answer -->")
"""Between these lines the project's README has the answer of the edition `SHOWN`."""

SHOWN = "esc10"


def write_report(evidence: Evidence, folder: Path) -> None:
    """Write README.md, effects.csv and width.svg; the same runs give the same bytes.

    Where the project's own README has a place for this edition's answer (`ANSWER`), the sentences are put there too.

    Raises:
        OSError: the folder cannot be written to.
    """
    claims = ledger(evidence)
    write_file(folder / "effects.csv", effects_table(claims).to_csv(index=False, float_format="%.6g").encode())
    write_file(folder / "width.svg", _picture(evidence))
    found, wanted = len(evidence.records), len(evidence.edition.experiments())
    sentences = [f"- {sentence}" for sentence in answer(evidence)]
    lines = [
        f"# {evidence.edition.title}: {found} of {wanted} runs",
        "",
        "Written by `repro runs ship`; the numbers are those of the runs beside it.",
        "",
        evidence.edition.description,
        "",
        *sentences,
        "",
        "![Accuracy over the width of the network](width.svg)",
        "",
        "| # | the paper says | its value | here (95 % interval) | verdict |",
        "| --- | --- | --- | --- | --- |",
    ]
    for claim in claims:
        lines.append(f"| {claim.number} | {claim.statement} | {claim.paper} | {numbers(claim)} | {claim.verdict} |")
    lines += [
        "",
        "- `runs/`: a run a file (`repro runs show KEY`)",
        "- `runs.csv`: a row a run; `devices.csv`: a row a run and device",
        "- `effects.csv`: a row an effect of the ledger; `missing` are the folds, or runs, that it still lacks",
        "- `probe.csv`: what a linear classifier on mean spectra reaches, by fold",
        "- `recordings.npz`: the summary of the recordings that Section 3 shows; `recordings.json`: which they are",
    ]
    write_file(folder / "README.md", ("\n".join(lines) + "\n").encode())
    project, (start, end) = folder.parents[1] / "README.md", ANSWER
    if folder.name == SHOWN and project.is_file():
        before, _, rest = project.read_text(encoding="utf-8").partition(start)
        _, closed, after = rest.partition(end)
        if closed:  # without both lines nothing is replaced
            told = "\n".join([start, f"{found} of {wanted} runs are trained so far.", "", *sentences, end])
            write_file(project, (before + told + after).encode())


def _picture(evidence: Evidence) -> bytes:
    """Accuracy over width, as Figure 3 of the paper has it."""
    widened = [record for network in evidence.networks("width") for record in evidence.runs(network).values()]
    table = accuracy.accuracies(widened)
    content = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure = charts.accuracy_panels(accuracy.report(table), accuracy.by_run(table), "width", "width W", True)
        figure.savefig(content, format="svg", metadata={"Date": None})
        plt.close(figure)
    return content.getvalue()

"""What lies beside shipped runs for people who open the folder: the answer in words, tables, one picture."""

from __future__ import annotations

import io
from dataclasses import asdict, fields
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib import pyplot as plt

from repro.analysis import accuracy
from repro.analysis.answer import answer
from repro.analysis.evidence import Evidence
from repro.analysis.ledger import effects_table, ledger
from repro.analysis.pairs import by_machine
from repro.analysis.wording import numbers
from repro.erf.gradient import Extent
from repro.figures import charts
from repro.figures.style import STYLE
from repro.files.atomic import write_file

ANSWER = ("<!-- the answer, written by `repro runs ship` -->", "<!-- end of the answer -->")
"""Between these lines the project's README has the answer of the edition `SHOWN`."""

SHOWN = "esc10"


def write_report(evidence: Evidence, folder: Path) -> None:
    """Write README.md, effects.csv, radii.csv and width.svg; the same runs give the same bytes.

    Where the project's own README has a place for this edition's answer (`ANSWER`), the findings are put there too.

    Raises:
        OSError: the folder cannot be written to.
    """
    claims = ledger(evidence)
    write_file(folder / "effects.csv", effects_table(claims).to_csv(index=False, float_format="%.6g").encode())
    write_file(folder / "radii.csv", _radii(evidence).to_csv(index=False, float_format="%.3f").encode())
    write_file(folder / "width.svg", _picture(evidence))
    found, wanted = len(evidence.records), len(evidence.edition.experiments())
    findings = answer(evidence)
    lines = [
        f"# {evidence.edition.title}: {found} of {wanted} runs",
        "",
        "Written by `repro runs ship`; the numbers are those of the runs beside it.",
        "",
        evidence.edition.description,
        "",
        *findings,
        "",
        "![Accuracy over the width of the network](width.svg)",
        "",
        "| # | claim, in this edition's widths | the paper's value | here (95 % interval) | verdict |",
        "| --- | --- | --- | --- | --- |",
    ]
    for claim in claims:
        effects = "<br>".join(numbers(claim))
        lines.append(f"| {claim.number} | {claim.statement} | {claim.paper} | {effects} | {claim.verdict} |")
    machines = by_machine(evidence.of_study("width"))
    seeds = " and ".join(map(str, evidence.edition.seeds))
    lines += [
        "",
        "\"Contradicted\" is said of this edition's networks and training; which width stands for which of the paper's "
        "is a judgement call (Appendix A of the book). Section 6 of the book explains verdicts and has all effects.",
        "",
        *([f"{machines} A difference between machines would look like one between widths.", ""] if machines else []),
        "[What the files and the columns of the tables are](../README.md). The ledger uses the runs of `runs.csv` with "
        f"`seed` {seeds}.",
    ]
    write_file(folder / "README.md", ("\n".join(lines) + "\n").encode())
    project, (start, end) = folder.parents[1] / "README.md", ANSWER
    if folder.name == SHOWN and project.is_file():
        before, _, rest = project.read_text(encoding="utf-8").partition(start)
        _, closed, after = rest.partition(end)
        if closed:  # without both lines nothing is replaced
            told = "\n".join([start, f"{found} of {wanted} runs are trained so far.", "", *findings, end])
            write_file(project, (before + told + after).encode())


def _radii(evidence: Evidence) -> pd.DataFrame:
    """The radii of every run's effective receptive field, one row a run."""
    rows = [{"key": record.key, **asdict(evidence.extent(record))} for record in evidence.records]
    return pd.DataFrame(rows, columns=["key", *(field.name for field in fields(Extent))]).sort_values("key")


def _picture(evidence: Evidence) -> bytes:
    """Accuracy over width, as Figure 3 of the paper has it."""
    table = accuracy.accuracies(evidence.of_study("width"))
    report = accuracy.report(table, evidence.edition.replicates)
    content = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure = charts.accuracy_panels(report, accuracy.by_run(table), "width", "width W", True)
        figure.savefig(content, format="svg", metadata={"Date": None})
        plt.close(figure)
    return content.getvalue()

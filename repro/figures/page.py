"""What every page of the book shows of itself: its edition, code of the package, and the runs behind its figures."""

from __future__ import annotations

import inspect
import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from html import escape
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display

from repro.analysis import pairs, radii
from repro.analysis.breakdown import by_class, most_confused, most_lost, shares
from repro.analysis.evidence import Evidence, Network
from repro.analysis.ledger import ledger
from repro.analysis.verdicts import Claim
from repro.analysis.wording import meaning, numbers
from repro.edition import Edition
from repro.errors import InputError
from repro.figures import charts
from repro.figures.markup import Html, data_uri, row, table
from repro.figures.style import use_style
from repro.store.record import Record
from repro.sweep.available import missing
from repro.sweep.fetch import failed

DATA_NAMES = {
    "synthetic": "synthetic recordings",
    "esc10": "ESC-10 recordings through measured microphones",
    "tau2020": "TAU Urban Acoustic Scenes 2020 Mobile",
}


_shown = ["NAME"]  # the edition of this process's page, last


def start(edition: Edition) -> Html:
    """Set the book's style and name edition, recordings and recipe in one line: the first output of every page."""
    use_style()
    _shown.append(edition.name)
    facts = [
        f"<strong>{escape(edition.title)}</strong>",
        DATA_NAMES[edition.dataset],
        f"{edition.clip_seconds:g} s clips",
        f"{edition.epochs} epochs",
        *([f"{len(edition.folds)} fold" + "s" * (len(edition.folds) > 1)] if edition.folds != [0] else []),
        f"{len(edition.seeds)} seed" + "s" * (len(edition.seeds) > 1),
    ]
    note = " Not evidence about the paper." if edition.dataset == "synthetic" else ""
    return Html(f'<p class="repro-edition">{" · ".join(facts)}.{note}</p>')


def code(*shown: type | Callable[..., Any]) -> Markdown:
    """The source of functions, methods or classes, as it runs, less their docstrings and notes to the type checker."""
    blocks = "\n\n".join(f"```python\n{_without_docstring(part)}\n```" for part in shown)
    return Markdown(blocks)  # type: ignore[no-untyped-call]


def _without_docstring(part: type | Callable[..., Any]) -> str:
    source = textwrap.dedent(inspect.getsource(part))
    if part.__doc__:
        before, _, rest = source.partition('"""')
        source = before.rstrip() + rest.partition('"""')[2]
    return re.sub(r"  # type: ignore\[.*?\]", "", source).rstrip()


def figure_note(records: Iterable[Record], name: str, data: pd.DataFrame, what: str = "") -> Html:
    """One line below a figure: what it was drawn from, and its data, image and code to take along.

    `repro.build.links` resolves the last two.

    Args:
        records: the runs that it shows.
        name: the figure's, such as "fig-3": of the file that is offered.
        data: the numbers in it.
        what: said before the number of runs.
    """
    runs = list(records)
    if not runs:
        return Html(f'<p class="repro-figure-note">No runs. {_figure_links(name)}</p>')
    recordings = dict.fromkeys(DATA_NAMES[record.experiment.data.name] for record in runs)
    machines = dict.fromkeys(record.provenance["device"].partition(": ")[2] for record in runs)
    told = escape(" and ".join(recordings)), escape("; ".join(machines)), _revisions(runs)
    made = "on {}, trained by {} at {}".format(*told)
    content = data_uri("text/csv", data.to_csv(index=False, float_format="%.6g").encode())
    links = f'<a download="{name}.csv" href="{content}">data (CSV)</a>, {_figure_links(name)}'
    number = f"{what}{len(runs)} run{'s' if len(runs) > 1 else ''}"
    return Html(f'<p class="repro-figure-note">{number} {made}. {links}</p>')


def _revisions(runs: Iterable[Record]) -> str:
    """The revisions that trained some runs; of more than two their number, since the page's list of runs has them."""
    commits = list(dict.fromkeys(map(_commit, runs)))
    return f"revision {', '.join(commits)}" if len(commits) < 3 else f"{len(commits)} revisions (see the list of runs)"


def _figure_links(name: str) -> str:
    return f'<a href="image:{name}">figure (SVG)</a>, <a href="notebook:">code (notebook)</a>'


def machines(records: Iterable[Record]) -> Html | None:
    """Which networks were trained on a GPU and which on CPUs, where both occur: a difference may be the machines'."""
    told = pairs.by_machine(records)
    if not told:
        return None
    return Html(
        f"<p>{escape(told)} A difference between the machines would look like one between the networks: "
        '<a href="target:seed-and-machine">Appendix A.3</a> has the interval in which it can lie.</p>'
    )


def findings(evidence: Evidence, *claims: int) -> Html:
    """What the runs say on some of the paper's claims, a line each, with the numbers behind it.

    Args:
        evidence: the runs that the claims are judged by.
        claims: their numbers.
    """
    judged = {claim.number: claim for claim in ledger(evidence)}
    items = "".join(f"<li>{_finding(judged[number])}</li>" for number in claims)
    return Html(f'<div class="repro-findings"><p>What this edition finds:</p><ul>{items}</ul></div>')


def _finding(claim: Claim) -> str:
    paper = f" The paper reports: {escape(claim.paper)}." if claim.paper else ""
    measured = "; ".join(numbers(claim))
    here = f" Here: {escape(measured)}." if measured else ""
    return (
        f'<a href="target:claim-{claim.number}">Claim {claim.number}</a>: {escape(claim.statement)}{paper}{here} '
        f"<strong>{meaning(claim)}</strong>"
    )


def radii_note(evidence: Evidence, networks: Collection[Network], name: str) -> None:
    """Show what stands below maps of receptive fields: their note, and the radii of all runs of these networks.

    Args:
        evidence: the runs.
        networks: those of the figure.
        name: the figure's, such as "fig-9".
    """
    of_runs = radii.radii(evidence, networks)
    records = [record for network in networks for record in evidence.runs(network).values()]
    display(figure_note(records, name, of_runs, "Maps: one run each. Table and data: "))  # type: ignore[no-untyped-call]
    if records:
        display(radii.radii_table(of_runs))  # type: ignore[no-untyped-call]


def breakdown(records: Iterable[Record]) -> None:
    """Show what lies behind the accuracy on "unseen devices": a figure by device, a table by class and its message.

    The cell that calls it gives the figure's alternative text. Where two classes are often confused
    (`repro.analysis.breakdown.most_confused`), they are named in a second table.
    """
    runs = list(records)
    charts.device_spread(shares(runs, "device"))
    plt.show()
    if not runs:
        return
    classes = by_class(runs).rename_axis(index=None, columns="% seen → unseen")
    display(classes.rename(columns=_words))  # type: ignore[no-untyped-call]
    if told := most_lost(runs):
        display(Markdown(told))  # type: ignore[no-untyped-call]
    confused = most_confused(runs)
    if len(confused):
        text = "The most frequent confusions, in % of the clips of the true class, means over the networks above:"
        display(Markdown(text))  # type: ignore[no-untyped-call]
        display(confused.rename(index=_words))  # type: ignore[no-untyped-call]


def _words(name: str) -> str:
    return name.replace("_", " ")


def provenance(records: Iterable[Record]) -> Html:
    """Which runs the figures above were drawn from: a folded table, and the keys for the build to read.

    Runs that were asked for and could not be trained, or that are not there, stand before it.
    """
    runs = {record.key: record for record in records}
    minutes = sum(record.seconds for record in runs.values()) / 60
    trained = f"{minutes:.0f} min" if minutes < 60 else f"{minutes / 60:.1f} h"
    rows = map(_row, runs.values())
    head = ("run", "network", "fold", "seed", "trained", "on", "finished", "commit")
    html = (
        f'<details class="repro-runs"><summary>Drawn from {len(runs)} runs ({trained} of training)'
        f"</summary>{table('dataframe', head, rows)}</details>"
    )
    return Html(_gaps() + html, sorted(runs))


def _row(record: Record) -> str:
    run, made = record.experiment, record.provenance
    trained = (f"{record.seconds:.0f} s", escape(made["device"]), escape(made["finished"]))
    cells = (run.network, run.data.fold or "–", run.seed, *trained)
    return row((f"<code>{record.key}</code>", *cells, f"<code>{_commit(record)}</code>"))


def _commit(record: Record) -> str:
    return escape((record.commit or "unknown")[:10])


def _gaps() -> str:
    """The runs that this page asked for and does not have: what its figures lack."""
    gaps = "".join(
        f'<p class="repro-missing"><strong>Not trained:</strong> {escape(failure.experiment.network)}, seed '
        f"{failure.experiment.seed}: {failure.kind} ({escape(failure.reason)})</p>"
        for failure in failed.values()
    )
    if missing:
        absent = Counter((run.network, run.seed) for run in missing)
        lacking = "1 run is" if len(missing) == 1 else f"{len(missing)} runs are"
        items = "".join(
            f"<li>{escape(name)}, seed {seed}: {count} run{'s' if count > 1 else ''}</li>"
            for (name, seed), count in absent.items()
        )
        gaps += (
            f'<details class="repro-missing"><summary><strong>{lacking} not trained yet</strong>, of '
            "those that this page asks for. A network that lacks some of its runs is shown by the mean of the others. "
            f"<code>repro sweep --edition {_shown[-1]}</code>, with the page's own settings, trains the others."
            f"</summary><ul>{items}</ul></details>"
        )
    return gaps


def without_recordings(edition: Edition, error: InputError) -> Html:
    """One line in place of what only recordings can show: why they cannot be used, and the commands that fetch them."""
    folders = {edition.dataset: edition.data_root, "micirp": edition.impulse_responses}
    commands = [f"repro data get {name} {shlex.quote(folder)}" for name, folder in folders.items() if folder]
    fetched = " and ".join(f"<code>{escape(command)}</code>" for command in commands)
    remedy = f" {fetched} fetch{'es' if len(commands) == 1 else ''} them." if commands else ""
    return Html(
        f'<p class="repro-missing"><strong>Not shown</strong>, since it needs the recordings.{remedy} '
        f"({escape(str(error))})</p>"
    )

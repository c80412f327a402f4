import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_runs as made
import nbformat
import pandas as pd
import pytest
import tiny

from repro.analysis.evidence import Evidence
from repro.analysis.verdicts import Verdict
from repro.build import pages
from repro.edition import open_edition
from repro.experiment import ModelConfig, Sparsity
from repro.figures import page as display
from repro.figures.ledger_table import badge, summary_table
from repro.figures.markup import RUNS_MIME, Html
from repro.figures.page import code, figure_note, findings, provenance, start
from repro.store.record import Failure, Record
from repro.store.store import Store

ROOT = Path(__file__).parents[2]
PROVENANCE = {
    "seconds": 2.0,
    "device": "cpu: <toy>",
    "finished": "2021-07-18T12:00:00+00:00",
    "code": {"commit": "0123456789abcdef"},
}


def record(*arguments: Any, **options: Any) -> Record:
    return replace(tiny.record(*arguments, **options), provenance=PROVENANCE)


def html(output: Any) -> str:
    return output._repr_mimebundle_()["text/html"]


@pytest.fixture(autouse=True)
def used(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The style of this process's figures stays as it is, and nothing is missing."""
    used: list[bool] = []
    monkeypatch.setattr(display, "use_style", lambda: used.append(True))
    monkeypatch.setattr(display, "failed", {})
    monkeypatch.setattr(display, "missing", [])
    return used


@pytest.mark.parametrize(
    ("edition", "changes", "line"),
    [
        (
            "quick",
            {"title": "Quick <edition>", "epochs": 80},
            "<strong>Quick &lt;edition&gt;</strong> · synthetic recordings · 2 s clips · 80 epochs · 1 seed. Not "
            "evidence about the paper.",
        ),
        (
            "esc10",
            {},
            "<strong>Real recordings (ESC-10)</strong> · ESC-10 recordings through measured microphones · 5 s clips "
            "· 120 epochs · 5 folds · 1 seed.",
        ),
        (
            "tau2020",
            {"epochs": 30, "clip_seconds": 2.5},
            "<strong>The paper's protocol (TAU 2020 Mobile)</strong> · TAU Urban Acoustic Scenes 2020 Mobile · 2.5 s "
            "clips · 30 epochs · 3 seeds.",
        ),
    ],
)
def test_the_top_of_a_page_names_edition_recordings_and_recipe(
    used: list[bool], edition: str, changes: dict[str, Any], line: str
):
    output = start(open_edition(edition, ROOT, **changes))
    assert html(output).replace("&#x27;", "'") == f'<p class="repro-edition">{line}</p>'
    assert used == [True]
    assert RUNS_MIME not in output._repr_mimebundle_()


def test_no_line_ends_inside_the_size_of_a_network_or_before_a_percent_sign():
    assert html(Html("W = 64, K = 0; W = best: 9 %")) == "W&nbsp;=&nbsp;64, K&nbsp;=&nbsp;0; W = best: 9&nbsp;%"


def test_every_data_set_has_a_name():
    assert set(display.DATA_NAMES) == {"synthetic", "esc10", "tau2020"}


def test_code_is_shown_as_it_runs_without_its_docstring():
    def doubled(number: int) -> int:
        """Twice the number.

        This is not shown.
        """
        return 2 * number

    def halved(number: int) -> float:
        return number / 2  # type: ignore[no-any-return]

    assert code(doubled, halved).data == (
        "```python\ndef doubled(number: int) -> int:\n    return 2 * number\n```\n\n"
        "```python\ndef halved(number: int) -> float:\n    return number / 2\n```"
    )


def test_a_figure_says_what_it_was_drawn_from_and_offers_its_numbers():
    data = pd.DataFrame({"width": [2], "mean": [0.123456789]})
    text = html(figure_note([record(), record(seed=1)], "fig-3", data))
    assert text.startswith(
        '<p class="repro-figure-note">2 runs on synthetic recordings, trained by &lt;toy&gt; at revision 0123456789. '
        '<a download="fig-3.csv" href="data:text/csv;base64,'
    )
    content = base64.b64decode(text.partition("base64,")[2].partition('"')[0]).decode()
    assert content == "width,mean\n2,0.123457\n"
    assert text.endswith('<a href="image:fig-3">figure (SVG)</a>, <a href="notebook:">code (notebook)</a></p>')
    assert html(figure_note([record()], "fig-3", data, "Maps: ")).startswith(
        '<p class="repro-figure-note">Maps: 1 run on '
    )
    unknown = replace(record(), provenance=PROVENANCE | {"code": {"commit": None}})
    assert "at revision unknown. " in html(figure_note([unknown], "fig-3", data))
    many = [replace(record(), provenance=PROVENANCE | {"code": {"commit": letter * 40}}) for letter in "abca"]
    assert "at revision aaaaaaaaaa, bbbbbbbbbb. " in html(figure_note(many[:2], "fig-3", data))
    assert "at 3 revisions (see the list of runs). " in html(figure_note(many, "fig-3", data))
    nothing = html(figure_note([], "fig-3", data[:0]))
    assert nothing.startswith('<p class="repro-figure-note">No runs. <a href="image:fig-3">') and ".csv" not in nothing


def test_findings_link_the_ledger_and_say_when_nothing_was_run():
    text = html(findings(Evidence(open_edition("quick", ROOT), ()), 3, 4))
    assert text.startswith(
        '<div class="repro-findings"><p>What this edition finds:</p><ul><li><a href="target:claim-3">Claim 3</a>: Wide'
    )
    absent = "<strong>There is no verdict: not all the runs that it takes are there.</strong>"
    assert text.count(absent) == text.count("<li>") == 2


def test_the_summary_has_an_effect_a_line():
    edition = made.edition()
    evidence = Evidence(edition, made.records(edition, {8: 0.5, 16: 0.6, 32: 0.7}))
    base, damped = (f"{v}, unseen, W = 32 against W = 8: +20.0 points" for v in ("base", "damped"))
    assert f"<td>{base}<br>{damped}</td>" in summary_table(evidence).data


def test_provenance_names_every_run_once():
    first, second = record(), record(seed=1)
    output = provenance(iter([first, second, first]))
    assert output._repr_mimebundle_()[RUNS_MIME] == sorted([first.key, second.key])
    text = html(output)
    assert text.count(first.key) == text.count(second.key) == 1
    assert "Drawn from 2 runs (0 min of training)</summary>" in text
    assert text.count("<td>3 s</td>") == 2  # twelve epochs of 0.25 s
    assert "cpu: &lt;toy&gt;" in text and "<toy>" not in text
    table = text[text.index("<tbody>") :]
    assert table.index(first.key) < table.index(second.key)  # in the order of the figure


def test_runs_that_failed_are_named_in_sight_with_their_reasons(monkeypatch: pytest.MonkeyPatch):
    reason = "the loss of epoch 1 is <nan>"
    failure = Failure("k" * 20, tiny.record(seed=1).experiment, "f" * 64, "non-finite loss", reason, {})
    monkeypatch.setattr(display, "failed", {failure.key: failure})
    text = html(provenance([record()]))
    assert text.startswith(
        '<p class="repro-missing"><strong>Not trained:</strong> W=2 D=1 K=0, base, seed 1: non-finite loss '
        "(the loss of epoch 1 is &lt;nan&gt;)</p><details"
    )


def test_runs_that_are_not_there_are_counted_by_network_and_seed(monkeypatch: pytest.MonkeyPatch):
    absent = [tiny.experiment(seed=1), tiny.experiment(seed=1, epochs=9), tiny.experiment(width=4)]
    monkeypatch.setattr(display, "missing", absent)
    monkeypatch.setattr(display, "_shown", ["NAME"])
    assert "<code>repro sweep --edition NAME</code>" in html(provenance([]))  # of a page that names none
    start(open_edition("esc10", ROOT))
    text = html(provenance([]))
    assert "<code>repro sweep --edition esc10</code>" in text
    assert "<strong>3 runs are not trained yet</strong>" in text
    monkeypatch.setattr(display, "missing", absent[:1])
    assert "<strong>1 run is not trained yet</strong>" in html(provenance([]))
    assert "<li>W=2 D=1 K=0, base, seed 1: 2 runs</li><li>W=4 D=1 K=0, base, seed 0: 1 run</li>" in text
    assert "repro-missing" not in html(start(open_edition("quick", ROOT)))


@pytest.mark.parametrize(
    ("run", "network"),
    [
        (record(ModelConfig(width=8, depth=2)), "W=8 D=2 K=1, base"),
        (record(ModelConfig(damped=True, pointwise=4)), "W=32 D=1 K=4, damped"),
        (
            record(ModelConfig(width=128), sparsity=Sparsity(method="static", weights=626_752)),
            "W=128 D=1 K=1, base, static to 626,752 weights",
        ),
        (record(labels="random"), "W=2 D=1 K=0, base, random labels"),
    ],
)
def test_provenance_describes_the_network(run, network):
    assert f"<td>{network}</td>" in html(provenance([run]))


@pytest.mark.parametrize(
    ("lacks", "current"), [("nothing", True), ("a failed run", False), ("a run not trained yet", False)]
)
def test_a_page_that_lacked_a_run_is_executed_again_once_the_store_has_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: str, current: bool
):
    run = record()
    failure = Failure("k" * 20, run.experiment, "f" * 64, "killed", "by its process", {})
    monkeypatch.setattr(display, "failed", {failure.key: failure} if lacks == "a failed run" else {})
    monkeypatch.setattr(display, "missing", [run.experiment] if lacks == "a run not trained yet" else [])
    shown = nbformat.v4.new_output("display_data", provenance([run])._repr_mimebundle_())
    cell = nbformat.v4.new_code_cell("provenance(records)", outputs=[shown])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "page.ipynb")
    (tmp_path / "store" / "runs" / run.key).mkdir(parents=True)
    (tmp_path / "store" / "runs" / run.key / "manifest.json").touch()
    store = Store(tmp_path / "store")

    assert pages.recorded_runs(tmp_path / "page.ipynb") == {run.key}
    pages.write_stamp(tmp_path / "page.ipynb", "of its source", pages.present_runs(store))
    assert pages.is_current(tmp_path / "page.ipynb", "of its source", store)
    (store.folder("a" * 20)).mkdir()
    (store.folder("a" * 20) / "manifest.json").touch()
    assert pages.is_current(tmp_path / "page.ipynb", "of its source", store) is current
    assert not pages.is_current(tmp_path / "page.ipynb", "of another", store)
    (store.folder(run.key) / "manifest.json").unlink()
    assert not pages.is_current(tmp_path / "page.ipynb", "of its source", store)


def test_every_verdict_that_the_style_sheet_names_exists():
    css = (ROOT / "book" / "_static" / "edition.css").read_text()
    named = set(re.findall(r"\.([a-z-]+)", "".join(re.findall(r"^\.repro-ledger :is\((.+)\) \{$", css, re.MULTILINE))))
    classes = {re.search(r'class="verdict ([^"]+)"', badge(verdict))[1] for verdict in Verdict}  # type: ignore[index]
    assert named - {"claims", "summary"} <= classes and "negligible" in named

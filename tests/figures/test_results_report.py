import csv
import re
from pathlib import Path

import made_runs as made

from repro.analysis.answer import answer
from repro.analysis.evidence import Evidence
from repro.analysis.ledger import ledger
from repro.edition import open_edition
from repro.figures.results_report import ANSWER, write_report
from repro.store.store import Store
from repro.sweep.available import available

EDITION = made.edition()
ROOT = Path(__file__).parents[2]


def test_the_answer_the_table_and_the_picture_lie_beside_the_runs(tmp_path):
    evidence = Evidence(EDITION, made.records(EDITION, {8: 0.5, 16: 0.6, 32: 0.7}))
    write_report(evidence, tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith(f"# Real recordings (ESC-10): 18 of {len(EDITION.experiments())} runs")
    assert "Here, on unseen devices, W = 32 against W = 8: base +20.0 points" in text
    assert "| 3 | Widening raises the accuracy on unseen devices" in text
    effects = "| base, unseen, W = 32 against W = 8: +20.0 points<br>damped, unseen, W = 32 against W = 8: +20.0 points"
    assert effects in text
    with (tmp_path / "effects.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["effect"] == "base, unseen, W = 32 − W = 8"]
    assert (rows[0]["claim"], rows[0]["mean"], rows[0]["paper"]) == ("3", "20", "5")  # two doublings
    assert (tmp_path / "width.svg").read_bytes().startswith(b"<?xml")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_report(evidence, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_every_column_of_the_shipped_tables_is_explained():
    explained = (ROOT / "results" / "README.md").read_text()
    for path in (ROOT / "results").glob("*/*.csv"):
        columns = path.read_text().partition("\n")[0].split(",")
        assert [name for name in columns if f"`{name}`" not in explained] == [], path.name
    assert {path.name for path in (ROOT / "results").glob("*/*.csv")} == set(re.findall(r"## (\w+\.csv)", explained))


def test_radii_are_those_of_the_fields(tmp_path):
    reach = {False: 8.0, True: 4.0}
    runs = [made.record(run, 0.9, 0.5, erf_reach=reach[run.model.damped]) for run in EDITION.study("damping")[:4]]
    write_report(Evidence(EDITION, tuple(runs)), tmp_path)
    with (tmp_path / "radii.csv").open() as file:
        rows = {row["key"]: row for row in csv.DictReader(file)}
    for run in runs:
        # half of a two-sided exponential of reach r lies within r ln 2, counted in whole pixels to both sides
        expected = reach[run.experiment.model.damped] * 0.693
        assert abs(float(rows[run.key]["radius_50_bands"]) - expected) < 0.5


def test_an_edition_without_runs_says_so(tmp_path):
    write_report(Evidence(EDITION, ()), tmp_path)
    assert "There is no verdict: not all the runs that it takes are there." in (tmp_path / "README.md").read_text()


def answered(root: Path, readme: str) -> str:
    """A project's README once the report of an edition without runs was written."""
    (root / "README.md").write_text(readme)
    folder = root / "results" / "esc10"
    folder.mkdir(parents=True)
    write_report(Evidence(EDITION, ()), folder)
    return (root / "README.md").read_text()


def test_the_answer_goes_into_the_projects_readme(tmp_path):
    start, end = ANSWER
    lines = answered(tmp_path, f"Top\n{start}\nold\n{end}\nBottom\n").splitlines()
    assert lines[:3] == ["Top", start, f"0 of {len(EDITION.experiments())} runs are trained so far."]
    assert lines[-2:] == [end, "Bottom"] and "old" not in lines
    assert [line.partition(".")[0] for line in lines if line.startswith("- ")] == [
        "- **Width",
        "- **Width against depth",
        "- **Width without more weights",
    ]


def test_a_readme_without_the_second_mark_stays_as_it_is(tmp_path):
    assert answered(tmp_path, f"Top\n{ANSWER[0]}\nBottom\n") == f"Top\n{ANSWER[0]}\nBottom\n"


def test_the_projects_readme_says_what_the_shipped_results_say():
    start, end = ANSWER
    told = (ROOT / "README.md").read_text().partition(start)[2].partition(end)[0]
    shipped = (ROOT / "results" / "esc10" / "README.md").read_text()
    assert told.count("\n- ") == 3
    assert told.partition("\n\n")[2].strip() in shipped


def test_the_shipped_report_says_what_the_shipped_runs_say():
    """`repro runs ship` writes it: it has to be run again after a change of what is said."""
    folder, edition = ROOT / "results" / "esc10", open_edition("esc10", ROOT)
    shipped = Store(folder / "nowhere", shipped=(folder,))
    evidence = Evidence(edition, tuple(available(edition.experiments(), shipped, note=False)))
    text = (folder / "README.md").read_text()
    assert "\n".join(["", *answer(evidence), ""]) in text
    table = [line.rsplit("| ", 1)[-1] for line in text.splitlines() if re.match(r"\| \d", line)]
    assert table == [f"{claim.verdict} |" for claim in ledger(evidence)]

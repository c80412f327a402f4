"""Nothing of the paper is missing from the pages' sources: Figures 1 to 17, Table 1, claims 1 to 14."""

import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from repro.analysis.evidence import Evidence, Grid
from repro.analysis.ledger import ledger
from repro.build.pages import read_pages

ROOT = Path(__file__).parents[2]
PAGES = read_pages(ROOT)
CELLS = [(name, cell) for name, page in PAGES.items() if page.is_notebook for cell in page.notebook.cells]
OF_THE_PAPER = re.compile(r"fig-\d+")


def figures() -> list[tuple[str, nbformat.NotebookNode]]:
    """The numbered figures, each with its target and its cell, in the order of the pages."""
    metadata = [(cell.metadata.get("mystnb", {}), cell) for _, cell in CELLS if cell.cell_type == "code"]
    return [(options["figure"]["name"], cell) for options, cell in metadata if "figure" in options]


def test_every_figure_of_the_paper_stands_in_the_book_once():
    targets = [target for target, _ in figures() if OF_THE_PAPER.fullmatch(target)]
    assert sorted(targets, key=lambda target: int(target.removeprefix("fig-"))) == [f"fig-{n}" for n in range(1, 18)]


def test_every_target_is_unique():
    targets = [target for target, _ in figures()]
    assert len(set(targets)) == len(targets)


def test_table_1_stands_in_the_book_once():
    text = "\n".join(cell.source for _, cell in CELLS if cell.cell_type == "markdown")
    assert re.findall(r"^\((table-.+)\)=$", text, re.MULTILINE) == ["table-1"]


@pytest.mark.parametrize(("target", "cell"), figures(), ids=[target for target, _ in figures()])
def test_a_figure_has_the_papers_number_a_caption_and_alternative_text(target, cell):
    options = cell.metadata["mystnb"]
    caption = options["figure"]["caption"]
    if OF_THE_PAPER.fullmatch(target):
        assert caption.startswith(f"**Figure {target.removeprefix('fig-')}.** ")
    else:
        assert "**Figure" not in caption, "our own figures do not carry the paper's numbers"
    assert caption.endswith(".")
    assert len(options["image"]["alt"]) > 20
    assert options["image"]["alt"] != caption


def test_every_drawn_picture_has_alternative_text():
    drawn = [(name, cell) for name, cell in CELLS if cell.cell_type == "code" and "plt.show()" in cell.source]
    assert len(drawn) > 17
    missing = [(name, cell.source) for name, cell in drawn if not cell.metadata.get("mystnb", {}).get("image")]
    assert missing == []


def test_every_page_with_a_trained_figure_ends_with_its_runs():
    trained = {name for name, cell in CELLS if "fetch(" in cell.source or "fetch_groups(" in cell.source}
    named = {name for name, cell in CELLS if cell.cell_type == "code" and "provenance(" in cell.source}
    assert trained and trained <= named


def test_the_ledger_has_the_papers_claims_in_order():
    grid = Grid.of({name: parameter.default for name, parameter in PAGES["claims"].parameters().items()})
    claims = ledger(Evidence(grid, "synthetic", (), pd.DataFrame(), 0))
    assert [claim.number for claim in claims] == list(range(1, 15))
    assert all(claim.statement and claim.criterion and claim.section for claim in claims)


def test_the_ledger_links_figures_of_the_paper_that_stand_where_it_says():
    grid = Grid.of({name: parameter.default for name, parameter in PAGES["claims"].parameters().items()})
    claims = ledger(Evidence(grid, "synthetic", (), pd.DataFrame(), 0))
    pages = {
        cell.metadata["mystnb"]["figure"]["name"]: name
        for name, cell in CELLS
        if "figure" in cell.metadata.get("mystnb", {})
    }
    links = {figure.link for claim in claims for figure in claim.figures}
    assert links
    for link in links:
        page, target = link.split(".html#")
        assert pages[target] == page

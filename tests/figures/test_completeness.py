"""Nothing of the paper is missing from the pages' sources: Figures 1 to 17, Table 1, the claims of the ledger."""

import re
from pathlib import Path

import nbformat
import pytest

from repro.analysis.evidence import Evidence
from repro.analysis.ledger import ledger
from repro.build.pages import read_pages
from repro.edition import open_edition

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
    draws = re.compile(r"plt\.show\(\)|page\.breakdown\(")
    drawn = [(name, cell) for name, cell in CELLS if cell.cell_type == "code" and draws.search(cell.source)]
    assert len(drawn) > 17
    missing = [(name, cell.source) for name, cell in drawn if not cell.metadata.get("mystnb", {}).get("image")]
    assert missing == []


def test_every_page_that_shows_runs_names_them():
    code = dict.fromkeys(PAGES, "")
    for name, cell in CELLS:
        if cell.cell_type == "code":
            code[name] += cell.source
    shown = {name for name, source in code.items() if "runs_of(" in source}
    assert shown >= {"index", "claims", "05-1-width"}
    assert {name for name, source in code.items() if "provenance(" in source} >= shown


def claims():
    return ledger(Evidence(open_edition("esc10", ROOT), ()))


def test_the_ledger_has_all_claims_in_order():
    assert [claim.number for claim in claims()] == list(range(1, 20))
    assert all(claim.statement and claim.criterion and claim.section for claim in claims())


def test_the_figures_that_the_ledger_links_stand_in_the_book():
    linked = {figure for claim in claims() for figure in claim.figures}
    assert "fig-3" in linked
    assert linked <= {target for target, _ in figures()}

"""Nothing of the paper is missing from the built book, and every page with a trained figure names runs that exist."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from sphinx_external_toc.parsing import parse_toc_yaml

from repro.build.pages import recorded_runs
from repro.store.store import Store

ROOT = Path(__file__).parents[2]
FIGURES = range(1, 18)
TRAINED = [number for number in FIGURES if number != 2]  # Figure 2 shows recordings
CLAIMS = range(1, 20)

Pages = dict[str, Tag]


@pytest.fixture(scope="module")
def folder(edition: str) -> Path:
    """What was built of an edition."""
    return ROOT / "_build" / edition


@pytest.fixture(scope="module")
def pages(folder: Path) -> Pages:
    """The articles of the built pages by docname, in the order of the table of contents."""
    if not (folder / "html").is_dir():
        pytest.skip(f"{folder / 'html'} does not exist: build the edition first (make book)")
    if (folder / "source" / "partial").exists():
        pytest.skip("only a part of this edition's pages was ever executed")
    articles: Pages = {}
    for docname in parse_toc_yaml(folder / "source" / "_toc.yml"):
        page = BeautifulSoup((folder / "html" / f"{docname}.html").read_text(encoding="utf-8"), "html.parser")
        article = page.find("article")
        assert isinstance(article, Tag)
        articles[docname] = article
    return articles


@pytest.fixture(scope="module")
def store() -> Store:
    return Store.default()


def page_of(pages: Pages, target: str) -> str:
    """The one page that has the target."""
    found = [docname for docname, article in pages.items() if article.find(id=target)]
    assert len(found) == 1, f"{target} stands on {found or 'no page'}"
    return found[0]


@pytest.mark.parametrize("number", FIGURES)
def test_figure(pages: Pages, number: int):
    figure = pages[page_of(pages, f"fig-{number}")].find(id=f"fig-{number}")
    assert isinstance(figure, Tag) and figure.name == "figure"
    assert figure.find("img") is not None
    caption = figure.find("figcaption")
    assert isinstance(caption, Tag)
    assert f"Figure {number}." in [strong.get_text() for strong in caption.find_all("strong")]


def test_table_1(pages: Pages):
    target = pages[page_of(pages, "table-1")].find(id="table-1")
    assert isinstance(target, Tag)
    section = target if target.name == "section" else target.find_parent("section")
    assert isinstance(section, Tag)
    table = section.find("table")
    assert isinstance(table, Tag)
    assert [cell.get_text() for cell in table.find_all("th")][:4] == ["", "channels", "block", "config"]


def test_claims(pages: Pages):
    rows = [str(row["id"]) for article in pages.values() for row in article.select("tr[id^=claim-]")]
    assert rows == [f"claim-{number}" for number in CLAIMS]
    ledger = pages[page_of(pages, "claim-1")]
    for number in CLAIMS:
        row = ledger.find(id=f"claim-{number}")
        assert isinstance(row, Tag)
        assert row.find(class_="verdict") is not None


def test_pages_find_what_the_front_page_finds(pages: Pages):
    """A page judges claims by the runs that it loads; the front page by all of the edition's."""
    (summary,) = (table for article in pages.values() for table in article.select("table.summary"))
    numbers = {row.td.get_text(): row.select("td")[2] for row in summary.select("tbody tr")}
    findings = [item for article in pages.values() for item in article.select(".repro-findings li")]
    claims = [item.a.get_text().removeprefix("Claim ") for item in findings]
    assert {*claims} == {str(number) for number in CLAIMS}
    for claim, item in zip(claims, findings, strict=True):
        for line in numbers[claim].stripped_strings:
            assert line in item.get_text(), f"claim {claim}"


@pytest.mark.parametrize("target", [*(f"fig-{number}" for number in TRAINED), "claim-1"])
def test_runs_are_recorded(pages: Pages, folder: Path, target: str):
    docname = page_of(pages, target)
    runs = recorded_runs(folder / "source" / f"{docname}.ipynb")
    listed = {code.get_text() for code in pages[docname].select("details.repro-runs td:first-child code")}
    assert listed == runs
    gap = pages[docname].select_one(".repro-missing")
    assert runs or gap, f"{docname} says neither which runs it was drawn from nor that there are none"


@pytest.mark.parametrize("target", [*(f"fig-{number}" for number in TRAINED), "claim-1"])
def test_recorded_runs_are_in_the_store(pages: Pages, folder: Path, store: Store, target: str):
    docname = page_of(pages, target)
    runs = recorded_runs(folder / "source" / f"{docname}.ipynb")
    assert sorted(key for key in runs if key not in store) == []

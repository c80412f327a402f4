"""Every page of the book where runs and recordings are missing: it shows the gap, and no cell fails or warns."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import stored
import tiny_book
import yaml

from repro.build.pages import read_pages
from repro.edition import open_edition
from repro.figures import style
from repro.store.store import Store
from repro.sweep import available

ROOT = Path(__file__).parents[2]
NOTEBOOKS = {name: page.path for name, page in read_pages(ROOT).items() if "edition" in page.parameters()}
STUDIES = {
    "dataset": "esc10",
    "clips": 4,  # the default, which is all that recordings take
    "data_root": "data/esc10",
    "impulse_responses": "data/micirp",
    "microphones_each": 2,
    "folds": [1, 2],
    "widths": [2, 3, 4],
    "plateau_width": 3,
    "repeat_widths": [2],
    "depths": [1, 2],
    "pointwise": [0, 1],
    "deep_width": 3,
    "compound": [[2, 2]],
    "fit_widths": [2],
    "sparse_widths": [3, 4],
    "unguarded_widths": [3],
    "precision_widths": [2],
}
EDITION = yaml.safe_dump(yaml.safe_load(tiny_book.EDITION) | STUDIES)
"""Every study has networks; neither runs nor recordings are there."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with this edition. In the folder `half` is a store of the damped networks, dense ones alone."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "book" / "editions", root / "book" / "editions")
    (root / "book" / "editions" / "tiny.yml").write_text(EDITION)
    (root / "_toc.yml").touch()
    store = Store(root / "half")
    for run in open_edition("tiny", root).experiments():
        if run.model.damped and run.sparsity is None:
            stored.save(store, run)
    return root


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The style of this process's figures stays as it is; what other pages lack is forgotten."""
    monkeypatch.setattr(style, "set_matplotlib_formats", lambda _: None)
    available.missing.clear()
    plt.switch_backend("agg")
    with mpl.rc_context():
        yield
    plt.close("all")
    available.missing.clear()


def test_the_half_store_has_runs(project: Path):
    edition = open_edition("tiny", project)
    records = available.available(edition.experiments(), Store(project / "half"))
    assert (len(records), len(available.missing)) == (16, 40)


@pytest.mark.parametrize("store", ["empty", "half"])
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_page_stands_where_runs_are_missing(name: str, store: str, project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(project)
    monkeypatch.setenv("REPRO_STORE", str(project / store))
    shown: list[Any] = []
    for display in ("IPython.display.display", "repro.figures.page.display"):
        monkeypatch.setattr(display, lambda *values: shown.extend(values))
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in jupytext.read(NOTEBOOKS[name]).cells:
        if cell.cell_type == "code":
            shown.append(execute(cell.source, f"{name}.py", namespace))
            if "parameters" in cell.metadata.get("tags", []) and "edition" in namespace:
                namespace["edition"] = "tiny"
    assert bool(available.missing) == ("runs_of" in namespace)
    assert ("runs are not trained yet" in "".join(map(html, shown))) == bool(available.missing)


def execute(source: str, name: str, namespace: dict[str, Any]) -> Any:
    """Execute a cell; returns the value of its last expression."""
    code = ast.parse(source)
    last = code.body.pop() if code.body and isinstance(code.body[-1], ast.Expr) else None
    exec(compile(code, name, "exec"), namespace)
    return eval(compile(ast.Expression(last.value), name, "eval"), namespace) if isinstance(last, ast.Expr) else None


def html(value: Any) -> str:
    """What a page shows of a value."""
    if hasattr(value, "_repr_mimebundle_"):
        return str(value._repr_mimebundle_()["text/html"])
    return str(value._repr_html_()) if hasattr(value, "_repr_html_") else ""

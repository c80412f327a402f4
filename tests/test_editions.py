"""What experiments_of says must be what the pages' own cells ask for; nothing is executed or trained."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repro import editions, studies
from repro.analysis import evidence
from repro.build.pages import Page, read_pages
from repro.build.parameters import read_edition, resolve
from repro.editions import Experiments, experiments_of, union
from repro.errors import InputError
from repro.experiment import Experiment, ModelConfig
from repro.studies import Setting

ROOT = Path(__file__).parents[1]
PAGES = read_pages(ROOT)
PARAMETERS = {name: page.parameters() for name, page in PAGES.items()}
EDITIONS = sorted(path.stem for path in (ROOT / "book" / "editions").glob("*.yml"))


def values_of(edition: str) -> dict[str, dict[str, Any]]:
    """All values of all pages of an edition."""
    changed = resolve(PARAMETERS, read_edition(ROOT / "book" / "editions", edition), edition)
    return {
        page: {name: parameter.default for name, parameter in parameters.items()} | changed[page]
        for page, parameters in PARAMETERS.items()
    }


def asked_for(page: Page, values: dict[str, Any]) -> Iterator[list[Experiment]]:
    """What every call of fetch, fetch_groups and gather in the page's cells is handed, as these values have it."""
    code = "\n".join(cell.source for cell in page.notebook.cells if cell.cell_type == "code")
    namespace = {"Setting": Setting, "studies": studies, "editions": editions, "replace": replace} | values
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("setting", "scaled"):
            namespace[ast.unparse(node.targets[0])] = eval(ast.unparse(node.value), namespace)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            match node.func.id:
                case "fetch":
                    yield list(eval(ast.unparse(node.args[0]), namespace))
                case "fetch_groups":
                    yield [run for runs in eval(ast.unparse(node.args[0]), namespace).values() for run in runs]
                case "gather":
                    yield evidence.experiments(namespace)[0]


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_page_gets_what_its_cells_ask_for(edition: str):
    values = values_of(edition)
    found = experiments_of(values)
    assert list(found) == list(PAGES)
    for name, page in PAGES.items():
        asked = [run for runs in asked_for(page, values[name]) for run in runs] if page.is_notebook else []
        assert set(found[name].runs) == set(asked), name
        assert len(set(found[name].runs)) == len(found[name].runs), name
        assert set(found[name].fields) <= set(found[name].runs), name


def test_the_quick_edition():
    found = experiments_of(values_of("quick"))
    assert {page: (len(needs.runs), len(needs.fields)) for page, needs in found.items() if needs.runs} == {
        "01-introduction": (40, 0),
        "04-models": (8, 0),
        "05-results": (12, 0),
        "05-1-width": (12, 0),
        "05-2-depth": (24, 4),
        "05-3-sparsity": (20, 0),
        "A-setup": (4, 0),
        "B-damping": (2, 2),
        "C-erf": (10, 10),
        "D-base": (40, 0),
        "claims": (50, 10),
    }
    together = union(found.values())
    # W = 4 with K = 4, damped, is shown in Section 5.2 and in Appendix C
    assert (len(together.runs), len(together.fields)) == (52, 15)
    others = set(together.runs) - set(found["claims"].runs)
    assert {(run.model, run.recipe.precision, run.seed) for run in others} == {
        (ModelConfig(width=4), "bf16", seed) for seed in (0, 1)
    }


@pytest.mark.parametrize(("edition", "width"), [("esc10", 16), ("tau2020", 32)])
def test_editions_for_gpus_train_in_bf16_but_what_it_is_compared_with(edition, width):
    runs = union(experiments_of(values_of(edition)).values()).runs
    exact = [(run.model, run.recipe.labels, run.sparsity, run.seed) for run in runs if run.recipe.precision == "fp32"]
    assert exact == [(ModelConfig(width=width), "true", None, seed) for seed in (0, 1, 2)]
    assert {run.recipe.precision for run in runs} == {"bf16", "fp32"}


def test_the_fields_of_section_5_2():
    values = values_of("quick")["05-2-depth"] | {"depth_width": 6, "depths": [3, 1], "pointwise": [4], "seeds": [7, 5]}
    fields = experiments_of({"05-2-depth": values})["05-2-depth"].fields
    assert [run.model for run in fields] == [
        ModelConfig(width=6, depth=1, pointwise=1, damped=True),
        ModelConfig(width=6, depth=3, pointwise=1, damped=True),
        ModelConfig(width=6, depth=1, pointwise=4, damped=True),
        ModelConfig(width=8, depth=2, pointwise=1, damped=True),
    ]
    assert {run.seed for run in fields} == {7}


def test_networks_that_are_not_scaled_at_all_are_compared_once():
    values = values_of("quick")["05-2-depth"] | {"depths": [], "pointwise": [1], "compound": []}
    assert [run.model for run in experiments_of({"05-2-depth": values})["05-2-depth"].fields] == [
        ModelConfig(width=4, damped=True)
    ]


def test_a_page_of_another_book_needs_nothing():
    assert experiments_of({"02-numbers": {"widths": [1, 2]}}) == {"02-numbers": Experiments([], [])}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": []}, "page '05-1-width': seeds = []: give at least one seed, and each once"),
        ({"widths": [0]}, "page '05-1-width': ModelConfig.width = 0: input should be greater than or equal to 1"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_page(change: dict[str, Any], message: str):
    with pytest.raises(InputError) as refused:
        experiments_of({"05-1-width": values_of("quick")["05-1-width"] | change})
    assert str(refused.value) == message


def test_a_page_without_a_parameter_that_its_runs_depend_on_is_refused():
    values = values_of("quick")["05-1-width"]
    del values["widths"]
    with pytest.raises(InputError, match=r"^page '05-1-width' has no parameter 'widths', on which its runs depend$"):
        experiments_of({"05-1-width": values})

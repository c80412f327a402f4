"""The editions: how many runs their studies need, in which order, under which keys, and faults in their files."""

import ast
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import jupytext
import pytest
import yaml

from repro.edition import Edition, editions, open_edition
from repro.errors import InputError
from repro.experiment import Experiment

ROOT = Path(__file__).parents[1]
ESC10 = open_edition("esc10", ROOT)
PAGES = sorted((ROOT / "book").glob("*.py"))


@pytest.mark.parametrize(
    ("name", "together", "studies"),
    [
        (
            "quick",
            17,
            {
                "width": 4,
                "depth": 4,
                "pointwise": 4,
                "static pruning": 2,
                "iterative pruning": 2,
                "sparse reference": 2,
                "compound": 0,
                "fit": 2,
                "wider depth": 0,
                "damping": 2,
                "receptive fields": 10,
                "repeated width": 4,
                "unguarded pruning": 0,
                "precision": 0,
            },
        ),
        (
            "esc10",
            260,
            {
                "width": 50,
                "depth": 30,
                "pointwise": 40,
                "static pruning": 30,
                "iterative pruning": 30,
                "sparse reference": 10,
                "compound": 20,
                "fit": 20,
                "wider depth": 40,
                "damping": 10,
                "receptive fields": 60,
                "repeated width": 40,
                "unguarded pruning": 10,
                "precision": 0,
            },
        ),
        (
            "tau2020",
            237,
            {
                "width": 42,
                "depth": 30,
                "pointwise": 30,
                "static pruning": 30,
                "iterative pruning": 30,
                "sparse reference": 6,
                "compound": 24,
                "fit": 12,
                "wider depth": 0,
                "damping": 6,
                "receptive fields": 42,
                "repeated width": 0,
                "unguarded pruning": 12,
                "precision": 6,
            },
        ),
    ],
)
def test_the_number_of_runs_of_every_study(name: str, together: int, studies: dict[str, int]):
    edition = open_edition(name, ROOT)
    assert {study: len(part) for study, part in edition.studies.items()} == studies
    runs = edition.experiments()
    assert len(runs) == len(set(runs)) == together
    assert set(runs) == {run for part in edition.studies.values() for run in part}


def test_every_edition_is_tested():
    assert editions(ROOT) == ["esc10", "quick", "tau2020"]


def test_widths_come_first_and_the_widest_sparse_networks_after_the_fit():
    def first_study(run: Experiment) -> str:
        if run.sparsity is not None and run.model.width == 64:
            return "widest sparse networks"
        return next(name for name, study in ESC10.studies.items() if run in study)

    assert [(name, len(list(runs))) for name, runs in groupby(ESC10.experiments(), first_study)] == [
        ("width", 50),
        ("depth", 20),
        ("pointwise", 30),
        ("static pruning", 20),
        ("iterative pruning", 20),
        ("compound", 10),
        ("fit", 10),
        ("widest sparse networks", 20),
        ("wider depth", 30),
        ("repeated width", 40),
        ("unguarded pruning", 10),
    ]
    assert [run.model.width for run in ESC10.experiments()[:50:10]] == [4, 8, 16, 32, 64]


@pytest.mark.parametrize(
    ("study", "width", "damped", "fold", "labels", "key"),
    [
        ("width", 8, False, 1, "true", "f145ef8022bf8823df25"),
        ("iterative pruning", 16, True, 2, "true", "2285c5d3a7400e885b73"),
        ("fit", 4, False, 5, "random", "23614db240f204c1d7c3"),
    ],
)
def test_the_keys_of_stored_runs_stay_as_they_are(
    study: str, width: int, damped: bool, fold: int, labels: str, key: str
):
    wanted = (width, damped, fold, labels)
    found = [
        run
        for run in ESC10.study(study)
        if (run.model.width, run.model.damped, run.data.fold, run.recipe.labels) == wanted
    ]
    assert [run.key("f" * 64) for run in found] == [key]


def test_sparse_networks_keep_the_weights_of_the_reference():
    weights = {run.sparsity.weights for run in ESC10.study("iterative pruning") if run.sparsity is not None}
    assert weights == {10_248}
    assert {run.sparsity.guard for run in ESC10.study("unguarded pruning") if run.sparsity is not None} == {False}


def test_changes_that_are_empty_leave_the_edition_as_it_is():
    assert open_edition("quick", ROOT, widths=[], seeds=None) == open_edition("quick", ROOT)
    changed = open_edition("quick", ROOT, widths=[8], epochs=20)
    assert (changed.widths, changed.recipe.epochs, changed.seeds) == ([8], 20, [0])
    assert {run.model.width for run in changed.study("width")} == {8}


def test_the_edition_is_found_from_a_folder_of_the_project(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT / "book")
    assert open_edition("esc10") == ESC10


SETTINGS = ", ".join(field for field in Edition.model_fields if field != "name")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 3}, f"no setting 'epoch'; there are: {SETTINGS}"),
        ({"epochs": "many"}, "Edition.epochs = 'many': input should be a valid integer"),
        ({"widths": 8}, "Edition.widths = 8: input should be a valid list"),
        ({"roll": "no"}, "Edition.roll = 'no': input should be 'hops', 'samples' or 'off'"),
        ({"folds": [6]}, "Edition.folds.0 = 6: input should be less than or equal to 5"),
        ({"widths": [4, 4]}, "widths = [4, 4]: give every value once"),
        ({"compound": [[16, 2], [16, 2]]}, "compound = [[16, 2], [16, 2]]: give every value once"),
        ({"sparse_widths": [8]}, "sparse_widths, unguarded_widths: 8 must be larger than reference_width = 8"),
        ({"folds": [0, 1]}, "folds = [0, 1]: either [0], for no folds, or some of 1 to 5"),
        ({"max_lr": -1.0}, "Recipe.max_lr = -1.0: input should be greater than 0"),
        ({"warmup_epochs": 200}, "warmup_epochs (200) must be smaller than epochs (120)"),
        (
            {"dataset": "tau2020"},
            "'tau2020' has no folds and no microphones: leave folds, microphones and microphones_each out",
        ),
        ({"microphones": 4}, "microphones_each = 6: more than microphones = 4"),
        (
            {"reference_width": 1},
            "reference_width, sparse_epochs or pruning_start does not suit W=16 D=1 K=1, base, iterative to 217 "
            "weights: sparsity.weights = 217: this network cannot go below 411 weights; take more",
        ),
        (
            {"pruning_start": 100},
            "reference_width, sparse_epochs or pruning_start does not suit W=16 D=1 K=1, base, iterative to 10,248 "
            "weights: sparsity.start = 100: iterative pruning of 120 epochs starts after the first epoch and by epoch "
            "90",
        ),
    ],
)
def test_a_fault_is_one_line_that_names_the_file_and_the_setting(tmp_path: Path, changes: dict[str, Any], message: str):
    content = yaml.safe_load((ROOT / "book" / "editions" / "esc10.yml").read_text())
    write(tmp_path, yaml.safe_dump(content | changes))
    with pytest.raises(InputError) as refused:
        open_edition("mine", tmp_path)
    assert str(refused.value) == f"mine.yml: {message}"

    where = "the settings: " if message.startswith("no setting") else ""
    with pytest.raises(InputError) as refused:
        open_edition("esc10", ROOT, **changes)
    assert str(refused.value) == where + message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: Mine", "mine.yml: Edition.dataset: field required"),
        ("name: mine", f"mine.yml: no setting 'name'; there are: {SETTINGS}"),
        ("- 1", "mine.yml holds no settings by name"),
        ("", "mine.yml holds no settings by name"),
    ],
)
def test_a_file_that_is_no_edition(tmp_path: Path, text: str, message: str):
    write(tmp_path, text)
    with pytest.raises(InputError) as refused:
        open_edition("mine", tmp_path)
    assert str(refused.value) == message


@pytest.mark.parametrize("content", [b"title: [", b"title: caf\xe9", b"title: 2020-13-45"])
def test_a_file_that_is_no_yaml(content: bytes, tmp_path: Path):
    write(tmp_path, "")
    (tmp_path / "book" / "editions" / "mine.yml").write_bytes(content)
    with pytest.raises(InputError, match=r"^mine\.yml is not valid YAML: [^\n]+$"):
        open_edition("mine", tmp_path)


def test_a_folder_is_no_edition(tmp_path: Path):
    (tmp_path / "book" / "editions" / "mine.yml").mkdir(parents=True)
    with pytest.raises(InputError) as refused:
        open_edition("mine", tmp_path)
    assert str(refused.value) == "mine.yml cannot be read (Is a directory): remove it, or make it a file"


def test_a_study_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(InputError, match=r"^no study 'widht'; there are: width, depth, pointwise, "):
        ESC10.study("widht")


def test_an_edition_that_does_not_exist(tmp_path: Path):
    with pytest.raises(InputError, match=r"^no edition 'tau'; there are: esc10, quick, tau2020$"):
        open_edition("tau", ROOT)
    with pytest.raises(InputError, match=r"^no edition 'tau'; there are: none$"):
        open_edition("tau", tmp_path)


def write(root: Path, text: str) -> None:
    (root / "book" / "editions").mkdir(parents=True)
    (root / "book" / "editions" / "mine.yml").write_text(text)


def code(page: Path) -> str:
    return "\n".join(cell.source for cell in jupytext.read(page).cells if cell.cell_type == "code")


def named_studies(source: str) -> Iterator[str]:
    """The strings that are handed to `runs_of`, `edition.study` and `evidence.networks`."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in ("runs_of", "study", "networks"):
            for part in call.args:
                yield from (
                    node.value
                    for node in ast.walk(part)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str)
                )


def test_named_studies_are_found():
    source = 'runs_of(e, "width", *["depth"])\nevidence.networks("fit")\ne.study("damping")\nprint("other")'
    assert list(named_studies(source)) == ["width", "depth", "fit", "damping"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_asks_for_are_studies(page: Path):
    assert set(named_studies(code(page))) <= set(ESC10.studies)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_what_it_uses(page: Path):
    assert "globals(" not in code(page)

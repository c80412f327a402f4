import json
import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import stored
import tiny
from click.testing import CliRunner

from repro.cli import main
from repro.errors import InputError
from repro.experiment import DataConfig, Experiment, ModelConfig
from repro.files import checksums
from repro.store.store import Store
from repro.sweep import fetch as sweep
from repro.sweep.engine import Endings, Report
from repro.sweep.fetch import fetch, missing_from
from repro.sweep.worker import train_one

A, B, C = (tiny.experiment(seed=seed, epochs=2) for seed in range(3))
DIVERGING = tiny.experiment(seed=3, epochs=2, max_lr=1e38)


@pytest.fixture
def store(store, monkeypatch) -> Store:
    """A store without runs, on the CPU, that is the default one too."""
    monkeypatch.setenv("REPRO_STORE", str(store.root))
    monkeypatch.setattr(sweep, "failed", {})
    return store


@pytest.fixture
def trained(monkeypatch) -> list[Experiment]:
    """What is trained, in this process, one after the other."""
    experiments: list[Experiment] = []

    def one_by_one(missing: Sequence[Experiment], store: Store, report: Report) -> Endings:
        for experiment in missing:
            experiments.append(experiment)
            yield train_one(experiment, store, lambda _, run=experiment: report(run))

    monkeypatch.setattr(sweep, "local_engine", lambda *_: one_by_one)
    return experiments


def test_runs_come_in_the_order_asked_for_and_each_is_trained_once(store, trained):
    records = fetch([B, A, B], store)
    assert [record.experiment for record in records] == [B, A, B]
    assert records[0] is records[2]
    assert trained == [B, A]
    assert store.finished() == sorted({record.key for record in records})


def test_what_the_store_has_is_loaded_whatever_code_made_it(store, trained, monkeypatch):
    (first,) = fetch([A], store)
    written = (first.folder / "manifest.json").stat().st_mtime_ns
    monkeypatch.setattr("repro.store.record.code_fingerprint", lambda: "other")
    assert missing_from([A], store) == sweep.sweep([A], store) == []
    again, other = fetch(iter([A, C]), store)
    assert trained == [A, C]
    assert again.key == first.key != other.key
    assert (first.folder / "manifest.json").stat().st_mtime_ns == written


def test_a_run_that_was_deleted_is_trained_again(store, trained):
    (first,) = fetch([A], store)
    shutil.rmtree(first.folder)
    (again,) = fetch([A], store)
    assert trained == [A, A]
    assert again.predictions.tolist() == first.predictions.tolist()


def test_a_run_asked_for_twice_is_trained_once(store, trained):
    runs = fetch([A, B, B, A, C])
    assert [record.experiment for record in runs] == [A, B, B, A, C]
    assert trained == [A, B, C]
    assert {run.folder.parent for run in runs} == {store.root / "runs"}  # that of the environment


def test_nothing_asked_for_nothing_done(store, trained):
    assert fetch([], store) == [] and trained == []


def test_a_page_begins_with_the_longest_run_and_a_sweep_keeps_its_order(store, trained):
    deep = tiny.experiment(epochs=2).model_copy(update={"model": ModelConfig(width=2, depth=2, pointwise=0)})
    long, wide = tiny.experiment(epochs=3), tiny.experiment(width=4, epochs=2)
    wanted = [A, deep, A, long, wide]
    assert missing_from(wanted, store) == [A, deep, long, wide]
    fetch(wanted, store)
    assert trained == [wide, long, deep, A]
    shutil.rmtree(store.root / "runs")
    trained.clear()
    sweep.sweep(wanted, store)
    assert trained == [A, deep, long, wide]


def test_a_failed_run_is_left_out_named_and_not_tried_again_by_a_page(store, trained):
    assert [record.experiment for record in fetch([A, DIVERGING, B], store)] == [A, B]
    ((key, failure),) = sweep.failed.items()
    assert (failure.key, failure.experiment, failure.kind) == (key, DIVERGING, "non-finite loss")
    assert failure.reason in ("the loss of epoch 0 is nan", "the loss of epoch 0 is inf")
    assert fetch([DIVERGING], store) == []
    assert trained.count(DIVERGING) == 1
    assert store.finished() == sorted(record.key for record in fetch([A, B], store))


def test_a_failure_of_other_code_is_no_reason_not_to_try(store, trained, monkeypatch):
    fetch([DIVERGING], store)
    monkeypatch.setattr("repro.store.record.code_fingerprint", lambda: "other")
    fetch([DIVERGING], store)
    assert trained == [DIVERGING, DIVERGING]


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def outdate(path: Path) -> None:
    content = checksums.read_json(path)
    checksums.write_json(path, {**content, "schema": 2})


@pytest.mark.parametrize("spoil", [damage, outdate])
def test_a_failure_that_cannot_be_read_is_no_reason_not_to_try(store, trained, spoil):
    fetch([DIVERGING], store)
    (key,) = store.failed()
    spoil(store.failure_path(key))
    fetch([DIVERGING], store)
    assert trained == [DIVERGING, DIVERGING]
    assert store.failure(key).kind == "non-finite loss"


@pytest.mark.parametrize("spoil", [damage, outdate])
def test_a_page_reads_only_the_failures_of_its_runs(store, trained, spoil):
    spoil(store.failure_path(stored.fail(store, tiny.experiment(width=4))))
    assert [record.experiment for record in fetch([A], store)] == [A]
    assert sweep.failed == {}


def test_a_page_reads_only_its_own_runs(store, trained):
    first, other = fetch([A, B], store)
    damage(other.folder / "record.json")
    assert [record.key for record in fetch([A], store)] == [first.key]
    with pytest.raises(InputError, match=f"{other.key}/record.json is not what was stored"):
        fetch([B], store)


def test_a_sweep_tries_failed_runs_again(store, trained):
    first = sweep.sweep([DIVERGING, A], store)
    again = sweep.sweep([DIVERGING, A], store)
    assert [failure.key for failure in first] == [failure.key for failure in again]
    assert trained == [DIVERGING, A, DIVERGING]


def test_a_sweep_removes_the_checkpoints_of_finished_runs_alone(store, trained):
    (finished,) = fetch([A], store)
    for key in (
        finished.key,
        "b" * 20,
    ):  # as a process leaves it that is killed once its run is saved; an unfinished one
        (store.checkpoints(key) / "00001").mkdir(parents=True)
    assert sweep.sweep([A], store) == []
    assert [path.name for path in (store.root / "checkpoints").iterdir()] == ["b" * 20]


def test_an_engine_is_closed_when_a_sweep_ends_early(store, monkeypatch):
    closed, kept = [], []

    def trains_for_ever() -> Endings:
        try:
            while True:
                yield None
        finally:
            closed.append(True)

    def engine(*_: Any) -> Endings:
        kept.append(trains_for_ever())  # held here too, so that nothing else ends it
        return kept[0]

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tqdm.tqdm.set_postfix_str", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sweep.sweep([A, B], store, engine)
    assert closed == [True]


def test_recordings_that_are_not_there_are_refused_before_anything_is_trained(store, trained):
    missing = A.model_copy(update={"data": DataConfig(name="esc10", root=str(store.root / "nowhere"))})
    with pytest.raises(InputError, match="nowhere"):
        fetch([A, missing], store)
    assert trained == [] and store.finished() == []


@pytest.fixture
def book(tmp_path, monkeypatch) -> Path:
    """A book whose edition, "quick" with its settings, is a base and a damped network for every seed."""
    root = tmp_path / "tiny"
    root.mkdir()
    (root / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    monkeypatch.chdir(root)

    def open_edition(name: str, root: Path, seeds: Sequence[int] = (0,), **recipe: Any) -> SimpleNamespace:
        runs = [
            tiny.experiment(2, damped, seed, **{"epochs": 2} | recipe) for seed in seeds for damped in (False, True)
        ]
        return SimpleNamespace(experiments=lambda: runs)

    import_module("repro.build.parameters")  # its own open_edition is the real one, also for later tests
    monkeypatch.setattr("repro.edition.open_edition", open_edition)
    return root


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def in_process(trained, monkeypatch) -> list[Experiment]:
    monkeypatch.setattr("repro.sweep.local.local_engine", lambda *_: sweep.local_engine())
    return trained


def test_the_command_trains_what_an_edition_lacks_and_says_so(book, store, in_process):
    assert invoke("sweep") == (0, "edition 'quick': 2 runs, 0 done before, 2 trained, 0 failed\n", "")
    assert invoke("sweep") == (0, "edition 'quick': 2 runs, 2 done before, 0 trained, 0 failed\n", "")
    code, told, _ = invoke("sweep", "-p", "seeds=[0,1]", "--json")
    assert (code, json.loads(told)) == (
        0,
        {"edition": "quick", "runs": 4, "done_before": 2, "trained": 2, "failed": []},
    )
    assert [run.model.damped for run in in_process] == [False, True] * 2


def test_the_command_ends_with_status_1_and_the_reason_where_a_run_failed(book, store, in_process):
    code, told, error = invoke("sweep", "-p", "max_lr=1e38", "-p", "epochs=3")
    assert code == 1
    first, *rest = told.splitlines()
    assert first == "edition 'quick': 2 runs, 0 done before, 0 trained, 2 failed"
    assert [line.split("  ", 1)[1].split(" is ")[0] for line in rest] == [
        "W=2 D=1 K=0, base, fold 0, seed 0: non-finite loss (the loss of epoch 0",
        "W=2 D=1 K=0, damped, fold 0, seed 0: non-finite loss (the loss of epoch 0",
    ]
    assert error == "repro: 2 of 2 runs are not trained: the same command tries them again\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--address", "auto"], "--address belongs to --engine ray"),
        (
            ["--engine", "ray", "--address", "auto", "--workers", "2"],
            "--workers is for a cluster that is started here: leave it out with --address",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(book, store, arguments, message):
    assert invoke("sweep", *arguments) == (2, "", f"repro: {message}\n")


@pytest.mark.parametrize(
    ("package", "arguments", "message"),
    [
        ("ray", ["--engine", "ray"], "--engine ray needs the package ray: pip install 'ray>=2.40', or take "),
        ("tensorboard", ["--tensorboard"], "event files need the package tensorboard: pip install 'tensorboard>=2.18'"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(book, store, monkeypatch, package, arguments, message):
    for module in ("repro.sweep.ray_cluster", "repro.sweep.tensorboard"):
        monkeypatch.setattr(f"{module}.find_spec", lambda name: None if name == package else object())
    code, told, error = invoke("sweep", *arguments)
    assert (code, told, error.count("\n")) == (2, "", 1)
    assert error.startswith(f"repro: {message}")


def test_one_network_is_trained_and_told_in_short(store, in_process, tmp_path):
    described = tmp_path / "experiment.json"
    described.write_text(json.dumps(A.model_dump(mode="json")))
    code, told, _ = invoke("train", "--json", str(described))
    key = store.finished()[0]
    assert (code, told.partition(":")[0]) == (0, key)
    assert told.endswith(f": {store.folder(key)}\n")
    assert in_process == [A]


def test_a_file_without_an_experiment_is_refused(store, tmp_path):
    described = tmp_path / "experiment.json"
    for content, message in (
        ("{", f"{described} is not JSON"),
        ("[]", f"{described} does not hold an Experiment"),
        ("{}", "Experiment.data: field required"),
    ):
        described.write_text(content)
        assert invoke("train", "--json", str(described)) == (2, "", f"repro: {message}\n")

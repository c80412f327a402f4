import json
from importlib import import_module
from pathlib import Path

import pytest
import stored
import tiny
from click.testing import CliRunner

from repro.cli import main
from repro.store.store import Store

module = import_module("repro.cli.runs")  # the package shows the command of this name

A, B, C = (tiny.experiment(seed=seed) for seed in range(3))
KEYS = {name: run.key(stored.FINGERPRINT) for name, run in (("a", A), ("b", B), ("c", C))}


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["runs", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return Store(tmp_path / "store")


@pytest.fixture
def editions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A book whose editions ask for the first run, and for the first two."""
    asked = {"quick": [A], "wide": [A, B]}
    monkeypatch.setattr("repro.build.book.find_root", lambda start: start)
    monkeypatch.setattr(module, "_editions", lambda only=None: {only: asked[only]} if only else asked)


def test_an_empty_store_has_nothing_to_list(store):
    assert invoke("ls") == (0, "", "")
    assert invoke("ls", "--json") == (0, "[]\n", "")
    assert invoke("verify") == (0, "0 runs, 0 failures, no fault\n", "")


def test_one_damaged_run_does_not_stop_the_list(store):
    for run in (A, B):
        stored.save(store, run)
    stored.fail(store, C)
    record = store.folder(KEYS["b"]) / "record.json"
    record.write_bytes(b"{")
    reason = f"{record} is not what was stored: delete {record.parent}, and it is made anew"
    lines = {
        KEYS["a"]: "base W=2 D=1 K=0                 true labels  seed 0  6 epochs  2 s  2021-07-18T12:00:00+00:00  "
        "by other code",
        KEYS["b"]: f"UNREADABLE: {reason}",
        KEYS["c"]: "FAILED: non-finite loss: the loss of epoch 1 is nan",
    }
    assert invoke("ls") == (0, "".join(f"{key}  {lines[key]}\n" for key in sorted(lines)), "")
    code, out, _ = invoke("ls", "--json")
    rows = {row["key"]: row for row in json.loads(out)}
    assert code == 0 and list(rows) == sorted(lines)
    assert [rows[KEYS[name]]["state"] for name in "abc"] == ["finished", "unreadable", "failed"]
    assert rows[KEYS["b"]]["reason"] == reason
    assert rows[KEYS["a"]]["experiment"] == A.canonical()
    assert rows[KEYS["a"]]["provenance"] == stored.PROVENANCE and not rows[KEYS["a"]]["made_by_this_code"]
    assert rows[KEYS["c"]]["kind"] == "non-finite loss"


def test_all_of_a_run_is_shown(store):
    key = stored.save(store, A)
    code, out, _ = invoke("show", key)
    assert code == 0
    assert out.startswith(f"key: {key}\nexperiment.data.name: synthetic\n")
    for line in (
        f"data_fingerprint: {stored.FINGERPRINT}",
        "experiment.recipe.epochs: 6",
        "state: finished",
        "provenance.peak_memory.process: 3000000",
        "provenance.code.dirty: False",
        "train_accuracy: 0.75",
        "scenes: ['noise', 'tone']",
        "weights_kept: True",
        "field_kept: False",
        f"folder: {store.folder(key)}",
    ):
        assert f"{line}\n" in out
    assert "\nepochs\n epoch  learning_rate  loss  seconds  seen unseen\n" in out
    content = json.loads(invoke("show", key, "--json")[1])
    assert content["epochs"][5] == {
        "epoch": 5, "learning_rate": 0.03, "loss": 0.5, "seconds": 0.1, "seen": 1.0, "unseen": None,
    }  # fmt: skip
    assert content["test_clips"][1]["epoch 5"] == "tone" and len(content["test_clips"]) == 8
    assert content["layer_sparsity"] == []


def test_a_failure_is_shown(store):
    key = stored.fail(store, A)
    code, out, _ = invoke("show", key)
    assert code == 0 and "\nkind: non-finite loss\nreason: the loss of epoch 1 is nan\n" in out
    assert json.loads(invoke("show", key, "--json")[1])["state"] == "failed"


@pytest.mark.parametrize("key", ["abc", "../runs", ""])
def test_a_run_that_is_not_there_is_bad_input(key, store):
    stored.save(store, A)
    assert invoke("show", key) == (
        2, "", f"repro: no run {key} in {store.root}: 'repro runs ls' lists those that exist\n",
    )  # fmt: skip


def test_verify_names_every_fault_and_ends_with_status_1(store):
    for run in (A, B):
        stored.save(store, run)
    stored.fail(store, C)
    assert invoke("verify") == (0, "2 runs, 1 failures, no fault\n", "")
    (store.root / "runs" / ".k.partial").mkdir()
    aside = "; 1 leftovers of killed or working processes, which are no results"
    assert invoke("verify") == (0, f"2 runs, 1 failures, no fault{aside}\n", "")
    paths = [store.folder(KEYS["a"]) / "weights.safetensors", store.failure_path(KEYS["c"])]
    for path in paths:
        path.write_bytes(b"x")
    places = (paths[0].parent, paths[1])
    said = "".join(
        f"{path} is not what was stored: delete {place}, and it is made anew\n"
        for path, place in zip(paths, places, strict=True)
    )
    assert invoke("verify") == (1, said, f"repro: 2 runs, 1 failures, 2 faults{aside}\n")


def test_gc_shows_first_and_removes_when_told(store, editions):
    for run in (A, B, C):
        stored.save(store, run)
    size = sum(path.stat().st_size for path in store.folder(KEYS["c"]).iterdir()) / 1e6
    line = f"{size:10.3f} MB  runs/{KEYS['c']}  no edition needs it\n"
    assert invoke("gc") == (0, f"{line}1 things, {size:.3f} MB, can go: repro runs gc --yes\n", "")
    assert len(store.finished()) == 3
    assert invoke("gc", "--yes") == (0, f"{line}1 things, {size:.3f} MB, removed\n", "")
    assert store.finished() == sorted([KEYS["a"], KEYS["b"]])
    assert invoke("gc", "--yes") == (0, "0 things, 0.000 MB, removed\n", "")


def test_gc_outside_of_a_book_removes_nothing(store):
    stored.save(store, A)
    code, _, error = invoke("gc", "--yes")
    assert code == 2 and error.startswith("repro: no book here: ")
    assert store.finished() == [KEYS["a"]]


def test_runs_travel(store, editions, tmp_path, monkeypatch):
    for run in (A, C):
        stored.save(store, run)
    code, out, _ = invoke("export", "all.zip", "--weights")
    size = (tmp_path / "all.zip").stat().st_size / 1e6
    assert (code, out) == (0, f"Exported: 2 runs to all.zip ({size:.3f} MB)\n")
    code, out, _ = invoke("export", "wide.zip", "--edition", "wide")
    assert code == 0 and out.startswith("Exported: 1 runs of the 2 that edition 'wide' asks for to wide.zip (")
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "laptop"))
    assert invoke("import", "wide.zip") == (
        0, "Imported: 1 runs; 0 were there already and stay as they are\n", "",
    )  # fmt: skip
    assert invoke("import", "all.zip") == (
        0, "Imported: 1 runs; 1 were there already and stay as they are\n", "",
    )  # fmt: skip
    laptop = Store(tmp_path / "laptop")
    assert [laptop.load(KEYS[name]).has_weights for name in "ac"] == [False, True]
    assert invoke("import", "no.zip") == (2, "", "repro: no.zip cannot be read (No such file or directory)\n")


def test_an_export_of_nothing_is_bad_input(store, editions):
    assert invoke("export", "x.zip") == (2, "", f"repro: {store.root} has no runs to export\n")


def test_the_editions_of_the_book_ask_for_their_runs(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    needed = module._editions()
    assert list(needed) == ["esc10", "quick", "tau2020"]
    assert len(needed["quick"]) == 52 and {run.data.name for run in needed["quick"]} == {"synthetic"}
    assert {run.data.name for run in needed["tau2020"]} == {"tau2020"}
    assert module._editions("quick") == {"quick": needed["quick"]}

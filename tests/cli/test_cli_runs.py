import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import stored
import tiny
from click.testing import CliRunner

import repro.build.book  # noqa: F401 - imported while `open_edition` is replaced, it would keep what replaces it
from repro.cli import main
from repro.edition import open_edition
from repro.experiment import DataConfig
from repro.store.ship import ship
from repro.store.store import Store
from repro.sweep.worker import keys_of, train_one
from repro.training import loop

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
def editions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A book whose editions ask for the first run, and for the first two."""
    asked = {"quick": [A], "wide": [A, B]}
    (tmp_path / "book" / "editions").mkdir(parents=True)
    (tmp_path / "_toc.yml").touch()
    for name in asked:
        (tmp_path / "book" / "editions" / f"{name}.yml").touch()

    def opened(name: str, root: Path | None = None, **changes: object) -> SimpleNamespace:
        runs = asked[name] if not changes else [C]
        return SimpleNamespace(experiments=lambda: runs, data=lambda: tiny.DATA)

    monkeypatch.setattr("repro.edition.open_edition", opened)
    # of a whole edition: see tests/figures/test_results_report.py
    monkeypatch.setattr("repro.figures.results_report.write_report", lambda evidence, folder: None)


def test_an_empty_store_has_nothing_to_list(store):
    assert invoke("ls") == (0, "", "")
    assert invoke("ls", "--json") == (0, "[]\n", "")
    assert invoke("verify") == (0, "0 runs, 0 shipped runs, 0 failures, no fault\n", "")


def test_one_damaged_run_does_not_stop_the_list(store):
    for run in (A, B):
        stored.save(store, run)
    stored.fail(store, C)
    record = store.folder(KEYS["b"]) / "record.json"
    record.write_bytes(b"{")
    reason = f"{record} is not what was stored: delete {record.parent}, and it is made again"
    lines = {
        KEYS["a"]: "W=2 D=1 K=0, base                 fold -  seed 0  6 epochs  1 s  2021-07-18T12:00:00+00:00",
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
    assert rows[KEYS["a"]]["provenance"] == stored.PROVENANCE and rows[KEYS["a"]]["other_recipe"] is False
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
        "commit: None",
        "machine: cpu: toy",
        "other_recipe: False",
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
    assert invoke("verify") == (0, "2 runs, 0 shipped runs, 1 failures, no fault\n", "")
    (store.root / "runs" / ".k.partial").mkdir()
    aside = "; 1 leftovers of killed or working processes, which do not count"
    assert invoke("verify") == (0, f"2 runs, 0 shipped runs, 1 failures, no fault{aside}\n", "")
    paths = [store.folder(KEYS["a"]) / "weights.safetensors", store.failure_path(KEYS["c"])]
    for path in paths:
        path.write_bytes(b"x")
    places = (paths[0].parent, paths[1])
    said = "".join(
        f"{path} is not what was stored: delete {place}, and it is made again\n"
        for path, place in zip(paths, places, strict=True)
    )
    assert invoke("verify") == (1, said, f"repro: 2 runs, 0 shipped runs, 1 failures, 2 faults{aside}\n")


def test_gc_shows_first_and_removes_when_told(store, editions):
    for run in (A, B, C):
        stored.save(store, run)
    size = sum(path.stat().st_size for path in store.folder(KEYS["c"]).iterdir()) / 1e6
    line = f"{size:10.3f} MB  runs/{KEYS['c']}  no edition needs it\n"
    assert invoke("gc") == (0, f"{line}1 things, {size:.3f} MB, can be removed: repro runs gc --yes\n", "")
    assert len(store.finished()) == 3
    assert invoke("gc", "--yes") == (0, f"{line}1 things, {size:.3f} MB, removed\n", "")
    assert store.finished() == sorted([KEYS["a"], KEYS["b"]])
    assert invoke("gc", "--yes") == (0, "0 things, 0.000 MB, removed\n", "")


def test_gc_outside_of_a_book_removes_nothing(store):
    stored.save(store, A)
    code, _, error = invoke("gc", "--yes")
    assert (code, error) == (
        2, f"repro: {Path.cwd()} is not in the book's folder: go to the folder that holds _toc.yml\n",
    )  # fmt: skip
    assert store.finished() == [KEYS["a"]]


def test_runs_of_another_recipe_are_told(store, tmp_path, monkeypatch):
    for module in ("experiment", "store.record_format"):
        monkeypatch.setattr(f"repro.{module}.RECIPE_VERSION", 3)
    key = stored.save(store, A)
    monkeypatch.undo()
    monkeypatch.setenv("REPRO_STORE", str(store.root))
    monkeypatch.chdir(tmp_path)
    assert invoke("ls")[1] == (
        f"{key}  W=2 D=1 K=0, base                 fold -  seed 0  6 epochs  1 s  2021-07-18T12:00:00+00:00  "
        "another recipe\n"
    )
    assert "\nother_recipe: True\n" in invoke("show", key)[1]


def test_runs_travel(store, editions, tmp_path, monkeypatch):
    for run in (A, C):
        stored.save(store, run)
    code, out, _ = invoke("export", "all.zip", "--weights")
    size = (tmp_path / "all.zip").stat().st_size / 1e6
    assert (code, out) == (0, f"Exported: 2 runs to all.zip ({size:.3f} MB)\n")
    code, out, _ = invoke("export", "wide.zip", "--edition", "wide")
    assert code == 0 and out.startswith("Exported: 1 runs of the 2 that edition 'wide' asks for to wide.zip (")
    code, out, _ = invoke("export", "c.zip", "--edition", "wide", "-p", "widths=[8]")
    assert code == 0 and out.startswith("Exported: 1 runs of the 1 that edition 'wide' asks for to c.zip (")
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "laptop"))
    assert invoke("import", "wide.zip") == (
        0, "Imported: 1 runs; 0 were there already and stay as they are\n", "",
    )  # fmt: skip
    assert invoke("import", "all.zip") == (
        0, "Imported: 1 runs; 1 were there already and stay as they are\n", "",
    )  # fmt: skip
    laptop = Store(tmp_path / "laptop")
    assert [laptop.load(KEYS[name]).has_weights for name in "ac"] == [False, True]
    assert invoke("import", "no.zip") == (
        2,
        "",
        "repro: no.zip cannot be read (No such file or directory): copy it again\n",
    )


def test_an_export_of_nothing_is_bad_input(store, editions):
    assert invoke("export", "x.zip") == (2, "", f"repro: {store.root} has no runs to export\n")


def test_runs_are_shipped_and_read_from_the_repository(store, editions, tmp_path, monkeypatch):
    stored.save(store, A)
    code, out, _ = invoke("ship", "--edition", "wide")
    files = [path for path in (tmp_path / "results" / "wide").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    assert (code, out) == (0, f"results/wide: 1 runs added, 1 of 2 there, {size:.3f} MB\n")
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "laptop"))
    for run in (B, C):
        stored.save(Store(tmp_path / "elsewhere"), run)
    code, out, _ = invoke("ship", "--edition", "wide", "--from", "elsewhere")
    assert code == 0 and out.startswith("results/wide: 1 runs added, 2 of 2 there, ")
    assert invoke("verify") == (0, "0 runs, 2 shipped runs, 0 failures, no fault\n", "")
    assert [line[:20] for line in invoke("ls")[1].splitlines()] == sorted([KEYS["a"], KEYS["b"]])
    assert all(line.endswith("  shipped") for line in invoke("ls")[1].splitlines())
    assert invoke("export", "x.zip", "-p", "epochs=3")[2] == "repro: -p changes an edition: name it with --edition\n"
    assert invoke("ship", "--edition", "wide", "--from", "nowhere")[0] == 2
    assert "\nweights_kept: False\n" in invoke("show", KEYS["a"])[1]
    assert invoke("export", "x.zip")[2] == f"repro: {tmp_path / 'laptop'} has no runs to export\n"
    path = tmp_path / "results" / "wide" / "runs" / f"{KEYS['b']}.zip"
    path.write_bytes(b"")
    reason = f"{path} is not what was stored: restore {path} from the repository"
    assert invoke("verify") == (1, f"{reason}\n", "repro: 0 runs, 2 shipped runs, 0 failures, 1 faults\n")
    assert f"{KEYS['b']}  UNREADABLE: {reason}\n" in invoke("ls")[1]
    path.with_name(f"{KEYS['a']}.zip").unlink()
    path.unlink()
    assert invoke("ship", "--edition", "wide", "--from", "elsewhere")[1].startswith(
        "results/wide: 1 runs added, 1 of 2"
    )


def test_the_editions_of_the_book_ask_for_their_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    quick = open_edition("quick").experiments()
    stored.save(Store(tmp_path), quick[0])
    monkeypatch.setenv("REPRO_STORE", str(tmp_path))
    out = invoke("export", str(tmp_path / "x.zip"), "--edition", "quick")[1]
    assert out.startswith(f"Exported: 1 runs of the {len(quick)} that edition 'quick' asks for to ")


@pytest.fixture
def trained(editions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Store, str]:
    """A run of the toy set that was trained and shipped, beside one of another seed; and its key."""
    store = tiny.store(tmp_path / "store")
    monkeypatch.setenv("REPRO_STORE", str(store.root))
    monkeypatch.chdir(tmp_path)
    runs = [tiny.experiment(epochs=2, seed=seed) for seed in (0, 1)]
    for run in runs:
        assert train_one(run, store) is None
    keys = keys_of(runs, store)
    ship(store, runs[:1], tmp_path / "results" / "quick")
    shutil.rmtree(store.folder(keys[0]))
    return store, keys[0]


def test_a_run_is_reproduced_bit_for_bit(trained):
    store, key = trained
    code, out, error = invoke("reproduce", key)
    device = store.load(store.own()[0]).provenance["device"]
    assert (code, out) == (0, f"{key}: the same, bit for bit; trained on {device}, again on {device}\n"), error
    assert len(store.own()) == 1  # the training is not kept
    assert sorted(path.name for path in store.root.iterdir()) == ["data", "locks", "runs"]


def test_a_run_that_comes_out_otherwise_is_told_in_points(trained, monkeypatch):
    store, key = trained
    real = loop.train

    def other(*arguments):
        outcome = real(*arguments)
        return replace(outcome, predictions=0 * outcome.predictions, train_accuracy=0.25)

    monkeypatch.setattr("repro.sweep.worker.train", other)
    monkeypatch.setattr(
        "repro.store.compare.spread_of_seeds",
        lambda runs: dict.fromkeys(("unseen devices", "seen device", "training labels"), 1.5 * len(list(runs))),
    )
    code, out, error = invoke("reproduce", key)
    stored_run = Store.default().load(key)
    lines = out.splitlines()
    assert code == 1 and len(lines) == 3
    percent = 100 * stored_run.train_accuracy
    assert lines[2] == (
        f"training labels: {percent:.2f} %, again 25.00 %: {25 - percent:+.2f} points; seeds differ by 3.00 points"
    )
    assert lines[0].startswith("unseen devices: ") and ", again 50.00 %: " in lines[0]
    assert f"repro: {key}: not the same bit for bit: " in error and "training accuracy; trained on " in error
    assert not store.failed()


def test_recordings_that_are_not_at_hand_are_named_with_what_fetches_them(store, editions, tmp_path, monkeypatch):
    data = DataConfig(name="esc10", root="data/esc10", impulse_responses="data/micirp", fold=2, clip_seconds=0.4)
    key = stored.save(store, A.model_copy(update={"data": data}))
    assert invoke("reproduce", key)[2] == (
        f"repro: no edition names the recordings of run {key}: add one that does to book/editions\n"
    )
    named = data.model_copy(update={"fold": 0})
    monkeypatch.setattr("repro.edition.open_edition", lambda name: SimpleNamespace(data=lambda: named))
    for folder, name in (("data/esc10", "esc10"), ("data/micirp", "micirp")):
        assert invoke("reproduce", key) == (
            2, "", f"repro: the recordings of run {key} are not in {folder}: "
            f"'repro data get {name} {folder}' fetches them\n",
        )  # fmt: skip
        (tmp_path / folder).mkdir(parents=True)


def test_a_run_on_other_recordings_cannot_be_reproduced(store, editions):
    tiny.store(store.root)
    key = stored.save(store, A)
    assert invoke("reproduce", key)[2] == (
        f"repro: run {key} is of another recipe, or was trained on other recordings than those here\n"
    )

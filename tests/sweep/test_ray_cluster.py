"""The engine on Ray. Run as a script it trains on a cluster of two workers of its own: see `_main`."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import stored
import tiny

from repro.errors import InputError
from repro.experiment import RECIPE_VERSION, Experiment
from repro.store.store import Store
from repro.sweep import ray_cluster as cluster
from repro.sweep import worker
from repro.sweep.ray_cluster import GPU_PARTS, gpu_share, measured_memory
from repro.training import checkpoint

A, B = tiny.experiment(epochs=5), tiny.experiment(damped=True, seed=1, epochs=3)
DIVERGING = tiny.experiment(seed=2, epochs=2, max_lr=1e38)
GIB = 2**30


def test_a_cluster_trains_the_same_bits_retries_a_killed_worker_and_trains_no_run_twice(tmp_path):
    """Two workers: A, whose worker is killed in its second epoch; B, which two tasks want; a run that diverges."""
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    alone = tiny.store(tmp_path / "alone")
    for run in (A, B):
        worker.train_one(run, alone)
    store = Store(tmp_path / "shared")
    shutil.copytree(alone.root / "data", store.root / "data")
    (store.root / "dies").touch()
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, __file__, str(store.root)], env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["failures"] == [[DIVERGING.seed, "non-finite loss"]]
    assert told["epochs"] == {str(A.seed): 5, str(B.seed): 3}
    assert {key: stored.bits(store, key) for key in store.finished()} == {
        key: stored.bits(alone, key) for key in alone.finished()
    }
    assert not (store.root / "dies").exists() and list((store.root / "locks").glob("cluster-*")) == []


class Dying:
    """Stands for the actor that is told of epochs: kills its worker, once, when the second one of a run is finished."""

    def __init__(self, epochs: Any, flag: Path, seed: int) -> None:
        self.tell, self.epochs, self.flag, self.seed = self, epochs, flag, seed

    def remote(self, number: int, epoch: int) -> None:
        if self.seed == 0 and epoch == 1 and self.flag.exists():
            self.flag.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        self.epochs.tell.remote(number, epoch)


def dies_once(experiment: Experiment, number: int, here: Any, epochs: Any, tensorboard: bool) -> Any:
    checkpoint.SECONDS = 0.0
    return cluster._train(experiment, number, here, Dying(epochs, here.store / "dies", experiment.seed), tensorboard)


@pytest.fixture
def here(tmp_path, monkeypatch) -> cluster._Here:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "marker").touch()
    return cluster._Here(tmp_path, tmp_path / "store", tmp_path / "marker", RECIPE_VERSION)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"marker": Path("/nowhere/marker")}, r"^machine \S+ does not see the run store .*/store: set REPRO_STORE to "),
        ({"recipe_version": 0}, r"^machine \S+ has another version of this package: install the same"),
        (
            {"folder": Path("/nowhere")},
            r"^machine \S+ has no folder /nowhere \(No such file or directory\): it must be",
        ),
    ],
)
def test_a_machine_that_does_not_share_what_it_has_to_is_named(here, change, message):
    error = cluster._train(A, 0, here._replace(**change), None, False)
    assert type(error) is InputError
    with pytest.raises(InputError, match=message):
        raise error


def test_epochs_that_a_retried_run_tells_again_are_reported_once():
    reported: list[Experiment] = []
    told: dict[int, int] = {}
    for finished in ({}, {0: 2}, {0: 2, 1: 1}, {0: 1, 1: 3}, {0: 4, 1: 3}):
        cluster._report_new(finished, told, [A, B], reported.append)
    assert (reported.count(A), reported.count(B)) == (4, 3)


@pytest.mark.parametrize(
    ("peak", "memory", "share"),
    [
        (0, 80 * GIB, 1.0),  # unknown
        (1 * GIB, 80 * GIB, 0.05),  # 2.3 GiB of 4 GiB parts
        (10 * GIB, 80 * GIB, 0.2),  # 14 GiB, in parts of 4 GiB
        (30 * GIB, 80 * GIB, 0.5),  # 40 GiB
        (31 * GIB, 80 * GIB, 1.0),
        (200 * GIB, 80 * GIB, 1.0),
    ],
)
def test_shares_of_a_gpu_have_room_for_what_was_measured(peak, memory, share):
    assert gpu_share(peak, memory) == share
    assert share * GPU_PARTS == round(share * GPU_PARTS)


def test_a_network_is_taken_to_need_what_one_of_its_width_and_no_less_depth_took(tmp_path):
    store = Store(tmp_path)

    def of(width: int, depth: int = 1, **recipe: Any) -> Experiment:
        run = tiny.experiment(width, **recipe)
        return run.model_copy(update={"model": run.model.model_copy(update={"depth": depth})})

    for run, peak in ((of(2), 100), (of(2, depth=2), 300), (of(2, max_lr=0.01), 200), (of(4), 0), (of(8), 500)):
        key = stored.save(store, run, peak_memory={"process": 1, "gpu": peak})
    (store.folder(key) / "record.json").write_text("damaged")
    wanted = [of(2), of(2, depth=2), of(2, depth=3), of(4), of(8), of(2, batch_size=2), of(2, precision="bf16")]
    assert measured_memory(wanted, store) == [300, 300, 0, 0, 0, 0, 0]


def _main(root: Path) -> None:
    cluster._train, kept = dies_once, cluster._train  # type: ignore[assignment]
    epochs: Counter[int] = Counter()
    engine = cluster.ray_engine(workers=2)
    ended = list(engine([A, B, B, DIVERGING], Store(root), lambda run: epochs.update([run.seed])))
    failures = [(failure.experiment.seed, failure.kind) for failure in ended if failure is not None]
    cluster._train = kept
    print(json.dumps({"failures": failures, "epochs": epochs}))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))


def test_a_missing_token_is_one_line(monkeypatch):
    ray = pytest.importorskip("ray")

    def refuse(**_: Any) -> None:
        raise ray.exceptions.RayError("no token\nand more")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(InputError, match=r"^no Ray cluster at 'here:1': no token \(one that asks .* home folder\)$"):
        cluster._connect("here:1", None)


def test_an_exception_in_a_worker_is_told_as_it_is(tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    from ray.exceptions import RayTaskError, WorkerCrashedError

    store = tiny.store(tmp_path)

    def failure(error: Exception) -> tuple[str, str]:
        def get(_: object) -> None:
            raise error

        monkeypatch.setattr(ray, "get", get)
        found = cluster._failure(None, A, store)
        assert found is not None
        return found.kind, found.reason

    raised = RayTaskError("train", "Traceback (most recent call last):\nValueError: boom", ValueError("boom"))
    assert failure(raised) == ("error", "ValueError: boom")
    kind, reason = failure(WorkerCrashedError())
    assert kind == "killed" and reason.startswith(f"its worker was lost {cluster.RETRIES + 1} times: ")

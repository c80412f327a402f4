"""Sweeps that are killed as a whole, again and again, and processes that want the same run.

A sweep starts its processes again each time: it is killed a sixth as often as `--kills` says. Run as a
script this file sweeps a store.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where this is run as a script

import stored
import tiny

from repro.experiment import Sparsity
from repro.store.store import Store
from repro.sweep.fetch import sweep
from repro.sweep.local import local_engine
from repro.sweep.worker import train_one
from repro.training import checkpoint

SPARSE = Sparsity(method="iterative", weights=200)
RUNS = [tiny.experiment(seed=seed, epochs=20) for seed in range(2)] + [
    tiny.experiment(damped=True, epochs=20, sparsity=SPARSE),
    tiny.experiment(8, epochs=10),
]
checkpoint.SECONDS = 0.0 if __name__ in ("__main__", "__mp_main__") else checkpoint.SECONDS  # in the script's workers


def content(store: Store) -> dict[str, Any]:
    """All bits of all runs but their provenance and their epochs' durations."""
    return {key: stored.bits(store, key) for key in store.finished()}


def begun(store: Store) -> list[str]:
    """The keys of all trainings that were begun, in order (see `counted`)."""
    path = store.root / "begun"
    return path.read_text().splitlines() if path.exists() else []


def start(store: Store, *runs: int) -> subprocess.Popen[str]:
    """A process that sweeps these of `RUNS`, or all."""
    return subprocess.Popen(
        [sys.executable, __file__, str(store.root), *map(str, runs)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, Any]:
    store = tiny.store(tmp_path_factory.mktemp("alone"))
    for run in RUNS:
        train_one(run, store)
    return content(store)


def test_sweeps_killed_at_random_moments_end_in_the_same_records(tmp_path, expected, capsys, pytestconfig):
    store, moments = tiny.store(tmp_path), random.Random(7)
    counts = {"kills": 0, "with runs finished": 0, "with runs continued": 0, "orphans": 0}
    wanted = pytestconfig.getoption("--kills") // 6
    while counts["kills"] < wanted:
        with start(store) as process:
            trainings = begun(store)
            while begun(store) == trainings and process.poll() is None:
                time.sleep(0.02)
            time.sleep(moments.uniform(0, 6))
            workers = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.kill()
        if process.returncode == 0:  # it had finished: another one from the beginning
            assert content(store) == expected
            (store.root / "runs").rename(store.root / f"before-{len(trainings)}")
            continue
        counts["kills"] += 1
        counts["orphans"] += len(psutil.wait_procs(workers, timeout=30)[1])
        counts["with runs finished"] += bool(store.finished())
        counts["with runs continued"] += any((store.root / "checkpoints").glob("*/[!.]*"))
    with start(store) as process:
        told, _ = process.communicate(timeout=300)
    with capsys.disabled():
        print(f"\nsweeps: {counts}")
    assert (process.returncode, told) == (0, "0 failed\n")
    assert content(store) == expected
    assert store.failed() == [] and counts["orphans"] == 0
    assert not any((store.root / "checkpoints").glob("[!.]*"))


def test_processes_that_want_one_run_train_it_once(tmp_path, expected, capsys):
    store = tiny.store(tmp_path)
    processes = [start(store, 0) for _ in range(2)]
    assert [process.communicate(timeout=300)[0] for process in processes] == ["0 failed\n"] * 2
    (key,) = store.finished()
    assert content(store)[key] == expected[key]
    with capsys.disabled():
        print(f"\ntwo processes on one run: trained {len(begun(store))} time")
    assert begun(store) == [key]


def _main(store: Store, runs: list[int]) -> None:
    failures = sweep([RUNS[run] for run in runs] or RUNS, store, local_engine(2))
    print(f"{len(failures)} failed")


if __name__ in ("__main__", "__mp_main__"):
    from repro.sweep import worker

    def counted(experiment: Any, inputs: Any, *rest: Any) -> Any:
        with (Path(sys.argv[1]) / "begun").open("a") as file:
            file.write(f"{experiment.key(inputs.clips.fingerprint)}\n")
        return train(experiment, inputs, *rest)

    train, worker.train = worker.train, counted
if __name__ == "__main__":
    _main(Store(Path(sys.argv[1])), [int(run) for run in sys.argv[2:]])

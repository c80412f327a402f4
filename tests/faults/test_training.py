"""Training while its process is killed, again and again, at random moments: to the same bits.

A process of its own (this file, run as a script) forks a child for each training, so that none has to import
anything. Every epoch is saved. `--kills` says how many kills there are; the default is a short form.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
import torch._dynamo  # noqa: F401  # what any optimiser imports when it is made

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where this is run as a script

import tiny

from repro.data.features import PerceptualMel
from repro.experiment import Experiment, Sparsity
from repro.store.store import Store
from repro.sweep import worker
from repro.training import checkpoint

EPOCHS = 12
FOLDERS = ("runs", "failures", "checkpoints")
"""What of a store a training writes to, besides its locks."""

EXPERIMENTS = {
    f"{name} {'damped' if damped else 'base'}": tiny.experiment(2, damped, sparsity=sparsity, epochs=EPOCHS)
    for name, sparsity in {
        "dense": None,
        "static": Sparsity(method="static", weights=200),
        "iterative": Sparsity(method="iterative", weights=200),
    }.items()
    for damped in (False, True)
}


def in_child(experiment: Experiment, store: Store, kill_after: float | None = None) -> int:
    """Train in a process of its own; its exit status, or minus the signal that ended it."""
    child = os.fork()
    if not child:
        status = 1
        try:
            status = 0 if worker.train_one(experiment, store) is None else 2
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def clear(store: Store) -> None:
    for name in FOLDERS:
        shutil.rmtree(store.root / name, ignore_errors=True)


def result(store: Store) -> dict[str, Any]:
    """All files of the one run in the store, which must be whole, less what tells when and how fast it was trained."""
    (key,) = store.finished()
    assert store.failed() == []
    assert not any((store.root / "checkpoints").iterdir()), "a finished run needs no checkpoint"
    store.load(key).network()  # reads and checks all files
    content: dict[str, Any] = {path.name: path.read_bytes() for path in store.folder(key).iterdir()}
    del content["manifest.json"]
    record = json.loads(content.pop("record.json"))
    del record["provenance"]
    assert len(record["epochs"]) == EPOCHS
    for epoch in record["epochs"]:
        del epoch["seconds"]
    return {"key": key, "record": record, **content}


def leftovers(store: Store) -> bool:
    """Whether a process was killed while it wrote or removed."""
    return any(path.name.startswith(".") for name in FOLDERS for path in (store.root / name).rglob("*"))


def scenario(folder: Path, kills: int, seed: int) -> dict[str, int]:
    """Kill the trainings of all configurations `kills` times together; count what happened."""
    checkpoint.SECONDS = 0.0
    os.fsync = lambda file: None  # a killed process is no power cut: what it wrote is there
    PerceptualMel()  # imports what librosa imports late
    store, moments = tiny.store(folder), random.Random(seed)
    counts = {"kills": 0, "before the first checkpoint": 0, "while writing": 0, "most of one training": 0, "runs": 0}
    for place, experiment in enumerate(EXPERIMENTS.values()):
        began = time.monotonic()
        assert in_child(experiment, store) == 0
        duration = time.monotonic() - began
        expected = result(store)
        clear(store)
        share, suffered = kills // len(EXPERIMENTS) + (place < kills % len(EXPERIMENTS)), 0
        while True:
            status = in_child(experiment, store, moments.uniform(0, duration) if share else None)
            if status == 0:  # it was faster: all that was killed before is whole now
                assert result(store) == expected
                counts["runs"] += 1
                clear(store)
                suffered = 0
                if not share:
                    break
                continue
            assert status == -signal.SIGKILL, status
            share, suffered = share - 1, suffered + 1
            counts["kills"] += 1
            counts["before the first checkpoint"] += not any((store.root / "checkpoints").glob("*/[!.]*"))
            counts["while writing"] += leftovers(store)
            counts["most of one training"] = max(suffered, counts["most of one training"])
    return counts


def test_killed_at_any_moment_it_ends_in_the_same_bits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config
) -> None:
    kills = pytestconfig.getoption("--kills")
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path / "store"), str(kills), "11"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    with capsys.disabled():
        print(f"\ntraining: {counts}")
    assert counts["kills"] == kills
    assert counts["before the first checkpoint"] < kills, "no training was continued"
    assert counts["runs"] >= len(EXPERIMENTS)


if __name__ == "__main__":
    print(json.dumps(scenario(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))

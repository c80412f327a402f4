"""A network of W = 1, D = 1, K = 0 on 0.4 s, by hand: 256 x 18 in; what follows is computed at these sizes.

5x5 on 127x8: 25; 3x3 and 1x1 there: 10; two 3x3 on 63x4: 18; four 3x3 on 31x2: 36; on 15x1 a 3x3 to two channels, a
3x3 on these, a 1x1 shortcut to them and a 1x1 classifier of ten scenes: 18 + 36 + 2 + 20.
"""

import dataclasses
import json
import math

import pytest
import stored
import tiny
import torch

from repro.data import load
from repro.experiment import DataConfig, Experiment, ModelConfig, Sparsity
from repro.store.store import Store
from repro.sweep import cost as costs
from repro.sweep.cost import cost

REAL_SECONDS = costs._seconds_per_clip
MACS = 25 * 127 * 8 + 10 * 127 * 8 + 18 * 63 * 4 + 36 * 31 * 2 + (18 + 36 + 2 + 20) * 15 * 1
WEIGHTS = 25 + 10 + 18 + 36 + 18 + 36 + 2 + 20


def of_width_1(seed: int = 0, sparsity: Sparsity | None = None, data: DataConfig = tiny.DATA) -> Experiment:
    run = tiny.experiment(1, seed=seed, sparsity=sparsity, epochs=6)
    return run.model_copy(update={"data": data})


@pytest.fixture(autouse=True)
def timed(monkeypatch) -> list[tuple[int, int, int, str]]:
    """What is timed: (W, batch size, frames, precision); a training clip takes two seconds."""
    asked = []

    def seconds(*timed):
        asked.append(timed[:-1])
        return 2.0

    monkeypatch.setattr(costs, "_seconds_per_clip", seconds)
    monkeypatch.setattr(costs, "training_device", lambda: torch.device("cpu"))
    return asked


def test_a_run_takes_its_epochs_its_evaluations_and_its_end(tmp_path, timed):
    # 12 clips to train with; of 270 to test on 240 are of unseen devices: the synthetic set's own split
    data = DataConfig(clip_seconds=0.4, clips=1)
    found = cost([of_width_1(data=data)], Store(tmp_path), workers=3)
    forwards = 6 * 70 * 3 + 1 * 270 + 70 + 2 * 240
    assert (found.runs, found.to_train, found.workers, found.device) == (1, 1, 3, "cpu")
    assert found.flops == 2 * MACS * forwards
    plain = costs.macs(of_width_1().model_copy(update={"model": ModelConfig(width=1)}))
    assert found.seconds == pytest.approx(2.0 * forwards / 3 * MACS / plain)
    assert timed == [(1, 4, 18, "fp32")]
    assert list(tmp_path.iterdir()) == []  # nothing is prepared


def test_networks_are_counted_with_their_weights_and_their_arithmetic(tmp_path):
    pruned = of_width_1(sparsity=Sparsity(method="static", weights=50))
    found = cost([of_width_1(), of_width_1(seed=1), of_width_1(), pruned], Store(tmp_path))
    assert found.runs == 3
    assert found.networks == {
        "W=1 D=1 K=0, base": {"runs": 2, "weights": WEIGHTS, "flops": 6 * MACS},
        "W=1 D=1 K=0, base, static to 50 weights": {"runs": 1, "weights": 50, "flops": 6 * MACS},
    }


def test_what_the_store_has_costs_nothing(tmp_path, timed):
    store = tiny.store(tmp_path)
    done, left = of_width_1(), of_width_1(seed=1)
    clips = load(tiny.DATA, store.root)
    store.save(done.key(clips.fingerprint), stored.files(done, clips.fingerprint))
    found = cost([done, left], store, workers=2)
    assert (found.runs, found.to_train) == (2, 1)
    assert str(found).startswith("2 runs, 1 of them to train\n")
    nothing = cost([done], store)
    assert (nothing.runs, nothing.to_train, nothing.flops, nothing.seconds) == (1, 0, 0.0, 0)
    assert len(timed) == 1


def test_runs_share_the_workers(tmp_path):
    runs = [of_width_1(seed) for seed in range(4)]
    alone, two, many = (cost(runs, Store(tmp_path), workers=workers).seconds for workers in (1, 2, 9))
    assert alone == pytest.approx(2 * two) == pytest.approx(4 * many)


def test_without_recordings_there_is_no_time_and_no_made_up_number(tmp_path, timed):
    data = DataConfig(name="esc10", root=str(tmp_path / "nowhere"), fold=2)
    store = Store(tmp_path / "store")
    runs = [of_width_1(seed, data=data) for seed in range(3)]
    stored.save(store, runs[0])
    found = cost(runs, store)
    assert (found.runs, found.to_train, found.flops, found.seconds, timed) == (3, 2, None, None, [])
    assert str(found).splitlines()[-1] == "time unknown: the recordings are not here"


def test_it_is_told_in_lines_and_as_json(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "_seconds_per_clip", lambda *_: 60.0)
    found = cost([of_width_1()], Store(tmp_path), workers=1)
    told = json.loads(json.dumps(dataclasses.asdict(found)))
    assert told == {
        "runs": 1,
        "to_train": 1,
        "networks": {"W=1 D=1 K=0, base": {"runs": 1, "weights": WEIGHTS, "flops": 6 * MACS}},
        "workers": 1,
        "device": "cpu",
        "flops": found.flops,
        "seconds": found.seconds,
    }
    assert str(found).splitlines() == [
        "1 runs, 1 of them to train",
        f"  W=1 D=1 K=0, base     1 runs          {WEIGHTS} weights       0.000 GFLOP a training clip",
        f"{found.flops:.3g} FLOP, about {found.seconds / 3600:.1f} h with 1 at once on cpu",
    ]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_real_steps_are_timed(precision):
    assert 0 < REAL_SECONDS(2, 4, 18, precision, torch.device("cpu")) < math.inf

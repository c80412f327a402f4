import json
import math

import pytest
import tiny
from repro.sweep.calibration import Rates, representative

from repro.editions import Experiments
from repro.experiment import DataConfig, Experiment, ModelConfig, Sparsity
from repro.store.store import Store
from repro.sweep import calibration
from repro.sweep import cost as estimate
from repro.sweep.cost import Recordings, flops, makespan, recordings, seconds_of
from repro.sweep.worker import train_one

A, B = tiny.experiment(epochs=6), tiny.experiment(epochs=6, seed=1)
CLIPS = Recordings(clips=32, train=12, test=8, unseen=4, prepared=True)


def rates(**changes: object) -> Rates:
    of = representative(A)
    values = {
        "start": 3.0,
        "features": 0.01,
        "kept_bytes": 1e9,
        "compilation": 0.0,
        "training": {of: 2.0},
        "evaluation": {of: 0.5},
        "field": {of: 1.5},
    }
    return Rates(**values | changes)  # type: ignore[arg-type]


def scale(run: Experiment) -> float:
    return calibration.macs_of(run) / calibration.macs_of(representative(run))


def test_a_multiply_accumulate_is_two_operations_and_training_takes_three_passes():
    # width 1, D = 1, K = 0, 18 frames: stem 5x5 on 127x8; 3x3 and 1x1; two 3x3 on 63x4; four 3x3 on 31x2;
    # 9 + 18... at 2 channels, shortcut and classifier on 15x1
    run = Experiment(data=tiny.DATA, model=ModelConfig(width=1, pointwise=0))
    macs = 25 * 127 * 8 + (9 + 1) * 127 * 8 + 18 * 63 * 4 + 36 * 31 * 2 + (18 + 36 + 2 + 20) * 15 * 1
    assert calibration.macs_of(run) == macs
    assert estimate.training_flops(run) == 6 * macs
    assert estimate.evaluation_flops(run) == 2 * macs
    sparse = run.model_copy(update={"sparsity": Sparsity(method="static", weights=50)})
    assert estimate.training_flops(sparse) == estimate.training_flops(run)
    assert flops(tiny.experiment(width=1, epochs=6), CLIPS) == macs * (6 * 12 * 6 + 2 * (1 * 8 + 12))


def test_a_run_takes_its_epochs_its_evaluations_and_its_end():
    expected = scale(A) * (6 * 12 * 2.0 + 1 * 8 * 0.5 + 12 * 0.5)
    assert seconds_of(A, CLIPS, rates()) == pytest.approx(expected)
    assert seconds_of(A, CLIPS, rates(compilation=20.0)) == pytest.approx(expected + 20)
    anew = (6 * 12 + 1 * 8 + 12) * 0.01  # no features are kept
    assert seconds_of(A, CLIPS, rates(kept_bytes=0)) == pytest.approx(expected + anew)
    rolled = tiny.experiment(epochs=6, roll="samples")
    assert seconds_of(rolled, CLIPS, rates()) == pytest.approx(expected + 6 * 12 * 0.01)


def test_a_network_that_was_not_measured_is_scaled_from_the_nearest():
    wide, narrow = (representative(tiny.experiment(width)) for width in (16, 2))
    measured = {wide: 8.0, narrow: 1.0}
    deep = tiny.experiment(16).model_copy(update={"model": ModelConfig(width=16, depth=3)})
    factor = calibration.macs_of(deep) / calibration.macs_of(wide)
    assert factor > 1
    assert rates().of(measured, deep) == pytest.approx(8 * factor)
    assert rates().of(measured, tiny.experiment(2)) == pytest.approx(scale(tiny.experiment(2)))


def test_workers_take_the_runs_in_order_each_as_soon_as_it_is_free():
    assert makespan([5, 4, 3, 3], workers=2, start=1) == 1 + 8
    assert makespan([5, 4, 3, 3], workers=9, start=1) == 1 + 5
    assert makespan([], workers=2, start=1) == 0


def test_every_worker_starts_and_loads_its_inputs_before_its_first_run(monkeypatch):
    monkeypatch.setattr(estimate, "seconds_of", lambda run, *_: 10.0)
    loading = (4 * 12 + 8) * 0.01
    assert estimate.training_seconds([A, B, A], {tiny.DATA: CLIPS}, rates(), 2) == pytest.approx(3 + loading + 20)
    assert estimate.field_seconds([A], {tiny.DATA: CLIPS}, rates()) == pytest.approx(20 * 0.01 + 4 * 1.5 * scale(A))


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (120, "2 min"), (36_000, "10.0 h")])
def test_durations(seconds, text):
    assert estimate._duration(seconds) == text


def test_clips_are_counted_and_not_prepared(tmp_path):
    store = Store(tmp_path)
    found = recordings(DataConfig(clip_seconds=0.4, clips=1), store)
    assert (found.train, found.test, found.unseen, found.prepared) == (70, 270, 240, False)
    assert list(tmp_path.iterdir()) == []
    assert recordings(tiny.DATA, tiny.store(tmp_path / "toy")).prepared


@pytest.fixture
def measured(monkeypatch) -> list[tuple[int, int, int]]:
    """What is measured: numbers of runs, fields and workers."""
    asked = []

    def calibrate(runs, fields, workers):
        asked.append((len(runs), len(fields), workers))
        return rates()

    monkeypatch.setattr(estimate, "calibrate", calibrate)
    return asked


def test_what_the_store_has_costs_nothing(tmp_path, measured, monkeypatch):
    store = tiny.store(tmp_path)
    monkeypatch.setattr(estimate, "recordings", lambda *_: CLIPS)
    train_one(A, store)
    found = estimate.estimate(Experiments([A, B], [A]), store, workers=2)
    assert (found.runs, found.to_train, found.fields, found.workers) == (2, 1, 1, 2)
    assert found.flops == flops(B, CLIPS)
    assert found.seconds is not None and found.seconds["preparation"] == 0
    assert measured == [(1, 1, 1)]
    assert "2 runs, 1 of them to train; 1 receptive fields to compute" in str(found)
    assert json.loads(json.dumps(found._asdict()))["networks"] == {
        "W=2 D=1 K=0, base": {
            "runs": 2,
            "weights": 50 + 40 + 3 * 72 + 72 + 144 + 8 + 40,
            "training_flops": estimate.training_flops(A),
            "evaluation_flops": estimate.evaluation_flops(A),
        }
    }
    train_one(B, store)
    done = estimate.estimate(Experiments([A, B], []), store, workers=2)
    assert (done.to_train, done.flops, sum((done.seconds or {"": 1.0}).values())) == (0, 0, 0)
    assert measured == [(1, 1, 1)]


def test_without_recordings_there_is_no_time_and_no_made_up_number(tmp_path, measured):
    data = DataConfig(name="tau2020", root=str(tmp_path / "nowhere"))
    absent = A.model_copy(update={"data": data})
    found = estimate.estimate(Experiments([absent], []), Store(tmp_path / "store"))
    assert (found.to_train, found.flops, found.seconds, measured) == (1, None, None, [])
    assert str(found).splitlines()[-1].startswith("time unknown: the recordings are not at hand (")
    assert "GFLOP a training clip" in str(found)


def test_real_steps_are_measured_in_as_many_processes_as_will_train(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    wide = tiny.experiment(8)
    found = calibration.calibrate([A, B, wide], [A], 2)
    assert list(found.training) == list(found.evaluation) == [representative(A), representative(wide)]
    assert list(found.field) == [representative(A)]
    values = [found.start, found.features, *found.training.values(), *found.evaluation.values(), *found.field.values()]
    assert all(0 < value < math.inf for value in values)
    assert all(found.training[run] > found.evaluation[run] for run in found.training)
    assert found.compilation == 0

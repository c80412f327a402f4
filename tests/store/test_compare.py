from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tiny

from repro.experiment import ModelConfig
from repro.store.compare import accuracies, differences, spread_of_seeds


def run(wrong: int = 0, seed: int = 0, **model):
    record = tiny.record(ModelConfig(width=2, pointwise=0, **model), seed=seed, wrong=wrong)
    return replace(record, epochs=record.epochs.assign(loss=0.5))


def test_the_same_run_has_no_differences():
    assert differences(run(), run()) == []


@pytest.mark.parametrize(
    ("again", "named"),
    [
        (run(wrong=1), ["predictions"]),
        (replace(run(), epochs=run().epochs.assign(loss=np.nextafter(0.5, 1))), ["losses"]),
        (replace(run(), train_accuracy=np.nextafter(1.0, 0)), ["training accuracy"]),
        (replace(run(), erf=-run().erf), ["receptive field"]),  # -0.0 == 0.0, but in other bits
        (replace(run(wrong=1), train_accuracy=0.5), ["predictions", "training accuracy"]),
        (replace(run(), epochs=run().epochs.assign(unseen=0.123)), ["measured accuracies"]),
        (replace(run(), layer_weights={"classifier.0": 1}), ["weights by layer"]),
        (replace(run(), layer_sparsity=pd.DataFrame({"classifier.0": [0.5]})), ["sparsity by layer"]),
    ],
)
def test_one_bit_is_a_difference(again, named):
    assert differences(run(), again) == named


def test_accuracies_are_those_of_the_reported_epochs():
    # 8 clips by two reported epochs; the first two clips are of device a and wrong once
    assert run(wrong=2).test_clips["device"].tolist() == ["a", "a", "b", "c"] * 2
    assert accuracies(run(wrong=2)) == {"unseen devices": 100.0, "seen device": 75.0, "training labels": 100.0}
    assert accuracies(run(wrong=4)) == {"unseen devices": 75.0, "seen device": 75.0, "training labels": 100.0}


def test_the_spread_of_seeds_is_pooled_over_networks():
    base = [run(wrong, seed) for seed, wrong in enumerate((0, 4))]  # unseen: 100 and 75 %
    assert spread_of_seeds(base) == pytest.approx(
        {"unseen devices": 12.5 * 2**0.5, "seen device": 12.5 * 2**0.5, "training labels": 0.0}
    )
    damped = [run(0, seed, damped=True) for seed in (0, 1)]
    assert spread_of_seeds(base + damped)["unseen devices"] == pytest.approx(12.5)
    single = run(4, 0, depth=2)
    assert spread_of_seeds([*base, single])["unseen devices"] == pytest.approx(12.5 * 2**0.5)


def test_without_several_seeds_there_is_no_spread():
    assert spread_of_seeds([run(), run(depth=2)]) == {}

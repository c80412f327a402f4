from dataclasses import replace

import pandas as pd
import tiny

from repro.analysis import breakdown
from repro.edition import both
from repro.experiment import ModelConfig
from repro.store.record import Record

NARROW, WIDE, DAMPED = ModelConfig(width=4), ModelConfig(width=8), ModelConfig(width=4, damped=True)


def test_by_device_by_class_and_confusion():
    runs = [tiny.record(NARROW, wrong=3)]  # device a's two clips of "noise" and b's one, in the second of two epochs
    by_device = breakdown.shares(runs, "device").loc["base W=4"]
    assert by_device.to_dict() == {"b": 0.75, "c": 1.0}
    assert breakdown.shares(runs, "device", seen=True).loc["base W=4"].to_dict() == {"a": 0.75}
    by_class = breakdown.by_class([*runs, tiny.record(NARROW, seed=1), tiny.record(DAMPED)])
    assert by_class.loc["base W=4"].to_dict() == {"noise": "75→88", "tone": "100→100"}
    assert by_class.loc["damped W=4"].to_dict() == {"noise": "100→100", "tone": "100→100"}
    assert list(by_class) == ["tone", "noise"]  # of "noise" more is wrong on device a than on the others
    assert list(breakdown.by_class([wrong_at(NARROW, 2)])) == ["noise", "tone"]
    confusion = breakdown.confusion(runs)
    assert list(confusion.index) == list(confusion.columns) == ["noise", "tone"]
    assert confusion.to_numpy().tolist() == [[0.75, 0.25], [0, 1]]


def wrong_at(model: ModelConfig, *clips: int, epochs: int = 2, seed: int = 0) -> Record:
    """A run that classifies these clips wrongly in the first `epochs` of two epochs: 0, 1, 4 and 5 are device a's."""
    run = tiny.record(model, seed)
    predictions = run.predictions.copy()
    predictions[:epochs, clips] = 1 - predictions[:epochs, clips]
    return replace(run, predictions=predictions)


def test_the_parts_of_a_loss_by_class_add_up_to_it():
    # unseen are 2 clips of "noise" (2, 3) and 2 of "tone" (6, 7): a quarter of their accuracy is one clip
    run = wrong_at(NARROW, 2)
    assert breakdown.lost_by_class([run]).to_dict() == {"noise": 25, "tone": 0}
    assert breakdown.lost_by_class([wrong_at(NARROW, 2, 6, 7)]).to_dict() == {"tone": 50, "noise": 25}
    assert breakdown.lost_by_class([wrong_at(NARROW, 4, epochs=1), run]).to_dict() == {"noise": 12.5, "tone": -6.25}
    # a network counts once, however many runs it has
    runs = [run, wrong_at(NARROW, 2, seed=1), wrong_at(WIDE)]
    assert breakdown.lost_by_class(runs).to_dict() == {"noise": 12.5, "tone": 0}
    assert breakdown.lost_by_class([]).empty


def test_the_classes_that_make_up_a_loss_are_named():
    told = "From the seen device to the unseen ones these networks lose "
    assert breakdown.most_lost([wrong_at(NARROW, 2, 3, 4)]) == (
        f"{told}25.0 points on the mean: 50.0 in noise and −25.0 in all other classes."
    )
    assert breakdown.most_lost([wrong_at(NARROW, 2, 3, 6)]) == (
        f"{told}75.0 points on the mean: 50.0 in noise and 25.0 in all other classes."
    )
    assert breakdown.most_lost([wrong_at(NARROW, 2, 6)]) == (
        f"{told}50.0 points on the mean: 25.0 in noise and 25.0 in tone."
    )
    assert breakdown.most_lost([wrong_at(NARROW, 0, 1)]) == breakdown.most_lost([]) == ""


def test_what_is_lost_through_devices_that_compress():
    runs = [tiny.record(NARROW, wrong=1), tiny.record(NARROW, wrong=3, seed=1), tiny.record(DAMPED, wrong=3)]
    lost = breakdown.lost_by_compression(runs, ["c"])
    # right in one of two epochs: of a's 4 clips 1 and 2 are not, of b's 2 clips none and 1, of c's none
    assert lost.to_dict("index") == {
        4: {
            ("compress", "base"): -18.75,  # of 12.5 and 25
            ("compress", "damped"): -25.0,
            ("do not compress", "base"): -6.25,  # of 12.5 and 0
            ("do not compress", "damped"): 0.0,
        }
    }
    wider = breakdown.lost_by_compression([*runs, tiny.record(ModelConfig(width=8))], ["c"])
    assert pd.isna(wider.loc[8, ("compress", "damped")])
    assert breakdown.less_lost(wider, 4, 8) == breakdown.less_lost(wider, 4, 16) == ""
    every = breakdown.lost_by_compression([*runs, *map(tiny.record, both(8))], ["c"])
    assert breakdown.less_lost(every, 4, 8) == (
        "From W = 4 to 8 the loss falls through those that compress by −18.8 points (base) and −25.0 points (damped), "
        "through those that do not compress by −6.2 points (base) and 0.0 points (damped)."
    )
    assert breakdown.lost_by_compression(runs, []).empty
    assert breakdown.lost_by_compression(runs, ["b", "c"]).empty
    assert breakdown.lost_by_compression([], ["c"]).empty


def test_the_most_frequent_confusions_stand_first():
    table = breakdown.most_confused([tiny.record(wrong=3), tiny.record(seed=1, wrong=8)])
    # seed 0: noise 1 of 4, seed 1: noise 2 of 4 and tone 2 of 4
    assert table["base"].to_dict() == {("noise", "tone"): 37.5, ("tone", "noise"): 25}
    # of another network, a single run: noise 0 of 4, which counts as much as the two
    table = breakdown.most_confused(
        [*(tiny.record(seed=seed, wrong=3) for seed in (0, 1)), tiny.record(ModelConfig(width=4))]
    )
    assert table["base"].to_dict() == {("noise", "tone"): 12.5}
    assert breakdown.most_confused([tiny.record(wrong=8)], least=0.6).empty
    assert len(breakdown.most_confused([tiny.record(wrong=8)], most=1)) == 1
    assert breakdown.most_confused([]).empty

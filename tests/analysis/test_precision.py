import math

import pytest
import tiny

from repro.analysis import accuracy
from repro.figures import charts

pytestmark = pytest.mark.usefixtures("drawn")


def test_two_precisions_are_compared_seed_by_seed():
    runs = [tiny.record(seed=seed, wrong=wrong) for seed, wrong in ((0, 0), (1, 3))]
    runs += [tiny.record(seed=seed, wrong=4, precision="bf16") for seed in (0, 1)]
    table = accuracy.by_precision(runs)
    # of 2 seen and 2 unseen clips of either class, the first 3 or 4 (all of one class) are wrong in one of two epochs
    assert table.loc[("unseen", 2, 0, 0)].to_dict() == {"fp32": 100, "bf16": 75, "bf16 − fp32": -25}
    effect = accuracy.precision_effect(table)
    assert effect.loc["unseen", "bf16 − fp32"] == pytest.approx(table.loc["unseen", "bf16 − fp32"].mean())
    low, high = effect.loc["unseen", ["95 %, from", "to"]]
    differences = table.loc["unseen", "bf16 − fp32"]
    assert (high - low) / 2 == pytest.approx(12.706 * differences.std() / math.sqrt(2), rel=1e-4)
    figure = charts.precisions(table)
    assert [len(ax.lines) for ax in figure.axes] == [2, 2]


def test_one_seed_has_no_interval_and_no_runs_give_an_empty_table():
    one = accuracy.precision_effect(accuracy.by_precision([tiny.record(), tiny.record(precision="bf16")]))
    assert one.loc["seen", "replicates"] == 1 and math.isnan(one.loc["seen", "to"])
    none = accuracy.by_precision([])
    assert none.empty and accuracy.precision_effect(none).empty
    assert [ax.texts[0].get_text() for ax in charts.precisions(none).axes] == ["not trained"] * 2

import math
from dataclasses import replace

import pytest
import tiny

from repro.analysis import pairs
from repro.experiment import ModelConfig
from repro.figures import charts

pytestmark = pytest.mark.usefixtures("drawn")


def test_two_precisions_are_compared_seed_by_seed():
    runs = [tiny.record(seed=seed, wrong=wrong) for seed, wrong in ((0, 0), (1, 3))]
    runs += [tiny.record(seed=seed, wrong=4, precision="bf16") for seed in (0, 1)]
    table = pairs.by_precision(runs)
    # of 2 seen and 2 unseen clips of either class, the first 3 or 4 (all of one class) are wrong in one of two epochs
    assert table.loc[("unseen", 2, 0, 0)].to_dict() == {"fp32": 100, "bf16": 75, "bf16 − fp32": -25}
    effect = pairs.mean_difference(table, "bf16 − fp32", ["group"])
    assert effect.loc["unseen", "bf16 − fp32"] == pytest.approx(table.loc["unseen", "bf16 − fp32"].mean())
    low, high = effect.loc["unseen", ["95 %, from", "to"]]
    differences = table.loc["unseen", "bf16 − fp32"]
    assert (high - low) / 2 == pytest.approx(12.706 * differences.std() / math.sqrt(2), rel=1e-4)
    figure = charts.precisions(table)
    assert [len(ax.lines) for ax in figure.axes] == [2, 2]


def test_the_second_seed_of_a_network_is_compared_with_the_first_by_machine():
    trained_on = {name: {"provenance": {"device": name}} for name in ("cpu: <toy>", "cuda: <toy>")}
    gpu, cpu = trained_on["cuda: <toy>"], trained_on["cpu: <toy>"]
    damped = ModelConfig(width=2, pointwise=0, damped=True)
    runs = [
        replace(tiny.record(seed=1, wrong=4), **cpu),  # one class of two is wrong, in one of two epochs
        replace(tiny.record(seed=0), **gpu),
        replace(tiny.record(damped, seed=0, wrong=4), **gpu),
        replace(tiny.record(damped, seed=1), **cpu),
        replace(tiny.record(ModelConfig(width=4), seed=0), **cpu),
        replace(tiny.record(ModelConfig(width=4), seed=1), **cpu),
        replace(tiny.record(ModelConfig(width=8), seed=0), **gpu),  # alone
    ]
    table = pairs.by_seed(runs)
    assert table.query("group == 'unseen'")[["machines", "variant", "width", "second − first"]].to_numpy().tolist() == [
        ["GPU → CPU", "base", 2, -25],
        ["GPU → CPU", "damped", 2, 25],
        ["CPU → CPU", "base", 4, 0],
    ]
    effect = pairs.mean_difference(table, "second − first", ["machines", "group"])
    assert effect.loc[("GPU → CPU", "unseen"), ["second − first", "pairs"]].tolist() == [0, 2]
    # the two differences deviate by 25 √2 from their mean, and so by 25 as a standard error
    assert effect.loc[("GPU → CPU", "unseen"), "to"] == pytest.approx(12.706 * 25, rel=1e-4)
    assert pairs.by_seed([]).empty


def test_where_networks_were_trained_is_told_where_machines_differ():
    on = {kind: {"provenance": {"device": f"{kind}: <toy>"}} for kind in ("cpu", "cuda")}
    narrow, wide, both = (ModelConfig(width=width) for width in (2, 4, 8))
    runs = [
        replace(tiny.record(narrow), **on["cpu"]),
        replace(tiny.record(wide), **on["cuda"]),
        replace(tiny.record(both), **on["cuda"]),
        replace(tiny.record(both.model_copy(update={"damped": True})), **on["cpu"]),
    ]
    assert pairs.by_machine(runs) == "Trained on a GPU: W=4; on CPUs: W=2; on both: W=8."
    assert pairs.by_machine(runs[:1]) == pairs.by_machine([]) == ""


def test_one_seed_has_no_interval_and_no_runs_give_an_empty_table():
    table = pairs.by_precision([tiny.record(), tiny.record(precision="bf16")])
    one = pairs.mean_difference(table, "bf16 − fp32", ["group"])
    assert one.loc["seen", "pairs"] == 1 and math.isnan(one.loc["seen", "to"])
    none = pairs.by_precision([])
    assert none.empty and pairs.mean_difference(none, "bf16 − fp32", ["group"]).empty
    assert [ax.texts[0].get_text() for ax in charts.precisions(none).axes] == ["not trained"] * 2

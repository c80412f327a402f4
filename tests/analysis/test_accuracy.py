from dataclasses import replace

import made_runs as made
import numpy as np
import tiny

from repro.analysis import accuracy
from repro.analysis.evidence import Evidence
from repro.experiment import DataConfig, ModelConfig

NARROW, WIDE = ModelConfig(width=4), ModelConfig(width=8)
DAMPED = ModelConfig(width=4, damped=True)


def test_accuracies_and_the_papers_rule():
    # of noise on devices a, a, b and c and of tone on the same, the first 3 are wrong in the second of two epochs
    table = accuracy.accuracies([tiny.record(NARROW, seed=0, wrong=3), tiny.record(NARROW, seed=1)])
    found = table.set_index(["seed", "epoch", "group"])["accuracy"].to_dict()
    assert found == {
        (0, 10, "seen"): 1,
        (0, 11, "seen"): 0.5,
        (0, 10, "unseen"): 1,
        (0, 11, "unseen"): 0.75,
        **{(1, epoch, group): 1 for epoch in (10, 11) for group in ("seen", "unseen")},
    }
    report = accuracy.report(table, runs=1).set_index("group")
    assert report["mean"].to_dict() == {"seen": 0.875, "unseen": 0.9375}
    assert report["std"].to_dict() == {"seen": 0.25, "unseen": 0.125}  # of a sample of four
    assert report["n"].to_dict() == {"seen": 4, "unseen": 4}
    by_run = accuracy.by_run(table).set_index(["group", "seed"])["accuracy"]
    assert by_run.to_dict() == {("seen", 0): 0.75, ("seen", 1): 1, ("unseen", 0): 0.875, ("unseen", 1): 1}


def test_percentages_say_what_was_not_trained():
    runs = [tiny.record(NARROW, wrong=3), tiny.record(DAMPED), tiny.record(WIDE)]
    table = accuracy.percentages(accuracy.report(accuracy.accuracies(runs), runs=1), "width")
    assert list(table.columns) == [("unseen", "base"), ("unseen", "damped"), ("seen", "base"), ("seen", "damped")]
    assert table.loc[4].tolist() == ["87.5 ± 17.7", "100.0 ± 0.0", "75.0 ± 35.4", "100.0 ± 0.0"]
    assert table.loc[8].tolist() == ["100.0 ± 0.0", "not trained", "100.0 ± 0.0", "not trained"]


def test_a_table_says_which_network_lacks_runs_that_another_has():
    first, second = (DataConfig(name="esc10", root="data", impulse_responses="irs", fold=fold) for fold in (1, 2))
    narrow = [tiny.record(NARROW, data=first), tiny.record(NARROW, data=second, seed=1)]
    runs = [*narrow, tiny.record(NARROW, data=second), tiny.record(WIDE, data=first), tiny.record(WIDE, data=second)]
    measured = accuracy.accuracies(runs)
    table = accuracy.percentages(accuracy.report(measured, runs=3), "width")
    assert table[("unseen", "base")].to_dict() == {4: "100.0 ± 0.0", 8: "100.0 ± 0.0"}
    assert table[("runs", "base")].to_dict() == {4: "3 of 3", 8: "2 of 3"}
    table = accuracy.percentages(accuracy.report(measured, runs=5), "width")
    assert table[("runs", "base")].to_dict() == {4: "3 of 5", 8: "2 of 5"}
    assert list(accuracy.percentages(accuracy.report(measured[:4], runs=1), "width")) == [
        ("unseen", "base"), ("unseen", "damped"), ("seen", "base"), ("seen", "damped"),
    ]  # fmt: skip


def test_the_lowest_training_accuracy_of_any_run():
    runs = [tiny.record(NARROW), replace(tiny.record(NARROW, seed=1), train_accuracy=0.96), tiny.record(DAMPED)]
    assert accuracy.training_fit(runs, "width").to_dict() == {"base": {4: "96.0"}, "damped": {4: "100.0"}}
    assert accuracy.training_fit([], "width").empty


def test_the_worst_fit_of_any_run_and_the_classes_that_it_never_gives():
    run = tiny.record(NARROW)  # two classes in turn
    lost = replace(run, train_accuracy=0.5, predictions=np.ones_like(run.predictions))
    once = run.predictions.copy()
    once[-1] = 1  # both classes in the first of its epochs alone
    fits = accuracy.worst_fit([run, lost, replace(tiny.record(DAMPED), predictions=once)])
    assert fits.to_dict("index") == {
        ("dense", 4, "base"): {
            "training accuracy / %": 50.0,
            "weights in the classifier": 32,  # 4W channels, 2 classes
            "classes never given": 1,
        },
        ("dense", 4, "damped"): {
            "training accuracy / %": 100.0,
            "weights in the classifier": 32,
            "classes never given": 0,
        },
    }
    fewer = replace(run, layer_weights={**run.layer_weights, "classifier.0": 7})
    assert accuracy.worst_fit([run, fewer])["weights in the classifier"].tolist() == [7]
    assert accuracy.worst_fit([]).empty


def test_a_study_all_of_whose_runs_failed_gives_empty_tables():
    table = accuracy.accuracies([])
    assert accuracy.percentages(accuracy.report(table, runs=1), "width").shape == (0, 4)
    assert accuracy.by_run(table).empty


def test_every_way_of_scaling_has_the_networks_of_its_study():
    edition = made.edition()
    runs = made.records(edition, {8: 0.5, 16: 0.6, 32: 0.7})
    report = accuracy.scaling_report(Evidence(edition, runs))
    found = report[(report["group"] == "unseen") & (report["variant"] == "base")]
    by_width = found[found["scaling"] == "width"].set_index("width")["mean"]
    assert by_width.round(3).to_dict() == {8: 0.525, 16: 0.625, 32: 0.725}  # and 1 to 3 of 80 clips by fold
    assert set(found["scaling"]) == {"width", "depth D", "depth K"}  # W = 16 at D = 1, K = 1 is one of each
    base = report[report["variant"] == "base"]
    assert list(accuracy.scaling_table(base)) == ["unseen", "seen"]
    assert set(accuracy.scaling_table(base.assign(of=9))["runs"]) == {"3 of 9"}
    assert accuracy.scaling_report(Evidence(edition, ())).empty

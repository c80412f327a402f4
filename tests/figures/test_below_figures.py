"""What stands below the figures of several pages: devices and classes, radii, and the panels of sparse networks."""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import tiny
from figure_names import labels, legend, ticks

from repro.analysis import accuracy
from repro.analysis.evidence import Evidence, Network
from repro.edition import both, open_edition
from repro.experiment import ModelConfig, Sparsity
from repro.figures import charts, page

ROOT = Path(__file__).parents[2]
PROVENANCE = {"seconds": 2.0, "device": "cpu: toy", "finished": "2026-11-25", "code": {"commit": "c" * 40}}

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.fixture
def shown(monkeypatch) -> list[object]:
    outputs: list[object] = []
    monkeypatch.setattr(page, "display", outputs.append)
    return outputs


def test_a_breakdown_shows_devices_then_classes_then_confused_pairs(shown):
    # unseen devices b and c: of "noise" one of 2 clips is wrong in one of two epochs, device b's
    page.breakdown(iter([tiny.record(wrong=3), tiny.record(ModelConfig(width=4, damped=True))]))
    (ax,) = plt.gcf().axes
    assert ax.get_xlabel() == "accuracy on one unseen device / %"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["base W=2 K=0", "damped W=4"]
    classes, said, confused = shown
    assert said.data.startswith("The most frequent confusions, in % of the clips of the true class")
    assert classes.loc["base W=2 K=0"].to_dict() == {"noise": "50→75", "tone": "100→100"}
    assert confused.to_dict() == {"base": {("noise", "tone"): 25}, "damped": {("noise", "tone"): 0}}


def test_a_breakdown_says_in_which_classes_accuracy_is_lost(shown):
    run = tiny.record()
    predictions = run.predictions.copy()
    predictions[:, 2] = 1 - predictions[:, 2]  # device b's clip of "noise"
    page.breakdown([replace(run, predictions=predictions)])
    assert shown[1].data.startswith("From the seen device to the unseen ones these networks lose 25.0 points")


def test_without_confusions_there_is_no_table_of_them_and_without_runs_none_at_all(shown):
    page.breakdown([tiny.record()])
    assert len(shown) == 1
    page.breakdown([])
    assert len(shown) == 1
    assert [text.get_text() for text in plt.gcf().axes[0].texts] == ["not trained"]


def test_a_table_by_size_tells_networks_of_one_width_apart():
    sizes = [(8, 1, 1), (4, 1, 1), (4, 3, 1), (4, 1, 4)]
    models = [model for width, depth, k in sizes for model in both(width, depth, k)]
    table = accuracy.size_table(accuracy.report(accuracy.accuracies(map(tiny.record, models[:-1])), 1))
    assert table.index.names == ["W", "D", "K", "weights"]
    weights = table.index.get_level_values("weights").tolist()
    assert weights == sorted(weights)
    assert [place[:3] for place in table.index] == [(4, 1, 1), (4, 1, 4), (4, 3, 1), (8, 1, 1)]
    assert table.loc[(4, 1, 4), ("unseen", "damped")].tolist() == ["not trained"]
    assert accuracy.size_table(accuracy.report(accuracy.accuracies([]), 1)).empty


def test_the_note_of_maps_has_all_runs_of_their_networks(shown):
    edition = open_edition("quick", ROOT, seeds=[0, 1])
    records = [
        replace(tiny.record(ModelConfig(width=width), seed, epochs=edition.epochs), provenance=PROVENANCE)
        for width in (4, 16)
        for seed in (0, 1)
    ]
    evidence = Evidence(edition, tuple(records))
    page.radii_note(evidence, [Network("base", 4), Network("damped", 4)], "fig-9")
    note, table = shown
    assert "2 runs" in note._repr_mimebundle_()["text/html"]
    assert 'download="fig-9.csv"' in note._repr_mimebundle_()["text/html"]
    assert table.index.tolist() == ["base W=4"]


def test_reach_panel():
    table = pd.DataFrame(
        {
            "variant": ["base", "base", "damped"],
            "fits": [True, False, True],
            "radius": [10.0, 20.0, 30.0],
            "accuracy": [0.5, 0.25, 0.75],
        }
    )
    (ax,) = charts.reach_panel(table).axes
    assert labels(ax) == ("", "90 % radius along frequency / mel bands", "accuracy on unseen devices / %")
    assert legend(ax) == ["base, does not fit its training data", "base", "damped"]
    assert [points.get_offsets().tolist() for points in ax.collections] == [[[20, 25]], [[10, 50]], [[30, 75]]]
    assert [len(points.get_facecolors()) for points in ax.collections] == [0, 1, 1]
    (empty,) = charts.reach_panel(table[:0]).axes
    assert not empty.collections


def test_dense_networks_of_other_runs_lie_behind_the_sparse_ones():
    def report(models, wrong, **options):
        runs = [tiny.record(model, wrong=wrong, **options) for model in models]
        return accuracy.report(accuracy.accuracies(runs), runs=1)

    dense = report([model for width in (4, 8, 16) for model in both(width)], 8)
    sparse = report(both(16), 0, sparsity=Sparsity(method="static", weights=2500))
    figure = charts.sparse_panels(pd.concat([report(both(8), 4), sparse]), 8, dense)
    unseen = figure.axes[0]
    assert ticks(unseen) == ["4", "8", "16"]
    faint, static, *_ = unseen.lines
    assert faint.get_xdata().tolist() == [4, 8, 16] and set(faint.get_ydata()) == {50}
    assert static.get_xdata() == pytest.approx([8, 16], rel=0.03)
    assert static.get_ydata().tolist() == [75, 100]  # it starts at its own dense network
    assert np.isclose(faint.get_alpha(), 0.3)

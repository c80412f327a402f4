import numpy as np
import pandas as pd
import pytest
import tiny
from figure_names import labels, legend, ticks
from matplotlib.collections import PathCollection

from repro.analysis import accuracy
from repro.edition import both
from repro.experiment import ModelConfig, Sparsity
from repro.figures import charts
from repro.figures.style import COLOURS

pytestmark = pytest.mark.usefixtures("drawn")


def report_and_seeds(models: list[ModelConfig], seeds: list[int], **options) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = accuracy.accuracies(
        tiny.record(model, seed, wrong=seed + number % 3, **options)
        for number, model in enumerate(models)
        for seed in seeds
    )
    return accuracy.report(table, runs=1), accuracy.by_run(table)


WIDTHS = [model for width in (4, 8, 16) for model in both(width)]


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_accuracy_panels(seeds):
    report, by_run = report_and_seeds(WIDTHS, seeds)
    figure = charts.accuracy_panels(report, by_run, "width", "width W", logarithmic=True)
    unseen, seen = figure.axes
    assert labels(unseen) == ("unseen devices", "width W", "accuracy / %")
    assert labels(seen) == ("seen device (a)", "width W", "")
    assert legend(figure) == ["base", "damped"]
    for ax in (unseen, seen):
        assert len(ax.containers) == 2
        assert [container[0].get_color() for container in ax.containers] == [COLOURS["base"], COLOURS["damped"]]
        assert all(len(container[0].get_xdata()) == 3 for container in ax.containers)
        dots = [artist for artist in ax.collections if isinstance(artist, PathCollection)]
        assert [len(points.get_offsets()) for points in dots] == [3 * len(seeds)] * 2
        assert ticks(ax) == ["4", "8", "16"]
        assert ax.get_xscale() == "log"


@pytest.mark.parametrize("models", [[], [ModelConfig(width=4)]])
def test_panels_without_runs_of_a_network(models):
    report, by_run = report_and_seeds(models, [0])
    for figure in (
        charts.accuracy_panels(report, by_run, "width", "width W", logarithmic=True),
        charts.sparse_panels(report, 4, report),
        charts.accuracy_over_weights(report.assign(scaling="width"), "damped"),
    ):
        assert [ax.get_title() for ax in figure.axes] == ["unseen devices", "seen device (a)"]
        figure.canvas.draw()


def test_accuracies_are_drawn_in_percent_with_their_standard_deviation():
    # seed 1 has 1 of its 4 seen clips wrong in one of 2 epochs: 1, 1, 1, 0.75
    report, by_run = report_and_seeds([ModelConfig(width=4)], [0, 1])
    seen = charts.accuracy_panels(report, by_run, "width", "width W", logarithmic=False).axes[1]
    line, _, (bars,) = seen.containers[0]
    assert line.get_ydata().tolist() == [93.75]
    assert bars.get_segments()[0][:, 1].tolist() == [81.25, 106.25]
    dots = next(artist for artist in seen.collections if isinstance(artist, PathCollection))
    assert dots.get_offsets()[:, 1].tolist() == [100, 87.5]


def test_a_single_value_has_no_standard_deviation_and_is_drawn_all_the_same():
    report, by_run = report_and_seeds(WIDTHS, [0])
    figure = charts.accuracy_panels(report.assign(std=np.nan), by_run, "width", "width W", logarithmic=True)
    assert all(
        np.isfinite(container[0].get_ydata(orig=False)).all() for ax in figure.axes for container in ax.containers
    )


def test_a_network_that_lacks_runs_is_hollow_and_the_legend_says_so():
    report, by_run = report_and_seeds(WIDTHS, [0])
    report["runs"] = [
        2 if (width, variant) == (8, "base") else 5
        for width, variant in zip(report["width"], report["variant"], strict=True)
    ]
    report["of"] = 5
    figure = charts.accuracy_panels(report, by_run, "width", "width W", logarithmic=False)
    assert legend(figure) == ["base", "damped", "runs missing"]
    for ax in figure.axes:
        (hollow,) = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
        assert len(hollow.get_xdata()) == 1 and hollow.get_color() == COLOURS["base"]
        assert hollow.get_ydata() == ax.containers[0][0].get_ydata()[1]
    figure = charts.accuracy_panels(report.assign(runs=2), by_run, "width", "width W", logarithmic=False)
    assert legend(figure) == ["base", "damped", "runs missing"]  # also where all networks lack some


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_sparse_panels(seeds):
    tables = [report_and_seeds(WIDTHS, seeds)[0]]
    for method in ("static", "iterative"):
        wider = [model for width in (8, 16) for model in both(width)]
        tables.append(report_and_seeds(wider, seeds, sparsity=Sparsity(method=method, weights=2500))[0])
    figure = charts.sparse_panels(pd.concat(tables), 4, tables[0])
    unseen, seen = figure.axes
    assert labels(unseen) == ("unseen devices", "width W", "accuracy / %")
    assert labels(seen) == ("seen device (a)", "width W", "")
    assert legend(figure) == ["base, static", "base, iterative", "damped, static", "damped, iterative"]
    for ax in (unseen, seen):
        assert ticks(ax) == ["4", "8", "16"]
        # they start at the dense network of the reference width
        places = [container[0].get_xdata().astype(float) / [4, 8, 16] for container in ax.containers]
        assert np.log2(places) == pytest.approx(np.outer([-0.03, -0.09, 0.03, 0.09], [1, 1, 1]))  # beside one another
        assert len(ax.lines) == 2 + 4 * 3  # dense, and for each line its two rows of caps


@pytest.mark.parametrize("variant", ["base", "damped"])
def test_accuracy_over_weights(variant):
    sparse = {"sparsity": Sparsity(method="static", weights=2500)}
    groups = {
        "width": [tiny.record(model) for model in WIDTHS],
        "depth D": [tiny.record(ModelConfig(width=4, depth=d, damped=variant == "damped")) for d in (1, 2, 3)],
        "sparse width, static": [tiny.record(model, **sparse) for model in WIDTHS[2:]],
    }
    reports = [
        accuracy.report(accuracy.accuracies(runs), 1).assign(scaling=scaling) for scaling, runs in groups.items()
    ]
    figure = charts.accuracy_over_weights(pd.concat(reports), variant)
    unseen, seen = figure.axes
    assert labels(unseen) == ("unseen devices", "number of weights", "accuracy / %")
    assert labels(seen) == ("seen device (a)", "number of weights", "")
    assert legend(figure) == ["width", "depth D", "sparse width, static"]
    width, depth, pruned = (container[0] for container in unseen.containers)
    assert len(width.get_xdata()) == len(depth.get_xdata()) == 3
    assert width.get_xdata().tolist() == [2564, 9992, 39440]  # for the two classes of the toy set
    assert pruned.get_xdata().tolist() == [2500, 2500]
    assert [line.get_linestyle() for line in (width, depth, pruned)] == ["-", "-", "None"]
    assert [line.get_marker() for line in (width, depth, pruned)] == ["o", "s", "v"]


def test_every_way_of_scaling_has_its_own_marker_and_colour():
    assert len(set(charts.SCALING_MARKERS)) == len(set(charts.SCALING_COLOURS)) == len(charts.SCALINGS) == 6


def test_layer_sparsity():
    table = pd.DataFrame({"input.0": [0.0, 0.25, 0.5], "classifier.0": [0.0, 0.5, 0.99]})
    ax, bar = charts.layer_sparsity(table, "damped").axes
    assert labels(ax) == ("damped", "epoch", "")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["input.0", "classifier.0"]
    assert ax.images[0].get_array().tolist() == [[0, 25, 50], [0, 50, 99]]
    assert bar.get_ylabel() == "weights removed / %"
    (nothing,) = charts.layer_sparsity(None, "base").axes
    assert labels(nothing) == ("base", "", "")
    assert [text.get_text() for text in nothing.texts] == ["not trained"]


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_fit_bars(seeds):
    rows = [
        {"width": width, "labels": kind, "seed": seed, "fitted": 0.5 + 0.25 * seed if kind == "true" else 0.125}
        for width in (8, 4)
        for kind in ("true", "random")
        for seed in seeds
    ]
    (ax,) = charts.fit_bars(pd.DataFrame(rows)).axes
    assert labels(ax) == ("", "", "training labels reproduced / %")
    assert ticks(ax) == ["W = 4", "W = 8"]
    assert legend(ax) == ["true labels", "random labels"]
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == [50 + 12.5 * (len(seeds) - 1)] * 2 + [12.5] * 2
    assert sum(len(line.get_xdata()) for line in ax.lines) == 4 * len(seeds)
    shown = {text.get_text(): text.get_position()[1] for text in ax.texts}
    highest = 75 if len(seeds) > 1 else 50  # the numbers are means, above the highest run
    assert shown == {f"{50 + 12.5 * (len(seeds) - 1):.1f}": highest + 2, "12.5": 14.5}

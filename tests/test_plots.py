import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import tiny
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from repro import plots, stats, studies
from repro.config import ModelConfig, Recipe, Sparsity
from repro.erf import FRAME_MS
from repro.plots import COLOURS


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """The book's style without a display; every figure is drawn to its end, since some faults only show then."""
    monkeypatch.setattr(plots, "set_matplotlib_formats", lambda _: None)
    plt.switch_backend("agg")
    with mpl.rc_context():
        plots.use_style()
        yield
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()
    plt.close("all")


def report_and_seeds(models: list[ModelConfig], seeds: list[int], **options) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = stats.accuracies(
        tiny.record(model, seed, wrong=seed + number % 3, **options)
        for number, model in enumerate(models)
        for seed in seeds
    )
    return stats.report(table), stats.by_seed(table)


def labels(ax: Axes) -> tuple[str, str, str]:
    return ax.get_title(), ax.get_xlabel(), ax.get_ylabel()


def legend(owner: Axes | Figure) -> list[str]:
    found = owner.get_legend() if isinstance(owner, Axes) else owner.legends[0]
    return [text.get_text() for text in found.get_texts()]


def ticks(ax: Axes) -> list[str]:
    return [tick.get_text() for tick in ax.get_xticklabels()]


WIDTHS = [model for width in (4, 8, 16) for model in studies.both(width)]


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_accuracy_panels(seeds):
    report, by_seed = report_and_seeds(WIDTHS, seeds)
    figure = plots.accuracy_panels(report, by_seed, "width", "width W", logarithmic=True)
    unseen, seen = figure.axes
    assert labels(unseen) == ("unseen devices", "width W", "accuracy / %")
    assert labels(seen) == ("seen device (a)", "width W", "")
    assert legend(seen) == ["base", "damped"]
    for ax in (unseen, seen):
        assert len(ax.containers) == 2
        assert [container[0].get_color() for container in ax.containers] == [COLOURS["base"], COLOURS["damped"]]
        assert all(len(container[0].get_xdata()) == 3 for container in ax.containers)
        dots = [artist for artist in ax.collections if isinstance(artist, PathCollection)]
        assert [len(points.get_offsets()) for points in dots] == [3 * len(seeds)] * 2
        assert ticks(ax) == ["4", "8", "16"]
        assert ax.get_xscale() == "log"


def test_accuracies_are_drawn_in_percent_with_their_standard_deviation():
    # seed 1 has 1 of its 4 seen clips wrong in one of 2 epochs: 1, 1, 1, 0.75
    report, by_seed = report_and_seeds([ModelConfig(width=4)], [0, 1])
    seen = plots.accuracy_panels(report, by_seed, "width", "width W", logarithmic=False).axes[1]
    line, _, (bars,) = seen.containers[0]
    assert line.get_ydata().tolist() == [93.75]
    assert bars.get_segments()[0][:, 1].tolist() == [81.25, 106.25]
    dots = next(artist for artist in seen.collections if isinstance(artist, PathCollection))
    assert dots.get_offsets()[:, 1].tolist() == [100, 87.5]


def test_a_single_value_has_no_standard_deviation_and_is_drawn_all_the_same():
    report, by_seed = report_and_seeds(WIDTHS, [0])
    figure = plots.accuracy_panels(report.assign(std=np.nan), by_seed, "width", "width W", logarithmic=True)
    assert all(
        np.isfinite(container[0].get_ydata(orig=False)).all() for ax in figure.axes for container in ax.containers
    )


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_sparse_panels(seeds):
    tables = [report_and_seeds(WIDTHS, seeds)[0]]
    for method in ("static", "iterative"):
        wider = [model for width in (8, 16) for model in studies.both(width)]
        tables.append(report_and_seeds(wider, seeds, sparsity=Sparsity(method=method, weights=2500))[0])
    figure = plots.sparse_panels(pd.concat(tables), 4)
    unseen, seen = figure.axes
    assert labels(unseen) == ("unseen devices", "width W", "accuracy / %")
    assert labels(seen) == ("seen device (a)", "width W", "")
    assert legend(figure) == ["base, static", "base, iterative", "damped, static", "damped, iterative"]
    for ax in (unseen, seen):
        assert ticks(ax) == ["4", "8", "16"]
        # they start at the dense network of the reference width
        assert [container[0].get_xdata().tolist() for container in ax.containers] == [[4, 8, 16]] * 4
        assert len(ax.lines) == 2 + 4 * 3  # dense, and for each line its two rows of caps


@pytest.mark.parametrize("variant", ["base", "damped"])
def test_accuracy_over_weights(variant):
    sparse = {"sparsity": Sparsity(method="static", weights=2500)}
    groups = {
        "width": [tiny.record(model) for model in WIDTHS],
        "depth D": [tiny.record(ModelConfig(width=4, depth=d, damped=variant == "damped")) for d in (1, 2, 3)],
        "sparse width, static": [tiny.record(model, **sparse) for model in WIDTHS[2:]],
    }
    figure = plots.accuracy_over_weights(stats.scaling_report(groups), variant)
    unseen, seen = figure.axes
    assert labels(unseen) == ("unseen devices", "number of weights", "accuracy / %")
    assert labels(seen) == ("seen device (a)", "number of weights", "")
    assert legend(figure) == ["width", "depth D", "sparse width, static"]
    width, depth, pruned = (container[0] for container in unseen.containers)
    assert len(width.get_xdata()) == len(depth.get_xdata()) == 3
    assert width.get_xdata().tolist() == [2564, 9992, 39440]  # for the two classes of the toy set
    assert pruned.get_xdata().tolist() == [2500, 2500]
    assert [line.get_linestyle() for line in (width, depth, pruned)] == ["-", "-", "None"]


def test_every_way_of_scaling_has_its_own_marker_and_colour():
    setting = studies.Setting(tiny.DATA, Recipe(), (0,))
    grid = {name: [] for name in ("widths", "depths", "pointwise", "compound", "sparse_widths")}
    names = studies.scalings(setting, {**grid, "depth_width": 4, "reference_width": 4, "sparse_epochs": 30})
    assert list(plots.SCALINGS) == list(names)
    assert len(set(plots.SCALINGS.values())) == len(set(plots.SCALING_COLOURS)) == len(plots.SCALINGS) == 6


def test_confusions():
    matrices = {"base": np.eye(2), "damped": np.full((2, 2), 0.5)}
    figure = plots.confusions(matrices, ["metro_station", "park"])
    base, damped, bar = figure.axes
    assert labels(base) == ("base", "given scene", "true scene")
    assert labels(damped) == ("damped", "given scene", "")
    assert [tick.get_text() for tick in base.get_yticklabels()] == ["metro station", "park"]
    assert base.images[0].get_array().tolist() == [[100, 0], [0, 100]]
    assert bar.get_ylabel() == "clips / %"
    assert len(plots.confusions({"alone": np.eye(2)}, ["a", "b"]).axes) == 2


def test_layer_sparsity():
    table = pd.DataFrame({"input.0": [0.0, 0.25, 0.5], "classifier.0": [0.0, 0.5, 0.99]})
    ax, bar = plots.layer_sparsity(table, "damped").axes
    assert labels(ax) == ("damped", "epoch", "")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["input.0", "classifier.0"]
    assert ax.images[0].get_array().tolist() == [[0, 25, 50], [0, 50, 99]]
    assert bar.get_ylabel() == "weights removed / %"


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_fit_bars(seeds):
    rows = [
        {"width": width, "labels": kind, "seed": seed, "fitted": 0.5 + 0.25 * seed if kind == "true" else 0.125}
        for width in (8, 4)
        for kind in ("true", "random")
        for seed in seeds
    ]
    (ax,) = plots.fit_bars(pd.DataFrame(rows)).axes
    assert labels(ax) == ("", "", "training labels reproduced / %")
    assert ticks(ax) == ["W = 4", "W = 8"]
    assert legend(ax) == ["true labels", "random labels"]
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == [50 + 12.5 * (len(seeds) - 1)] * 2 + [12.5] * 2
    assert sum(len(line.get_xdata()) for line in ax.lines) == 4 * len(seeds)


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 2), (6, 3, 2)])
def test_field_maps(count, rows, columns):
    titles = [f"field {number}" for number in range(count)]
    figure = plots.field_maps([tiny.field(5 + number) for number in range(count)], titles)
    *maps, bar = figure.axes
    assert maps[0].get_subplotspec().get_gridspec().get_geometry() == (rows, columns)
    assert [ax.get_title() for ax in maps] == titles
    assert all(len(ax.images) == 1 and len(ax.patches) == 2 for ax in maps)
    assert [ax.get_xlabel() for ax in maps[-columns:]] == ["time / ms"] * columns
    assert [ax.get_ylabel() for ax in maps[::columns]] == ["frequency / mel bands"] * rows
    assert bar.get_ylabel() == "gradient / its maximum"


def test_a_field_map_lies_about_the_centre_pixel_and_shows_the_extent():
    field = tiny.field(10)
    ax = plots.field_maps([field], ["damped"]).axes[0]
    left, right, bottom, top = ax.images[0].get_extent()
    assert (left, bottom) == (-right, -top)
    assert right == pytest.approx(top * FRAME_MS)
    shown = ax.images[0].get_array()
    assert shown.shape == field.cropped().values.shape == (2 * top, 2 * top)
    assert (shown.max(), shown.sum()) == (1.0, 21 * 21)
    half, most = ax.patches
    assert (half.get_x(), half.get_y()) == pytest.approx((-5.25 * FRAME_MS, -5.25))
    assert (half.get_width(), half.get_height()) == pytest.approx((10.5 * FRAME_MS, 10.5))
    assert most.get_height() == pytest.approx(18.9)


def test_field_maps_of_one_depth_have_one_size():
    fields = [tiny.field(5), tiny.field(5, ModelConfig(width=2, pointwise=0, depth=2))]
    sizes = [
        [ax.images[0].get_array().shape for ax in plots.field_maps(fields, ["1", "2"], depth).axes[:2]]
        for depth in (None, 2)
    ]
    assert sizes[0][0] < sizes[0][1] == sizes[1][0] == sizes[1][1]


def test_spectrogram():
    _, ax = plt.subplots()
    image = plots.spectrogram(ax, np.zeros((256, 431), np.float32), -80, 0)
    assert labels(ax) == ("", "time / s", "frequency / kHz")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0.5", "1", "2", "4", "8"]
    assert image.get_clim() == (-80, 0)
    assert image.get_extent() == pytest.approx([0, 431 * 512 / 22050, -0.5, 255.5])


def test_device_shift():
    _, ax = plt.subplots()
    plots.device_shift(ax, {"b": np.zeros(256, np.float32), "c": np.ones(256, np.float32)})
    assert labels(ax) == ("", "frequency / kHz", "level against device a / dB")
    assert legend(ax) == ["b", "c"]
    assert ticks(ax) == ["0.25", "0.5", "1", "2", "4", "8"]


def test_mel_frequencies_rise_from_the_first_band_to_below_nyquist():
    frequencies = plots.mel_frequencies()
    assert frequencies.shape == (256,)
    assert (np.diff(frequencies) > 0).all()
    assert 0 < frequencies[0] < 20 and 10_800 < frequencies[-1] < 11_025

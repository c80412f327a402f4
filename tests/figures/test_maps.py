from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tiny
from figure_names import labels, legend, ticks

from repro.analysis.evidence import Evidence, Network
from repro.edition import open_edition
from repro.erf.gradient import FRAME_MS
from repro.experiment import ModelConfig
from repro.figures import maps

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 2), (6, 3, 2)])
def test_field_maps(count, rows, columns):
    titles = [f"field {number}" for number in range(count)]
    figure = maps.field_maps([tiny.field(5 + number) for number in range(count)], titles)
    *panels, bar = figure.axes
    assert panels[0].get_subplotspec().get_gridspec().get_geometry() == (rows, columns)
    assert [ax.get_title() for ax in panels] == titles
    assert all(len(ax.images) == 1 and len(ax.patches) == 2 for ax in panels)
    assert [ax.get_xlabel() for ax in panels[-columns:]] == ["time / ms"] * columns
    assert [ax.get_ylabel() for ax in panels[::columns]] == ["frequency / mel bands"] * rows
    assert bar.get_ylabel() == "gradient / its maximum"


def test_a_field_whose_run_failed_leaves_its_panel_empty():
    missing, found, _ = maps.field_maps([None, tiny.field(5)], ["base", "damped"]).axes
    assert missing.get_title() == "base"
    assert [text.get_text() for text in missing.texts] == ["not trained"]
    assert len(found.images) == 1 and len(found.get_xticks()) > 1
    assert len(maps.field_maps([None, None], ["base", "damped"]).axes) == 3


def test_a_field_map_lies_about_the_centre_pixel_and_shows_the_extent():
    field = tiny.field(10)
    ax = maps.field_maps([field], ["damped"]).axes[0]
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
        [ax.images[0].get_array().shape for ax in maps.field_maps(fields, ["1", "2"], depth).axes[:2]]
        for depth in (None, 2)
    ]
    assert sizes[0][0] < sizes[0][1] == sizes[1][0] == sizes[1][1]


def test_the_fields_of_networks_are_those_of_the_first_fold_and_seed():
    edition = open_edition("quick", ROOT, seeds=[3, 4])
    records = [tiny.record(ModelConfig(width=4), seed, epochs=edition.epochs) for seed in (3, 4)]
    networks = [Network("base", 4), Network("damped", 4)]
    found, missing, _ = maps.network_fields(Evidence(edition, tuple(records)), networks).axes
    assert (found.get_title(), missing.get_title()) == ("base W=4", "damped W=4")
    assert len(found.images) == 1 and not missing.images
    (only, *_) = maps.network_fields(Evidence(edition, tuple(records[1:])), networks).axes
    assert not only.images  # the second seed's is not shown in place of the first's


def test_spectrogram():
    _, ax = plt.subplots()
    image = maps.spectrogram(ax, np.zeros((256, 431), np.float32), -80, 0)
    assert labels(ax) == ("", "time / s", "frequency / kHz")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0.5", "1", "2", "4", "8"]
    assert image.get_clim() == (-80, 0)
    assert image.get_extent() == pytest.approx([0, 431 * 512 / 22050, -0.5, 255.5])


def drawn_spectra(unseen):
    """The figure of curves that lie at 0 dB for device a and at 1, 2, ... dB for the unseen ones."""
    levels = {device: np.full(256, number, np.float32) for number, device in enumerate(["a", *unseen])}
    return maps.device_spectra(levels, {device: levels[device] for device in unseen})


def test_device_spectra():
    figure = drawn_spectra(["b", "c"])
    left, right = figure.axes
    assert labels(left) == ("mean spectrum", "frequency / kHz", "level / dB(A)")
    assert labels(right) == ("against device a", "frequency / kHz", "difference / dB")
    assert ticks(left) == ticks(right) == ["0.5", "1", "2", "4", "8"]
    assert legend(figure) == ["a (seen)", "b", "c"]
    assert [line.get_ydata()[0] for line in left.lines] == [0, 1, 2]
    assert [line.get_ydata()[0] for line in right.lines] == [1, 2, 0]
    assert [entry.get_color() for entry in figure.legends[0].get_lines()] == [line.get_color() for line in left.lines]


def test_device_spectra_start_at_50_hz():
    (first, *_) = drawn_spectra(["b"]).axes[0].lines[0].get_xdata()
    assert maps.mel_frequencies()[first - 1] < 50 <= maps.mel_frequencies()[first]


def test_of_many_devices_some_are_named_and_the_others_grey():
    unseen = [f"m{number:02}" for number in range(41)]
    figure = drawn_spectra(unseen)
    named = ["m00", "m05", "m10", "m15", "m20", "m25", "m30", "m35", "m40"]
    assert legend(figure) == ["a (seen)", *named, "the other 32"]
    curves = dict(zip(["a", *unseen], figure.axes[0].lines, strict=True))
    grey = [device for device, curve in curves.items() if curve.get_color() == "#c8c8c8"]
    assert grey == [device for device in unseen if device not in named]
    assert len({curve.get_color() for curve in curves.values()}) == 11
    assert max(curves[device].get_zorder() for device in grey) < curves["m05"].get_zorder() < curves["a"].get_zorder()


def test_clip_maps():
    points = np.array([[0.0, 10.0], [1.0, 11.0], [2.0, 12.0], [3.0, 13.0]])
    figure = maps.clip_maps(
        points, np.array(["b", "a", "b", "a"]), np.array(["tram", "tram", "tram", "metro_station"]), ("x", "y")
    )
    left, right = figure.axes
    assert labels(left) == ("by device", "x", "y")
    assert labels(right) == ("by class", "x", "")
    assert (legend(left), legend(right)) == (["a (seen)", "b"], ["metro station", "tram"])
    assert [group.get_offsets().tolist() for group in left.collections] == [[[1, 11], [3, 13]], [[0, 10], [2, 12]]]
    assert [group.get_offsets().tolist() for group in right.collections] == [[[3, 13]], [[0, 10], [1, 11], [2, 12]]]


def test_the_scenes_of_a_clip_map_differ_in_colour_and_marker():
    scenes = np.array([f"scene {number}" for number in range(10)])
    right = maps.clip_maps(np.zeros((10, 2)), np.array(["a", *"bbbbbbbbb"]), scenes, ("x", "y")).axes[1]
    entries = right.get_legend().get_lines()
    assert len({entry.get_color() for entry in entries}) == len({entry.get_marker() for entry in entries}) == 10


def test_mel_frequencies_rise_from_the_first_band_to_below_nyquist():
    frequencies = maps.mel_frequencies()
    assert frequencies.shape == (256,)
    assert (np.diff(frequencies) > 0).all()
    assert 0 < frequencies[0] < 20 and 10_800 < frequencies[-1] < 11_025

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tiny
from figures import labels, legend, ticks

from repro import maps
from repro.config import ModelConfig
from repro.erf import FRAME_MS

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


def test_spectrogram():
    _, ax = plt.subplots()
    image = maps.spectrogram(ax, np.zeros((256, 431), np.float32), -80, 0)
    assert labels(ax) == ("", "time / s", "frequency / kHz")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0.5", "1", "2", "4", "8"]
    assert image.get_clim() == (-80, 0)
    assert image.get_extent() == pytest.approx([0, 431 * 512 / 22050, -0.5, 255.5])


def test_device_shift():
    _, ax = plt.subplots()
    maps.device_shift(ax, {"b": np.zeros(256, np.float32), "c": np.ones(256, np.float32)})
    assert labels(ax) == ("", "frequency / kHz", "level against device a / dB")
    assert legend(ax) == ["b", "c"]
    assert ticks(ax) == ["0.25", "0.5", "1", "2", "4", "8"]


def test_mel_frequencies_rise_from_the_first_band_to_below_nyquist():
    frequencies = maps.mel_frequencies()
    assert frequencies.shape == (256,)
    assert (np.diff(frequencies) > 0).all()
    assert 0 < frequencies[0] < 20 and 10_800 < frequencies[-1] < 11_025

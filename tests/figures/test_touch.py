"""What can be heard and touched: the HTML of explorer, players and points, and what the script reads from it."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import tiny
from bs4 import BeautifulSoup, Tag

from repro.analysis.evidence import Evidence, Network
from repro.analysis.fields import mean_field
from repro.data import Clips
from repro.data.clips import moment_of
from repro.edition import open_edition
from repro.experiment import ModelConfig, Sparsity
from repro.figures import players, points, svg
from repro.figures.explorer import erf_explorer, explorer_of, settings

ROOT = Path(__file__).parents[2]


def parsed(html: str) -> Tag:
    return BeautifulSoup(html, "html.parser")


def texts(elements: list[Tag]) -> list[str]:
    return [element.get_text() for element in elements]


def cells(root: Tag) -> list[list[str]]:
    return [texts(row.find_all(["th", "td"])) for row in root.select("tbody tr")]


@pytest.fixture
def explorer() -> Tag:
    fields = {
        Network("base", 4): tiny.field(5, ModelConfig(width=4)),
        Network("damped", 16, pointwise=4, method="static"): tiny.field(10, ModelConfig(width=16, pointwise=4)),
        Network("damped", 8, depth=2): tiny.field(0, ModelConfig(width=8, depth=2)),
    }
    return parsed(explorer_of(fields, dict(zip(fields, (5, 1, 2), strict=True))))


def test_the_table_has_a_network_a_row_with_its_radii(explorer):
    # a square of 11 pixels: half lies within 2.75 of its middle, 90 % within 4.95; a frame is 23.22 ms
    assert texts(explorer.select("thead th")) == [
        "network",
        "runs",
        *["50 % / mel bands", "90 % / mel bands", "50 % / ms", "90 % / ms"],
    ]
    assert cells(explorer) == [
        ["base W=4", "5", "2.8", "5.0", "63.9", "114.9"],
        ["damped W=16 K=4 static", "1", "5.2", "9.5", "121.9", "219.4"],
        ["damped W=8 D=2", "2", "0.2", "0.5", "5.8", "10.4"],
    ]


def test_a_row_holds_what_the_script_shows(explorer):
    first, second, _ = explorer.select("tbody tr")
    assert [first[f"data-{name}"] for name in ("variant", "width", "depth", "pointwise", "pruning")] == [
        "base", "4", "1", "1", "none"
    ]  # fmt: skip
    assert second["data-pruning"] == "static, random"
    assert first["data-said"] == (
        "base W=4, mean of 5 runs: half of the gradient lies within 2.8 mel bands and 64 ms of the centre, 90 % within "
        "5.0 mel bands and 115 ms."
    )
    assert first["data-picture"].startswith("data:image/webp;base64,")
    picture = explorer.find("image")
    assert picture["href"] == first["data-picture"]
    assert [picture[name] for name in ("x", "y", "width", "height")] == first["data-box"].split(" ")
    x, _, width, _ = map(float, first["data-half"].split(" "))
    centre = float(explorer.find("image")["x"]) + float(explorer.find("image")["width"]) / 2
    assert x + width / 2 == pytest.approx(centre, abs=0.2)


def test_controls_hold_every_value_once_and_wait_for_the_script(explorer):
    controls = explorer.select_one(".controls")
    assert controls.has_attr("hidden")
    assert texts(controls.select("label > span")) == ["Network", "Width W", "Depth D", "1×1 blocks K", "Pruning"]
    assert controls.find("input")["data-values"] == "4 8 16"
    assert controls.find("output").get_text() == "4"
    assert [texts(select.find_all("option")) for select in controls.find_all("select")] == [
        ["base", "damped"], ["1", "2"], ["1", "4"], ["none", "static, random"]
    ]  # fmt: skip


def test_networks_trained_longer_are_told_apart():
    assert settings(Network("base", 8, long=True))["pruning"] == "none, trained longer"


def test_an_explorer_of_runs():
    edition = open_edition("quick", ROOT, seeds=[3, 4])
    records = tuple(tiny.record(ModelConfig(width=4), seed, epochs=edition.epochs) for seed in (3, 4))
    found = parsed(erf_explorer(Evidence(edition, records)).data)
    assert cells(found) == [["base W=4", "2", "0.2", "0.5", "5.8", "10.4"]]
    assert "No network is trained yet" in erf_explorer(Evidence(edition, ())).data


def test_the_mean_field_has_the_mean_radii():
    runs = [tiny.record(), replace(tiny.record(seed=1), erf=tiny._square(5, tiny.record().experiment.model))]
    found = mean_field(runs)
    assert found.extent.radius_50_bands == pytest.approx((0.25 + 2.75) / 2)
    assert found.erf.max() == 1 and found.erf.sum() == pytest.approx((1 + 121) / 2)


def test_the_clips_of_one_moment():
    assert moment_of(tiny.table(), 0) == {"a": 0, "b": 2}
    assert moment_of(tiny.table(), 3) == {"a": 1, "c": 3}


@pytest.fixture
def clips() -> Clips:
    """One moment through device a and five others, each a constant of its number; and one of device a alone."""
    names = ["a", "m1", "m2", "m3", "m4", "m5", "a"]
    table = pd.DataFrame({"filename": [*["x.ogg"] * 6, "y.ogg"], "scene": "dog_bark", "city": "fold1", "device": names})
    waveforms = np.arange(7, dtype=np.int16)[:, None].repeat(22_050, axis=1)
    return Clips(waveforms, table.assign(location="1"), ("dog_bark",), "f" * 64)


def test_a_sound_is_heard_through_devices_spread_over_their_order(clips):
    of_all, alone = players.sounds_of(clips, [0, 6], ["m5", "m4", "m3", "m2", "m1"])
    assert of_all.title == "dog bark, fold1"
    assert {device: int(heard[0]) for device, heard in of_all.heard.items()} == {"a": 0, "m5": 5, "m3": 3, "m1": 1}
    assert list(alone.heard) == ["a"]
    (with_m4,) = players.sounds_of(clips, [0], ["m5", "m4", "m3", "m2", "m1"], kept="m4")
    assert list(with_m4.heard) == ["a", "m5", "m4", "m1"]


def test_a_player_has_a_sound_and_a_spectrogram_a_device():
    wave = (np.sin(np.arange(22_050) / 5) * 1000).astype(np.int16)
    root = parsed(players.players([players.Sound("dog bark", {"a": wave, "Mic <1>": wave // 4})]).data)
    assert [device["data-name"] for device in root.select(".device")] == ["device a", "Mic <1>"]
    assert [audio["aria-label"] for audio in root.find_all("audio")] == [
        "dog bark, through device a",
        "dog bark, through Mic <1>",
    ]
    assert [image["alt"] for image in root.find_all("img")] == [
        "Spectrogram: dog bark, through device a",
        "Spectrogram: dog bark, through Mic <1>",
    ]
    assert all(audio.has_attr("controls") for audio in root.find_all("audio"))
    peaks = []
    for audio in root.find_all("audio"):
        kind, _, content = audio["src"].partition(",")
        assert kind == "data:audio/mpeg;base64"
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(content)))
        assert rate == 22_050 and len(samples) == pytest.approx(22_050, abs=2400)
        peaks.append(abs(samples[5000:15_000]).max())
    assert peaks == pytest.approx([0.8, 0.2], rel=0.05)  # their levels are kept


def test_microphones_stand_by_their_deviation_and_show_their_response():
    accuracies = pd.DataFrame({"base": [50.0, 75.0], "damped": [60.0, 70.0]}, ["B&O", "Flat"])
    responses = pd.DataFrame({"B&O": [-10.0, 10.0], "Flat": [0.0, 0.0], "Unheard": [1.0, 1.0]}, [50.0, 10_000.0])
    deviations = pd.Series({"Flat": 0.0, "Unheard": 1.0, "B&O": 10.0})
    root = parsed(points.microphones(accuracies, responses, deviations, ["B&O"]).data)
    assert [point["data-said"] for point in root.select(".point")] == [
        "Flat: 0.0 dB from flat; accuracy base 75.0 %, damped 70.0 %",
        "B&O: 10.0 dB from flat, compresses; accuracy base 50.0 %, damped 60.0 %",
    ]
    assert root.select(".point")[1]["aria-label"] == "B&O: 10.0 dB from flat, compresses"
    assert [len(point.select("path.hollow")) for point in root.select(".point")] == [0, 2]
    assert [entry.get_text() for entry in root.select(".legend li")] == [
        "base",
        "damped",
        "base, compresses",
        "damped, compresses",
    ]
    assert cells(root) == [["Flat", "0.0", "no", "75.0", "70.0"], ["B&O", "10.0", "yes", "50.0", "60.0"]]
    flat, other = (point["data-curve"] for point in root.select(".point"))
    assert (flat, other) == ("M54 92L448 92", "M54 174L448 10")
    assert root.select_one(".curve")["d"] == flat
    assert root.select_one(".said").get_text() == "Response below: Flat"
    assert "no measured microphones" in points.microphones(accuracies, responses[[]], deviations[:0]).data


def test_accuracy_by_microphone_is_a_mean_over_networks():
    # 4 clips of b and c; in one of two epochs the first three are wrong, of the wide network none
    table = points.by_microphone(
        [tiny.record(wrong=3), tiny.record(ModelConfig(width=4)), tiny.record(ModelConfig(damped=True, width=4))]
    )
    assert table.to_dict() == {"base": {"b": 87.5, "c": 100.0}, "damped": {"b": 100.0, "c": 100.0}}


def test_microphones_that_compress_are_told_apart():
    flat = {f"m{number}": 90.0 - number for number in range(8)}  # the farther from flat, the less accurate
    accuracies = pd.DataFrame({"base": {**flat, "loud": 40.0, "louder": 60.0, "unknown": 0.0}})
    deviations = pd.Series({**{name: float(number) for number, name in enumerate(flat)}, "loud": 0.5, "louder": 9.0})
    table = points.by_response(accuracies, deviations, ["loud", "louder"])
    assert table.loc[("with a compressor", "base")].tolist() == [2, "50.0", "– (–)"]
    assert table.loc[("without one", "base")].tolist() == [8, "86.5", "−1.00 (−1.00 to −1.00)"]
    assert table.loc[("all", "base"), ["number", "accuracy / %"]].tolist() == [10, "79.2"]
    assert points.by_response(accuracies, deviations[:0], []).empty
    damped = accuracies.assign(damped=accuracies["base"] - 1 + deviations)  # ahead from 1 dB on, by a point a dB
    both = points.by_response(damped, deviations, ["loud", "louder"])
    assert list(both.loc["without one"].index) == ["base", "damped", "damped − base"]
    assert both.loc[("without one", "damped − base")].tolist() == [8, "+2.5", "+1.00 (+1.00 to +1.00)"]
    assert both.loc[("with a compressor", "damped − base"), "accuracy / %"] == "+3.8"  # of −0.5 and +8


def test_what_microphones_say_of_our_reading_of_damping():
    deviations = pd.Series({f"m{number}": float(number) for number in range(8)})
    base = pd.Series(80.0, deviations.index)
    for damped, told in (
        (base + deviations, "support our reading: over all of them damped minus base and the distance have a rank"),
        (base - deviations, "speak against our reading"),
        (base + np.array([-1, 1] * 4), "do not support our reading"),
    ):
        accuracies = pd.DataFrame({"base": base, "damped": damped})
        assert points.reading_of_damping(accuracies, deviations).startswith(f"These microphones {told}")
    assert points.reading_of_damping(accuracies[["base"]], deviations) == ""
    assert points.reading_of_damping(accuracies[:7], deviations) == ""  # too few for an interval


def test_every_run_is_a_point_that_names_it():
    records = [
        tiny.record(ModelConfig(width=8), wrong=8),
        tiny.record(ModelConfig(width=8, damped=True), 1, Sparsity(method="static", weights=2500)),
    ]
    root = parsed(points.runs(records).data)
    sparse, dense = root.select(".point")
    assert sparse["data-said"] == (
        f"run {records[1].key}: damped W=8 static, seed 1, 2,500 weights; accuracy on unseen devices 100.0 %, on the "
        "seen one 100.0 %"
    )
    assert dense["data-said"].endswith("accuracy on unseen devices 50.0 %, on the seen one 50.0 %")
    assert cells(root)[0] == [records[1].key, "damped W=8 static", "–", "1", "2,500", "100.0", "100.0"]
    assert texts(root.select(".legend li")) == ["base", "damped, static"]
    assert float(sparse["data-x"]) < float(dense["data-x"]) and float(sparse["data-y"]) < float(dense["data-y"])
    assert "No network is trained yet" in points.runs([]).data


def test_axes():
    axis = svg.linear("x", [0, -20, 27])
    assert (axis.low, axis.high) == (-20, 30)
    assert [text for _, text in axis.ticks] == ["−20", "−10", "0", "10", "20", "30"]
    weights = svg.logarithmic("weights", [2000, 20_000], margin=1.0)
    assert [text for _, text in weights.ticks] == ["2 k", "5 k", "10 k", "20 k"]
    assert [weights.share(value) for value in (2000, 20_000)] == [0, 1]
    plot = svg.Plot(axis, weights, width=110, height=70, left=10, right=0, top=10, bottom=10)
    assert (plot.across(30), plot.down(2000), plot.down(20_000)) == (110, 60, 10)
    assert plot.box((-20, 2000), (5, 20_000)) == "10 10 50.0 50.0"

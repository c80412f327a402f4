from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
import soundfile
import tiny
from click.testing import CliRunner

from repro.analysis import probe, recordings
from repro.analysis.recordings import FREQUENCIES, Summary
from repro.cli import main
from repro.data import SAMPLE_RATE, esc10
from repro.edition import Edition, open_edition
from repro.errors import InputError
from repro.experiment import DataConfig
from repro.figures import maps
from repro.files.archive import read_archive
from repro.files.checksums import StoredError

ROOT = Path(__file__).parents[2]
MICROPHONES = ("click", "difference", "echo", "other")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """The summary of the toy set."""
    store = tiny.store(tmp_path_factory.mktemp("toy"))
    return recordings._summarise(tiny.DATA, recordings.load(tiny.DATA, store.root))


@pytest.fixture
def toy_edition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edition:
    """An edition whose recordings are the toy set."""
    monkeypatch.setenv("REPRO_STORE", str(tiny.store(tmp_path).root))
    return open_edition("quick", ROOT, clip_seconds=tiny.DATA.clip_seconds, clips=tiny.DATA.clips)


def responses() -> dict[str, np.ndarray]:
    click, difference, echo = np.zeros(2000), np.zeros(2000), np.zeros(2000)
    click[10] = 0.5
    difference[10:12] = 0.5, -0.5
    echo[[10, 900]] = 0.5, 0.25
    return dict(zip(MICROPHONES, (click, difference, echo, np.roll(difference, 5)), strict=True))


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edition:
    """ESC-10 in small: 5 folds of 2 classes, 2 recordings each, through 2 of 4 microphones."""
    monkeypatch.setattr(esc10, "ordered_map", map)
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "store"))
    rng = np.random.default_rng(0)
    (tmp_path / "esc" / "audio").mkdir(parents=True)
    lines = ["filename,fold,freesound_clip,take,label"]
    for number in range(20):
        fold, label = number % 5 + 1, ("rain", "dog_bark")[number // 5 % 2]
        sound = rng.normal(0, 0.1, 20_000) * (1 if label == "rain" else np.hanning(20_000))
        soundfile.write(tmp_path / "esc" / "audio" / f"{number}.ogg", sound, 44_100)
        lines.append(f"{number}.ogg,{fold},{number},A,{label}")
    (tmp_path / "esc" / "meta.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "mics").mkdir()
    for name, response in responses().items():
        soundfile.write(tmp_path / "mics" / f"{name}.wav", response, SAMPLE_RATE, subtype="FLOAT")
    folders = {"data_root": str(tmp_path / "esc"), "impulse_responses": str(tmp_path / "mics")}
    return open_edition("esc10", ROOT, clip_seconds=0.5, microphones_each=2, **folders)


def test_counts_and_sides(toy: Summary) -> None:
    assert (toy.seconds, toy.places, toy.cells["clips"].sum()) == (0.4, 16, 32)
    clips = toy.sides().groupby("side")["clips"].sum()
    assert clips.to_dict() == {"train": 12, "seen": 4, "unseen": 4, "not used": 12}


def test_a_quieter_and_a_louder_device(toy: Summary) -> None:
    assert list(toy.spectra) == ["a", "b", "c"]
    assert list(toy.shift) == ["b", "c"]
    loud = toy.spectra["a"] > toy.spectra["a"].max() - 30  # where no floor hides the difference
    assert toy.shift.loc[loud, "b"].mean() == pytest.approx(-6.02, abs=0.4)
    assert toy.shift.loc[loud, "c"].mean() == pytest.approx(6.02, abs=0.4)
    assert toy.moment is not None and toy.moment.device in ("b", "c")
    assert toy.moment.mel.shape == (2, 256, 18)
    rows, columns = toy.moment.shares
    assert 0 <= columns <= 1 and 0 <= rows <= 1


def test_points_and_separation(toy: Summary) -> None:
    assert toy.points["device"].value_counts().to_dict() == {"a": 16, "b": 8, "c": 8}
    assert set(toy.points["scene"]) == set(tiny.SCENES)
    assert toy.separation.loc["named by a linear discriminant", "classes"] == 100
    assert toy.separation.loc["by guessing"].to_dict() == {"devices": pytest.approx(33.33), "classes": 50}
    assert 0 < toy.variance[1] <= toy.variance[0] <= 1


def test_at_most_so_many_clips_of_a_device_are_taken() -> None:
    assert recordings._spread(np.arange(100, 200), 3).tolist() == [100, 149, 199]
    assert recordings._spread(np.arange(2), 3).tolist() == [0, 1]


def test_a_summary_comes_back_as_it_was_in_the_same_bytes(toy: Summary, tmp_path: Path) -> None:
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    toy.save(first)
    again = Summary.load(first)
    again.save(second)
    assert first.read_bytes() == second.read_bytes()
    for name in ("cells", "spectra", "shift", "points", "separation", "responses"):
        pd.testing.assert_frame_equal(
            getattr(again, name), getattr(toy, name), check_dtype=False, check_column_type=False, check_index_type=False
        )
    assert (again.fingerprint, again.recordings, again.variance) == (toy.fingerprint, toy.recordings, toy.variance)
    with np.load(first, allow_pickle=False) as arrays:  # any reader of .npz can open it
        assert {"about", "moment.mel", "spectra.values"} <= {*arrays}
        assert all(arrays[name].dtype != object for name in arrays)


def test_an_empty_summary_is_saved_and_drawn(tmp_path: Path, drawn: None) -> None:
    Summary().save(tmp_path / "none.npz")
    none = Summary.load(tmp_path / "none.npz")
    assert none.moment is None and none.sides(1).empty and none.deviations.empty
    figures = [
        maps.moment(none.moment),
        maps.pairs(pd.DataFrame()),
        maps.responses(none.responses, none.deviations),
        maps.device_spectra(dict(none.spectra), dict(none.shift)),
        maps.clip_maps(np.zeros((0, 2)), np.array([], str), np.array([], str), ("", "")),
    ]
    for figure in figures:
        assert all([text.get_text() for text in ax.texts] == ["no recordings at hand"] for ax in figure.axes)


def test_what_is_drawn_of_a_summary(toy: Summary, drawn: None) -> None:
    left, middle, right, *bars = maps.moment(toy.moment).axes
    assert [ax.get_title() for ax in (left, middle, right)] == ["device a", f"device {toy.moment.device}", "difference"]
    assert [bar.get_xlabel() for bar in bars] == ["level / dB(A)", "difference / dB"]
    grid = maps.pairs(pd.DataFrame({"graz": [0.0, 1.0]}, ["noise", "warm_tone"])).axes[0]
    assert [tick.get_text() for tick in grid.get_yticklabels()] == ["noise", "warm tone"]


def test_the_flattest_and_the_least_flat_microphones_are_named(drawn: None) -> None:
    curves = pd.DataFrame({f"m{number}": number * np.sin(FREQUENCIES) for number in range(9)}, FREQUENCIES)
    figure = maps.responses(curves, curves.std(ddof=0))
    named = [text.get_text().split()[0] for text in figure.legends[0].get_texts()]
    assert named == ["m0", "m1", "m2", "m6", "m7", "m8"]
    assert len(figure.axes[0].lines) == 9
    few = curves[["m1", "m2"]]
    assert len(maps.responses(few, few.std(ddof=0)).legends[0].get_texts()) == 2


def test_it_is_computed_once_where_the_recordings_are(toy_edition: Edition, monkeypatch: pytest.MonkeyPatch) -> None:
    first = recordings.summary_of(toy_edition)
    assert first is not None
    (kept,) = (tiny_store() / "summaries").iterdir()
    assert kept.name == f"{first.fingerprint}.npz"
    kept.write_bytes(kept.read_bytes()[:-9])  # a damaged one is made again
    again = recordings.summary_of(toy_edition)
    assert again is not None and again.fingerprint == first.fingerprint
    monkeypatch.setattr(recordings, "_summarise", None)
    third = recordings.summary_of(toy_edition)
    assert third is not None and third.fingerprint == first.fingerprint


def test_two_pages_that_ask_at_once_compute_it_once(toy_edition: Edition, monkeypatch: pytest.MonkeyPatch) -> None:
    summarise, computed, both = recordings._summarise, [], Barrier(2, timeout=60)

    def slowly(*arguments: object) -> Summary:
        computed.append(1)
        time.sleep(0.2)
        return summarise(*arguments)  # type: ignore[arg-type]

    def page() -> Summary | None:
        both.wait()
        return recordings.summary_of(toy_edition)

    monkeypatch.setattr(recordings, "_summarise", slowly)
    with ThreadPoolExecutor() as pages:
        found = [page.result() for page in [pages.submit(page) for _ in range(2)]]
    assert computed == [1]
    assert [summary is not None and summary.fingerprint for summary in found] == [found[0].fingerprint] * 2  # type: ignore[union-attr]


def tiny_store() -> Path:
    return recordings.Store.default().root


def test_microphones_and_folds(heard: Edition) -> None:
    summary = recordings.summarise(heard)
    assert list(summary.responses) == list(MICROPHONES)
    assert summary.compressed == ("echo",)
    assert summary.cells.groupby("device")["clips"].sum().to_dict() == {"a": 20, **dict.fromkeys(MICROPHONES, 10)}
    clips = summary.sides(3).groupby("side")["clips"].sum()
    assert clips.to_dict() == {"train": 16, "seen": 4, "unseen": 8, "not used": 32}
    flat, *_ = summary.deviations.index
    assert flat == "click" and summary.deviations["click"] < 0.01


def test_a_magnitude_response(tmp_path: Path) -> None:
    path = tmp_path / "difference.wav"
    soundfile.write(path, responses()["difference"], SAMPLE_RATE, subtype="FLOAT")
    found = recordings.microphone_response(path, DataConfig())
    expected = 20 * np.log10(2 * np.sin(np.pi * FREQUENCIES / SAMPLE_RATE))  # of x[n] - x[n - 1]
    expected -= expected[FREQUENCIES >= 100].mean()
    np.testing.assert_allclose(found, expected, atol=0.15)


def test_no_path_is_in_it_and_it_stands_for_the_recordings(
    heard: Edition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / "book").mkdir(parents=True)
    (project / "_toc.yml").write_text("")
    (project / "book" / "editions").symlink_to(ROOT / "book" / "editions")
    monkeypatch.chdir(project)
    given = {"clip_seconds": 0.5, "microphones_each": 2}
    folders = {"data_root": heard.data_root, "impulse_responses": heard.impulse_responses}
    options = [option for name, value in (given | folders).items() for option in ("-p", f"{name}={value}")]
    result = CliRunner().invoke(main, ["data", "summarise", "--edition", "esc10", *options])
    assert result.exit_code == 0, result.output
    path = project / "results" / "esc10" / "recordings.npz"
    assert result.stdout == f"Written: {path} ({path.stat().st_size / 1e6:.2f} MB)\n"
    assert not any(str(tmp_path).encode() in content for content in read_archive(path).values())
    assert not any(str(tmp_path).encode("utf-32-le") in content for content in read_archive(path).values())

    elsewhere = open_edition("esc10", **given)
    assert recordings.clips_of(elsewhere) is None
    summary = recordings.summary_of(elsewhere)
    assert summary is not None and summary.cells["clips"].sum() == 60
    shipped = probe.shipped_probe(elsewhere)
    assert shipped is not None and list(shipped.index) == [1, 2, 3, 4, 5] and list(shipped) == ["seen", "unseen"]
    assert probe.shipped_probe(open_edition("esc10", clip_seconds=0.5)) is None
    assert recordings.summary_of(open_edition("esc10", clip_seconds=0.5)) is None  # other recordings
    with pytest.raises(InputError, match="the recordings of edition 'esc10' were not found"):
        recordings.summarise(elsewhere)
    path.write_bytes(b"")
    with pytest.raises(StoredError):
        recordings.summary_of(elsewhere)
    path.unlink()
    assert recordings.summary_of(elsewhere) is None


def test_a_summary_of_another_version_is_refused(toy: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.save(tmp_path / "old.npz")
    monkeypatch.setattr("repro.analysis.summary.VERSION", 2)
    with pytest.raises(StoredError, match="is a summary of version 1, not 2: make it again with repro data summarise"):
        Summary.load(tmp_path / "old.npz")


def test_the_official_split_of_tau(toy: Summary) -> None:
    cells = toy.cells.assign(official=np.where(toy.cells["city"] == "graz", "test", "train"))
    cells.loc[cells["city"] == "linz", "official"] = ""
    sides = replace(toy, cells=cells).sides(official=True)
    assert set(sides.loc[sides["side"] == "seen", "city"]) == {"graz"}
    assert set(sides.loc[sides["side"] == "train", "city"]) == {"wels", "wien"}
    assert set(sides.loc[sides["city"] == "linz", "side"]) == {"not used"}


def test_the_summary_that_comes_with_the_repository() -> None:
    path = recordings.shipped_path("esc10", ROOT)
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    assert path.stat().st_size < 1.5e6
    summary, edition = Summary.load(path), open_edition("esc10", ROOT)
    assert summary.recordings == recordings.recordings_of(edition.data())
    assert set(summary.cells.groupby("device")["clips"].sum()) == {400, 48}
    assert len(summary.responses.columns) == 50 and len(summary.compressed) == 16
    origin = path.with_suffix(".json")  # what the runs beside it were trained on
    if origin.is_file():
        assert json.loads(origin.read_text())["data_fingerprint"] == summary.fingerprint


@pytest.mark.parametrize(
    ("values", "share"),
    [
        ([[0, 0], [0, 0], [4, 2], [4, 2]], 1.0),
        ([[0, 0], [4, 2], [0, 0], [4, 2]], 0.0),
        ([[0, 0], [2, 0], [4, 0], [6, 0]], 0.8),  # 16 between the groups, 4 within them
        ([[0, 1], [2, -1], [4, 1], [6, -1]], 16 / 24),  # 4 more within them, along the other axis
    ],
)
def test_explained_variance(values, share):
    assert recordings.explained_variance(np.array(values, float), np.array(["x", "x", "y", "y"])) == pytest.approx(
        share
    )


def test_explained_variance_weighs_groups_by_their_clips():
    values = np.array([[0.0], [0.0], [0.0], [4.0], [8.0]])
    # mean 2.4, all: 3 * 2.4^2 + 1.6^2 + 5.6^2 = 51.2; the groups' means 0 and 6: 3 * 2.4^2 + 2 * 3.6^2 = 43.2
    assert recordings.explained_variance(values, np.array(["x", "x", "x", "y", "y"])) == pytest.approx(43.2 / 51.2)


def test_groups_drawn_at_random_explain_their_number_less_one_of_the_clips_less_one():
    chance = np.random.default_rng(0)
    groups = np.repeat(["u", "v", "w", "x", "y"], 4)
    shares = [recordings.explained_variance(chance.normal(size=(20, 3)), groups) for _ in range(400)]
    assert np.mean(shares) == pytest.approx(4 / 19, abs=0.01)

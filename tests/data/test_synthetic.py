import errno
import os
import stat
from pathlib import Path

import numpy as np
import pytest
import soundfile

from repro.data import SAMPLE_RATE, tau2020
from repro.data.synthetic import dataset as synthetic
from repro.data.synthetic.dataset import Pair, Span
from repro.errors import InputError
from repro.experiment import DataConfig


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


SHORT = Span(11_025, SAMPLE_RATE)


def test_listing_has_every_scene_city_and_device() -> None:
    table = synthetic.listing(DataConfig(clips=4))
    assert len(table) == 1200
    assert not table["filename"].duplicated().any()
    counts = table.groupby(["scene", "city"])["device"].value_counts().unstack()
    assert counts.shape == (100, 9)
    assert (counts["a"] == 4).all()
    assert (counts.drop(columns="a") == 1).all(axis=None)
    airport = table[(table["scene"] == "airport") & (table["city"] == "helsinki")]
    assert airport["filename"].tolist() == [
        f"audio/airport-helsinki-{name}.wav"
        for name in [
            "2-0-a",
            "2-0-b",
            "2-0-s3",
            "2-1-a",
            "2-1-c",
            "2-1-s4",
            "3-2-a",
            "3-2-s1",
            "3-2-s5",
            "3-3-a",
            "3-3-s2",
            "3-3-s6",
        ]
    ]
    assert airport["location"].unique().tolist() == ["helsinki-2", "helsinki-3"]


@pytest.mark.parametrize("scene", list(synthetic.SCENES))
def test_levels_are_those_of_field_recordings(scene: str) -> None:
    waveforms = synthetic._render_pair(Pair(0, 2, scene, "milan"), SHORT).astype(np.float64) / 32768
    level = 20 * np.log10(np.sqrt(np.mean(waveforms**2, axis=1)))
    assert waveforms.shape == (10, 11_025)
    assert (level > -62).all()
    assert (level < -8).all()
    assert np.mean(np.abs(waveforms) > 0.9999) < 1e-3


def test_a_clip_does_not_depend_on_what_was_generated_before() -> None:
    pair = Pair(3, 2, "tram", "prague")
    alone = synthetic._render_pair(pair, SHORT)
    synthetic._render_pair(Pair(3, 2, "bus", "prague"), SHORT)
    np.testing.assert_array_equal(synthetic._render_pair(pair, SHORT), alone)


def test_clips_places_and_seeds_sound_different() -> None:
    def a_clips(pair: Pair) -> np.ndarray:
        return synthetic._render_pair(pair, SHORT)[[0, 5]]

    clips = [
        waveform
        for pair in (Pair(0, 2, "park", "paris"), Pair(1, 2, "park", "paris"), Pair(0, 2, "park", "lyon"))
        for waveform in a_clips(pair)
    ]
    correlation = np.corrcoef(clips)
    assert np.abs(correlation[~np.eye(6, dtype=bool)]).max() < 0.5


def test_b_hears_the_same_moment_as_a() -> None:
    pair = Pair(0, 1, "street_traffic", "london")
    span = Span(2 * SAMPLE_RATE, SAMPLE_RATE)
    waveforms = synthetic._render_pair(pair, span).astype(np.float64)
    devices = [device for _, _, device in synthetic._recordings(pair)]
    a, b = waveforms[devices.index("a")], waveforms[devices.index("b")]
    size = 4 * len(a)
    cross = np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size))
    lag = int(np.argmax(np.fft.irfft(cross / (np.abs(cross) + 1e-9), size)))  # phase transform
    assert 0 <= lag <= round(synthetic.MAX_OFFSET * SAMPLE_RATE)


def test_render_gives_the_listing_in_order_and_twice_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "CITIES", ("barcelona", "vienna"))
    monkeypatch.setattr(synthetic, "ordered_map", map)
    config = DataConfig(clips=1, clip_seconds=0.25)
    first, second = list(synthetic.render(config)), list(synthetic.render(config))
    assert len(first) == len(synthetic.listing(config)) == 180
    assert {waveform.shape for waveform in first} == {(5512,)}
    assert {waveform.dtype for waveform in first} == {np.dtype(np.int16)}
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("first_row", [1, 10, 20, 27, 180])
def test_waveforms_from_a_row_on(monkeypatch: pytest.MonkeyPatch, first_row: int) -> None:
    monkeypatch.setattr(synthetic, "CITIES", ("barcelona", "vienna"))
    monkeypatch.setattr(synthetic, "ordered_map", map)
    config = DataConfig(clips=1, clip_seconds=0.25)
    monkeypatch.setattr(synthetic, "_render_pair", lambda pair, span: [(pair, number) for number in range(9)])
    whole = list(synthetic.render(config))
    assert list(synthetic.render(config, first_row)) == whole[first_row:]
    assert len(whole) == 180


def test_tau_folder_is_read_by_the_tau_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "CITIES", ("barcelona", "vienna"))
    monkeypatch.setattr(synthetic, "ordered_map", map)
    config = DataConfig(clips=1, clip_seconds=0.25)
    folder = tmp_path / "new" / "tau"
    synthetic.write_tau_folder(config, folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777 & ~umask()
    info = soundfile.info(folder / "audio" / "metro-vienna-1-0-s3.wav")
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (44_100, 1, "PCM_24", 11_025)
    lines = (folder / "meta.csv").read_text().splitlines()
    assert lines[0] == "filename\tscene_label\tidentifier\tsource_label"
    assert lines[1] == "audio/airport-barcelona-0-0-a.wav\tairport\tbarcelona-0\ta"
    assert len(lines) == 181

    monkeypatch.setattr(tau2020, "ordered_map", map)
    real = DataConfig(name="tau2020", root=str(folder), clip_seconds=0.25)
    assert tau2020.listing(real).equals(synthetic.listing(config))
    waveforms = list(tau2020.render(real))
    assert len(waveforms) == 180
    assert {waveform.shape for waveform in waveforms} == {(5512,)}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tau"]


def test_tau_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(synthetic, "ordered_map", map)
    monkeypatch.setattr(soundfile, "write", full)
    with pytest.raises(InputError, match=r"/tau cannot be written \(.*No space left on device\): make room there"):
        synthetic.write_tau_folder(DataConfig(clips=1, clip_seconds=0.25), tmp_path / "tau")
    assert list(tmp_path.iterdir()) == []


def test_tau_folder_that_another_is_writing(tmp_path: Path) -> None:
    (tmp_path / ".tau.partial").mkdir()
    with pytest.raises(InputError, match=r"/\.tau\.partial is being written, or left from one that was killed"):
        synthetic.write_tau_folder(DataConfig(clips=1), tmp_path / "tau")


def test_tau_folder_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"/file/tau cannot be made \(.*\): name another folder$"):
        synthetic.write_tau_folder(DataConfig(clips=1), tmp_path / "file" / "tau")


def test_tau_folder_refuses_to_overwrite(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(InputError, match="is not an empty folder"):
        synthetic.write_tau_folder(DataConfig(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

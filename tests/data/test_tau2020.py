from pathlib import Path

import numpy as np
import pytest
import soundfile

from repro.config import DataConfig
from repro.data import tau2020
from repro.errors import InputError

HEADER = "filename\tscene_label\tidentifier\tsource_label"
MINIATURE = "TAU-urban-acoustic-scenes-2020-mobile-development"


def folder_with(root: Path, meta: str) -> DataConfig:
    (root / "audio").mkdir()
    (root / "meta.csv").write_text(meta)
    return DataConfig(name="tau2020", root=str(root), clip_seconds=0.5)


def test_a_clip_is_decoded_cut_and_resampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tau2020, "ordered_map", map)
    config = folder_with(tmp_path, f"{HEADER}\naudio/bus-new-york-7-3-s1.wav\tbus\tnew-york-7\ts1\n")
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    soundfile.write(tmp_path / "audio" / "bus-new-york-7-3-s1.wav", tone, 44_100, subtype="PCM_24")
    assert tau2020.listing(config).to_numpy().tolist() == [
        ["audio/bus-new-york-7-3-s1.wav", "bus", "new-york", "new-york-7", "s1"]
    ]
    (waveform,) = tau2020.render(config)
    expected = np.round(16384 * np.sin(2 * np.pi * 440 * np.arange(11_025) / 22_050))
    assert waveform.dtype == np.int16
    np.testing.assert_allclose(waveform[200:], expected[200:], atol=1)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ("filename\tscene_label\n", r"meta\.csv lacks the columns identifier, source_label: it must be tab-separated"),
        (HEADER.replace("\t", ",") + "\n", "lacks the columns filename, scene_label, identifier, source_label"),
        (HEADER + "\n", "lists no recordings"),
        ("", "cannot be read as a table"),
        (HEADER + "\n1\t2\t3\t4\t5\t6\n1\t2\n1\t2\t3\t4\t5\t6\t7\t8\n", "cannot be read as a table"),
    ],
)
def test_a_wrong_meta_csv_is_named(tmp_path: Path, meta: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        tau2020.listing(folder_with(tmp_path, meta))
    assert "\n" not in str(caught.value)


def test_a_binary_meta_csv_is_named(tmp_path: Path) -> None:
    config = folder_with(tmp_path, "")
    (tmp_path / "meta.csv").write_bytes(b"RIFF\xff\xfe\x80WAVE")
    with pytest.raises(InputError, match="cannot be read as a table"):
        tau2020.listing(config)


def test_a_folder_without_meta_csv(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"meta\.csv does not exist: set data_root"):
        tau2020.listing(DataConfig(name="tau2020", root=str(tmp_path)))


def test_the_real_miniature_lacks_five_of_six(real_data: Path) -> None:
    config = DataConfig(name="tau2020", root=str(real_data / "tau2020" / MINIATURE))
    message = r"airport-barcelona-0-1-a\.wav does not exist; 5 of the 6 recordings listed"
    with pytest.raises(InputError, match=message):
        tau2020.listing(config)


def test_the_real_clip(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tau2020, "ordered_map", map)
    name = "audio/airport-barcelona-0-0-a.wav"
    config = folder_with(tmp_path, f"{HEADER}\n{name}\tairport\tbarcelona-0\ta\n")
    original = real_data / "tau2020" / MINIATURE / name
    (tmp_path / name).write_bytes(original.read_bytes())
    (waveform,) = tau2020.render(config.model_copy(update={"clip_seconds": 1.0}))
    samples, _ = soundfile.read(original)
    # an independent route: the band below 10 kHz by way of the Fourier transform
    half = np.fft.irfft(np.fft.rfft(samples)[:10_001], 22_050) * 0.5
    low = np.fft.irfft(np.fft.rfft(waveform / 32768)[:10_001], 22_050)
    np.testing.assert_allclose(low[500:-500], half[500:-500], atol=1e-3)

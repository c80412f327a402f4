from pathlib import Path

import numpy as np
import pytest
import soundfile

from repro.data.audio import decode, fit_length, resample, to_int16, within_full_scale
from repro.errors import InputError
from repro.experiment import Resampling


def test_decodes_24_bit_samples_exactly(tmp_path: Path) -> None:
    samples = np.array([-8388608, -1, 0, 1, 4194304, 8388607]) / 8388608
    soundfile.write(tmp_path / "x.wav", samples, 44_100, subtype="PCM_24")
    waveform, rate = decode(tmp_path / "x.wav")
    assert rate == 44_100
    np.testing.assert_array_equal(waveform, samples)


def test_a_real_clip_is_decoded_exactly(real_data: Path) -> None:
    folder = real_data / "tau2020" / "TAU-urban-acoustic-scenes-2020-mobile-development"
    path = folder / "audio" / "airport-barcelona-0-0-a.wav"
    waveform, rate = decode(path)
    integers = waveform * 2**23
    content = path.read_bytes()  # a WAV of floats that hold 24-bit integers
    floats = np.frombuffer(content, "<f4", 44_100, offset=content.index(b"data") + 8)
    assert rate == 44_100
    np.testing.assert_array_equal(integers, np.round(integers))
    np.testing.assert_array_equal(integers[:4], [-21_024, -16_144, -23_736, -37_089])
    np.testing.assert_array_equal(waveform, floats)
    np.testing.assert_array_equal(waveform, soundfile.read(path)[0])


def test_channels_are_averaged(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.array([[0.5, -0.25], [0.25, 0.25]]), 44_100, subtype="FLOAT")
    np.testing.assert_array_equal(decode(tmp_path / "x.wav")[0], [0.125, 0.25])


def test_a_file_that_is_no_audio_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("no audio")
    with pytest.raises(InputError, match=r"x\.wav cannot be read as audio"):
        decode(tmp_path / "x.wav")
    soundfile.write(tmp_path / "y.wav", np.zeros(0), 44_100)
    with pytest.raises(InputError, match=r"y\.wav holds no samples"):
        decode(tmp_path / "y.wav")


@pytest.mark.parametrize("rate", [44_100, 48_000, 16_000])
def test_resampling_keeps_a_tone_below_the_cut_off(rate: int) -> None:
    out = resample(np.sin(2 * np.pi * 1000 * np.arange(rate) / rate), rate, 22_050, Resampling())
    assert out.shape == (22_050,)
    expected = np.sin(2 * np.pi * 1000 * np.arange(22_050) / 22_050)
    np.testing.assert_allclose(out[500:-500], expected[500:-500], atol=1e-5)


def test_resampling_removes_what_would_alias() -> None:
    out = resample(np.sin(2 * np.pi * 11_800 * np.arange(44_100) / 44_100), 44_100, 22_050, Resampling())
    assert np.abs(out[500:-500]).max() < 1e-5


def test_resampling_takes_its_parameters_from_the_configuration() -> None:
    # the impulse response at twice the rate: a sinc of the rolloff's cut-off that is as long as its zero crossings say
    click = np.zeros(101)
    click[50] = 1.0
    out = resample(click, 22_050, 44_100, Resampling(zero_crossings=3, rolloff=0.5, kaiser_beta=0.0))
    assert np.flatnonzero(out).tolist() == [94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106]
    sinc = np.sinc(np.arange(-6, 7) / 4)
    np.testing.assert_allclose(out[94:107], 2 * sinc / sinc.sum(), atol=1e-12)


@pytest.mark.parametrize("fault", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_named(tmp_path: Path, fault: float) -> None:
    soundfile.write(tmp_path / "x.wav", np.array([0.0, fault]), 44_100, subtype="FLOAT")
    with pytest.raises(InputError, match=r"x\.wav holds samples that are not finite"):
        decode(tmp_path / "x.wav")


def test_a_waveform_that_would_clip_is_lowered_whole() -> None:
    loud = np.array([0.5, -2.0, 1.0])
    assert to_int16(within_full_scale(loud)).tolist() == [8192, -32767, 16384]
    fitting = np.array([0.5, -32767 / 32768])
    assert within_full_scale(fitting) is fitting


def test_length_is_cut_or_filled_by_repetition() -> None:
    np.testing.assert_array_equal(fit_length(np.array([1.0, 2, 3]), 2), [1, 2])
    np.testing.assert_array_equal(fit_length(np.array([1.0, 2, 3]), 7), [1, 2, 3, 1, 2, 3, 1])


def test_quantisation_rounds_and_clips() -> None:
    np.testing.assert_array_equal(
        to_int16(np.array([0.0, 0.5, -1.0, 1.0, -1.5, 1.6 / 32768])), [0, 16384, -32768, 32767, -32768, 2]
    )

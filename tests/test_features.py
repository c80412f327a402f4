import os
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import torch

from repro.features import N_MELS, PerceptualMel, band_statistics, frames, to_float

TEN_SECONDS = 220_500


def recordings():
    """Where the real recordings lie, if they are here: REPRO_SHARED, or shared/data beside the project."""
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    return Path(os.environ.get("REPRO_SHARED", default)) / "esc10" / "audio"


def noise(seconds, amplitude, seed=0):
    return amplitude * np.random.default_rng(seed).standard_normal(int(22_050 * seconds))


def to_int16(wave):
    return np.round(np.clip(wave, -1, 1) * 32_767).astype(np.int16)


def click():
    wave = np.zeros(TEN_SECONDS)
    wave[100_000] = 1.0
    return wave


def tone():
    """A loud tone and nothing else: most of the clip lies on its floor, 80 dB down."""
    return 0.9 * np.sin(2 * np.pi * 440 * np.arange(TEN_SECONDS) / 22_050)


def fading():
    return noise(10, 0.3) * np.geomspace(1, 1e-5, TEN_SECONDS)


SIGNALS = {
    "noise": noise(10, 0.1),
    "quiet noise": noise(10, 2e-4),  # a few steps of int16
    "full scale": np.sign(noise(10, 1.0)),
    "silence": np.zeros(TEN_SECONDS),
    "click": click(),
    "tone": tone(),
    "fading": fading(),
    "short": noise(0.5, 0.1),
}


def by_librosa(samples):
    """The features of one int16 clip, in float64, by librosa's own functions."""
    wave = samples.astype(np.float64) / 32_768
    spectrum = librosa.stft(wave, n_fft=2048, hop_length=512, window="hann", center=True, pad_mode="reflect")
    assert spectrum.dtype == np.complex128
    frequencies = librosa.fft_frequencies(sr=22_050, n_fft=2048)
    with np.errstate(divide="ignore"):  # the logarithm of 0 Hz in the A-weighting
        weighted = librosa.perceptual_weighting(np.abs(spectrum) ** 2, frequencies, ref=1.0, amin=1e-10, top_db=80.0)
    bank = librosa.filters.mel(sr=22_050, n_fft=2048, n_mels=256, fmin=0, fmax=11_025, norm="slaney", dtype=np.float64)
    return bank @ weighted


def by_repro(samples):
    return PerceptualMel()(to_float(torch.from_numpy(samples)[None]))[0]


@pytest.mark.parametrize("name", SIGNALS)
def test_against_librosa(name):
    samples = to_int16(SIGNALS[name])
    features, expected = by_repro(samples), by_librosa(samples)
    assert features.dtype == torch.float32
    assert features.shape == expected.shape == (256, frames(len(samples)))
    assert np.abs(features.numpy() - expected).max() < 1e-3


def test_a_real_recording_against_librosa():
    clips = sorted(recordings().glob("*.ogg")) if recordings().is_dir() else []
    if not clips:
        pytest.skip(f"no recordings of ESC-10 at {recordings()}: set REPRO_SHARED to the folder that holds esc10")
    for clip in clips[:: max(1, len(clips) // 4)]:
        wave, rate = soundfile.read(clip, always_2d=True)
        samples = to_int16(librosa.resample(wave.mean(axis=1), orig_sr=rate, target_sr=22_050))
        assert np.abs(by_repro(samples).numpy() - by_librosa(samples)).max() < 1e-3, clip.name


def test_frames():
    assert frames(TEN_SECONDS) == 431
    assert [frames(samples) for samples in (1025, 22_050, 511 * 512, 511 * 512 + 511)] == [3, 44, 512, 512]


def test_int16_samples_are_exact_in_float32():
    samples = torch.tensor([-32_768, -1, 0, 1, 32_767], dtype=torch.int16)
    values = to_float(samples)
    assert values.dtype == torch.float32
    assert values.tolist() == [-1.0, -(2.0**-15), 0.0, 2.0**-15, 1 - 2.0**-15]


def test_features_do_not_depend_on_the_batch():
    features = PerceptualMel()
    # the floor is the clip's own: a loud neighbour must not raise that of a quiet clip
    batch = torch.stack(
        [to_float(torch.from_numpy(to_int16(w))) for w in (noise(2, 0.5), noise(2, 1e-3), fading()[:44_100])]
    )
    together = features(batch)
    for index in range(3):
        assert torch.equal(together[index], features(batch[index : index + 1])[0])
        assert torch.equal(together[index], features(batch.flip(0))[2 - index])


def test_the_input_is_left_alone_and_nothing_is_saved():
    wave = to_float(torch.from_numpy(to_int16(noise(1, 0.1))))[None]
    before = wave.clone()
    features = PerceptualMel()
    features(wave)
    assert torch.equal(wave, before)
    assert features.state_dict() == {}


def test_band_statistics_standardise_the_training_clips():
    clips = torch.stack(
        [torch.from_numpy(to_int16(noise(2, level, seed))) for seed, level in enumerate([0.3, 0.1, 0.01])]
    )
    features = PerceptualMel()
    mean, deviation = band_statistics(features, clips, batch_size=2)
    expected = np.stack([by_librosa(clip.numpy()) for clip in clips])
    assert mean.shape == deviation.shape == (N_MELS, 1)
    assert mean.dtype == deviation.dtype == torch.float32
    np.testing.assert_allclose(mean[:, 0], expected.mean(axis=(0, 2)), atol=1e-3)
    np.testing.assert_allclose(deviation[:, 0], expected.std(axis=(0, 2)), rtol=1e-3)
    values = (features(to_float(clips)) - mean) / deviation
    torch.testing.assert_close(values.mean(dim=(0, 2)), torch.zeros(N_MELS), atol=1e-4, rtol=0)
    torch.testing.assert_close(values.std(dim=(0, 2), correction=0), torch.ones(N_MELS), atol=1e-4, rtol=0)


def test_a_band_that_never_changes_has_a_deviation_that_can_be_divided_by():
    _, deviation = band_statistics(PerceptualMel(), torch.zeros(2, 22_050, dtype=torch.int16))
    assert torch.all(deviation > 0)

import os
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import torch

from repro.data.features import HOP, N_MELS, PerceptualMel, band_statistics, frames, rolled, to_float

TEN_SECONDS = 220_500


def recordings():
    """Where the real recordings lie, if they are here: REPRO_SHARED, or shared/data beside the project."""
    default = Path(__file__).resolve().parents[2].parent / "shared" / "data"
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
    mean, deviation = band_statistics(features(to_float(part)) for part in clips.split(2))
    expected = np.stack([by_librosa(clip.numpy()) for clip in clips])
    assert mean.shape == deviation.shape == (N_MELS, 1)
    assert mean.dtype == deviation.dtype == torch.float32
    np.testing.assert_allclose(mean[:, 0], expected.mean(axis=(0, 2)), atol=1e-3)
    np.testing.assert_allclose(deviation[:, 0], expected.std(axis=(0, 2)), rtol=1e-3)
    values = (features(to_float(clips)) - mean) / deviation
    torch.testing.assert_close(values.mean(dim=(0, 2)), torch.zeros(N_MELS), atol=1e-4, rtol=0)
    torch.testing.assert_close(values.std(dim=(0, 2), correction=0), torch.ones(N_MELS), atol=1e-4, rtol=0)


def test_a_band_that_never_changes_has_a_deviation_that_can_be_divided_by():
    _, deviation = band_statistics([PerceptualMel()(torch.zeros(2, 22_050))])
    assert torch.all(deviation > 0)


LENGTHS = (8820, 20 * HOP, 20 * HOP + 1, 21 * HOP - 1)


def repeating_by_numpy(samples):
    """`PerceptualMel.periodic` of one int16 clip in float64: one FFT a frame of the clip, indexed modulo its length."""
    wave, hann = samples / 32_768, 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    before = [len(wave) - HOP * hop for hop in range(len(wave) // HOP, 0, -1)]
    after = [HOP * hop for hop in range(len(wave) // HOP + 1)]
    places = np.array(before + after)[:, None] + np.arange(-1024, 1024)
    decibel = 10 * np.log10(np.maximum(1e-10, np.abs(np.fft.rfft(wave[places % len(wave)] * hann)) ** 2))
    decibel = np.maximum(decibel, decibel.max() - 80)
    with np.errstate(divide="ignore"):  # 0 Hz
        weighting = librosa.A_weighting(np.arange(1025) * 22_050 / 2048)
    bank = librosa.filters.mel(sr=22_050, n_fft=2048, n_mels=256, fmin=0, fmax=11_025, norm="slaney", dtype=np.float64)
    return bank @ (decibel + weighting).T


def test_the_place_of_a_roll():
    assert rolled(431, 0) == slice(430, 861)
    assert rolled(431, 1) == slice(429, 860)
    assert rolled(431, 430) == slice(0, 431)


@pytest.mark.parametrize("length", LENGTHS)
def test_features_of_a_rolled_wave_are_columns_of_those_of_the_repeated_one(length):
    features = PerceptualMel()
    wave = to_int16(0.1 * np.random.default_rng(0).standard_normal(length))
    periodic = features.periodic(to_float(torch.from_numpy(wave)[None]))
    assert periodic.shape == (1, N_MELS, 2 * frames(length) - 1) and periodic.dtype == torch.float32
    for hops in (0, 1, 2, 7, frames(length) - 1):
        forward = features(to_float(torch.from_numpy(np.roll(wave, hops * HOP))[None]))
        columns = periodic[..., rolled(frames(length), hops)]
        assert columns.shape == forward.shape
        torch.testing.assert_close(columns[..., 2:-2], forward[..., 2:-2], atol=1e-4, rtol=0)
        # the two frames at each end see the mirrored clip there (the last but one as little as one sample of it), and
        # the repeated one here
        assert float((columns - forward)[..., [0, 1, -1]].abs().amax(dim=(0, 1)).min()) > 0.1


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("fall", [1.0, 1e-5])  # without anything at the floor, and most of the clip at it
def test_the_repeated_wave_in_double_precision(length, fall):
    wave = to_int16(0.1 * np.random.default_rng(1).standard_normal(length) * np.geomspace(1, fall, length))
    periodic = PerceptualMel().periodic(to_float(torch.from_numpy(wave)[None]))[0]
    assert np.abs(periodic.numpy() - repeating_by_numpy(wave)).max() < 1e-3


def band_100_in_a_weighting():
    """What the A-weighting adds to band 100 in dB."""
    bank = librosa.filters.mel(sr=22_050, n_fft=2048, n_mels=256, fmax=11_025, dtype=np.float64)[100]
    inside = bank.nonzero()[0]
    return bank[inside] @ librosa.A_weighting(inside * 22_050 / 2048) / bank.sum()


def test_the_floor_is_that_of_the_loudest_frame_of_either_phase():
    length = 20 * HOP + HOP // 2  # the frames before and after the clip's beginning lie half a hop apart
    features = PerceptualMel()
    for centre in (10 * HOP, 10 * HOP + HOP // 2):  # of a frame after the beginning, and of one before it
        wave = np.zeros(length, dtype=np.int16)
        wave[centre] = -32_768
        floor = features.decibel(features.periodic(to_float(torch.from_numpy(wave)[None])))[0, 100, -1]
        assert float(floor) == pytest.approx(-80 + band_100_in_a_weighting(), abs=1e-3)


def test_repeated_features_do_not_depend_on_the_batch():
    features = PerceptualMel()
    batch = to_float(torch.stack([torch.from_numpy(to_int16(noise(1, level))) for level in (0.5, 1e-3, 0.1)]))
    together = features.periodic(batch)
    for index in range(3):
        assert torch.equal(together[index], features.periodic(batch[index : index + 1])[0])

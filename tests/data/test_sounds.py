import numpy as np
import pytest

from repro.data.synthetic import sounds
from repro.data.synthetic.sounds import Span

SPAN = Span(44_100, 22_050)


def spectrum(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.fft.rfftfreq(len(waveform), 1 / SPAN.rate), np.abs(np.fft.rfft(waveform)) ** 2


def test_band_has_its_slope_and_skirts() -> None:
    hertz = np.array([400, 800, 1600], np.float32)
    decibel = 20 * np.log10(sounds.band(1, 1e6, -6.02)(hertz))
    np.testing.assert_allclose(np.diff(decibel), -6.02, atol=0.01)
    skirt = 20 * np.log10(sounds.band(1000, 1e6)(np.array([62.5, 125, 1000], np.float32)))
    np.testing.assert_allclose([skirt[1] - skirt[0], skirt[2]], [12.04, -3.01], atol=0.05)


def test_noise_has_unit_level_and_stays_in_its_band() -> None:
    waveform = sounds.noise(np.random.default_rng(0), SPAN, sounds.band(500, 1000))
    assert waveform.shape == (44_100,)
    assert waveform.dtype == np.float32
    assert np.sqrt(np.mean(waveform**2)) == pytest.approx(1, abs=1e-4)
    hertz, power = spectrum(waveform)
    ideal = 1 / ((1 + (500 / hertz[1:]) ** 4) * (1 + (hertz[1:] / 1000) ** 4))
    inside = (hertz[1:] > 500) & (hertz[1:] < 1000)
    assert power[1:][inside].sum() / power.sum() == pytest.approx(ideal[inside].sum() / ideal.sum(), abs=0.03)


def test_periodic_has_the_harmonics_asked_for() -> None:
    cycles = sounds.turns(np.full(SPAN.samples, 100.0), SPAN.rate)
    waveform = sounds.periodic(np.random.default_rng(0), cycles, [1.0, 0.0, 0.5])
    power = spectrum(waveform)[1]
    amplitude = 2 * np.sqrt(power) / SPAN.samples
    np.testing.assert_allclose(amplitude[[200, 400, 600, 800]], [1.0, 0.0, 0.5, 0.0], atol=1e-3)  # bins of 0.5 Hz


def test_a_car_that_passes_falls_in_pitch_and_is_loudest_when_nearest() -> None:
    waveform = sounds.pass_by(np.random.default_rng(0), SPAN, 1.0, 15, 5, 1000, 90)
    level = np.sqrt(np.mean(waveform.reshape(20, -1) ** 2, axis=1))
    assert 7 <= int(np.argmax(level)) <= 12
    assert level.max() > 4 * level[0]


def test_reverberation_decays_by_60_db_in_t60() -> None:
    response = sounds.room_response(np.random.default_rng(0), SPAN.rate, 0.8, 0.0)
    assert np.sum(response**2) == pytest.approx(1, abs=1e-5)
    tail = 10 * np.log10(np.cumsum(response[::-1] ** 2)[::-1])  # Schroeder's backward integration
    early, late = round(0.2 * SPAN.rate), round(0.4 * SPAN.rate)
    assert (tail[late] - tail[early]) / 0.2 * 0.8 == pytest.approx(-60, abs=6)
    dry = np.zeros(5000, np.float32)
    dry[7] = 1
    np.testing.assert_allclose(sounds.reverberate(dry, response)[7:], response[:4993], atol=1e-6)


def test_a_voice_has_its_pitch() -> None:
    waveform = sounds.voice(np.random.default_rng(3), SPAN, 200.0, 6.0)
    hertz, power = spectrum(waveform)
    voiced = power[(hertz > 140) & (hertz < 270)].sum()
    assert voiced > 5 * power[(hertz > 20) & (hertz < 130)].sum()


def test_strewn_grains_are_cut_at_the_edges() -> None:
    out = np.zeros(10, np.float32)
    grain = np.array([1, 2, 3], np.float32)
    for start in (-2.0, 4.0, 9.0, -5.0, 20.0):
        sounds.strew(out, grain, start, 1)
    assert out.tolist() == [3, 0, 0, 0, 1, 2, 3, 0, 0, 1]

import numpy as np
import pytest

from repro.data.devices import SYNTHETIC, Compressor, Device, apply, compress, response_filter, through_microphone

RATE = 22_050


def tone(hertz: float, amplitude: float, seconds: float = 1.0) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def rms_db(waveform: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(waveform**2))))


def test_steady_level_above_the_threshold_rises_by_one_over_the_ratio() -> None:
    # peak -10 dBFS, threshold -30, ratio 4: -30 + 20 / 4 = -25 dBFS, a gain of -15 dB
    loud = tone(1000, 10 ** (-10 / 20))
    out = compress(loud, Compressor(-30, 4, 0.005, 0.1), RATE)
    steady = slice(RATE // 2, RATE - 100)
    assert rms_db(out[steady]) - rms_db(loud[steady]) == pytest.approx(-15, abs=0.1)


def test_below_the_threshold_nothing_changes() -> None:
    quiet = tone(1000, 10 ** (-35 / 20))
    np.testing.assert_array_equal(compress(quiet, Compressor(-30, 4, 0.005, 0.1), RATE), quiet)


@pytest.mark.parametrize(("attack", "release"), [(0.05, 0.2), (0.1, 0.3)])
def test_attack_and_release_are_time_constants(attack: float, release: float) -> None:
    # a step from silence to 0 dBFS and back to -20: target 20 dB * (1 - 1/2) = 10 dB, then (20 - 20) * ... = 0 dB
    loud, quiet = np.full(RATE, 1.0), np.full(RATE, 10 ** (-20 / 20))
    out = compress(np.concatenate([loud, quiet]), Compressor(-20, 2, attack, release), RATE)
    after_attack = round(attack * RATE)
    assert 20 * np.log10(out[after_attack]) == pytest.approx(-10 * (1 - np.exp(-1)), abs=0.15)
    after_release = RATE + round(release * RATE)
    assert 20 * np.log10(out[after_release] / quiet[0]) == pytest.approx(-10 * np.exp(-1), abs=0.15)


@pytest.mark.parametrize(("hertz", "decibel"), [(250.0, -1.0), (1000.0, 0.0), (4200.0, 7.0), (7000.0, 1.0)])
def test_filter_has_the_response_at_its_points(hertz: float, decibel: float) -> None:
    fir = response_filter(SYNTHETIC["b"].response, RATE)
    gain = abs(np.sum(fir * np.exp(-2j * np.pi * hertz / RATE * np.arange(len(fir)))))  # the DTFT at one frequency
    assert 20 * np.log10(gain) == pytest.approx(decibel, abs=0.3)
    np.testing.assert_allclose(fir, fir[::-1], atol=1e-12)


def test_a_flat_device_only_adds_its_gain_and_noise() -> None:
    device = Device(((20, 0), (11000, 0)), gain=6.0, noise=-60.0)
    sound = tone(1000, 0.1)
    out = apply(device, sound, RATE, np.random.default_rng(0))
    assert out.shape == sound.shape
    inner = slice(1000, -1000)
    assert rms_db((out - sound * 10**0.3)[inner]) == pytest.approx(-60, abs=0.3)


def test_a_device_delays_nothing() -> None:
    click = np.zeros(4000)
    click[1500] = 0.5
    for device in SYNTHETIC.values():
        silent = Device(device.response)
        assert abs(int(np.argmax(np.abs(apply(silent, click, RATE, np.random.default_rng(0))))) - 1500) <= 1


def test_microphone_keeps_the_level_and_takes_out_its_delay() -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, RATE)
    response = np.zeros(500)
    response[40:43] = 0.2, 1.0, -0.3
    heard = through_microphone(sound, response, RATE)
    assert rms_db(heard) == pytest.approx(rms_db(sound), abs=1e-9)
    lag = int(np.argmax(np.correlate(heard[:2000], sound[:2000], "full"))) - 1999
    assert lag == 0
    np.testing.assert_array_equal(through_microphone(np.zeros(100), response, RATE), np.zeros(100))


def test_the_nine_devices_differ_from_the_training_device() -> None:
    grid = np.array([200.0, 500, 1000, 2000, 4000, 8000])

    def curve(name: str) -> np.ndarray:
        points = np.array(SYNTHETIC[name].response)
        return np.interp(np.log(grid), np.log(points[:, 0]), points[:, 1])

    assert list(SYNTHETIC) == ["a", "b", "c", "s1", "s2", "s3", "s4", "s5", "s6"]
    for name in list(SYNTHETIC)[1:]:
        assert np.ptp(curve(name) - curve("a")) >= 4  # dB, so not merely another level

from pathlib import Path

import numpy as np
import pytest
import soundfile

from repro.data import esc10
from repro.data.split import split_by_city_and_scene
from repro.errors import InputError
from repro.experiment import DataConfig, Resampling

RATE = 22_050


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataConfig:
    """Four recordings of half a second and one of 0.2 s, seven microphones; the third one used is a delayed click."""
    monkeypatch.setattr(esc10, "ordered_map", map)
    rng = np.random.default_rng(0)
    (tmp_path / "esc" / "audio").mkdir(parents=True)
    rows = ["filename,fold,freesound_clip,take,label"]
    for number in range(5):
        name = f"{number % 2 + 1}-{100 + number}-A.ogg"
        seconds = 0.2 if number == 4 else 0.5
        soundfile.write(tmp_path / "esc" / "audio" / name, rng.normal(0, 0.05, round(seconds * 44_100)), 44_100)
        rows.append(f"{name},{number % 2 + 1},{100 + number},A,{'rain' if number < 2 else 'dog_bark'}")
    (tmp_path / "esc" / "meta.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "mics").mkdir()
    for name in "abcdefg":
        response = np.zeros(300)
        response[30] = 1.0
        if name != "d":
            response[31:] = rng.normal(0, 0.05, 269)
        soundfile.write(tmp_path / "mics" / f"mic_{name}.wav", response, RATE, subtype="PCM_24")
    (tmp_path / "mics" / "notes.txt").write_text("")
    return DataConfig(
        name="esc10",
        root=str(tmp_path / "esc"),
        impulse_responses=str(tmp_path / "mics"),
        clip_seconds=0.5,
        microphones=6,
    )


def test_every_recording_through_every_microphone(folders: DataConfig) -> None:
    table = esc10.listing(folders)
    # 6 of 7, evenly: sorted numbers 0, 1.2, 2.4, 3.6, 4.8, 6 rounded
    microphones = ["mic_a", "mic_b", "mic_c", "mic_e", "mic_f", "mic_g"]
    assert table["device"].tolist() == ["a", *microphones] * 5
    assert table.iloc[7].tolist() == ["audio/2-101-A.ogg", "rain", "fold2", "101", "a"]


def test_waveforms_keep_their_level(folders: DataConfig) -> None:
    waveforms = np.array(list(esc10.render(folders)), np.float64).reshape(5, 7, 11_025)
    rms = np.sqrt(np.mean(waveforms**2, axis=2))
    np.testing.assert_allclose(rms, np.repeat(rms[:, :1], 7, axis=1), rtol=2e-3)
    for recording in waveforms:
        assert np.abs(np.corrcoef(recording)[0, 1:]).max() < 0.999  # the microphones do change it
    short = waveforms[4, 0]  # 0.2 s, repeated
    np.testing.assert_array_equal(short[4410:8820], short[:4410])


@pytest.mark.parametrize(("amplitude", "level"), [(0.9, 29_491), (1.3, 32_767)])  # Vorbis decodes beyond 1.0, too
def test_nothing_clips(folders: DataConfig, monkeypatch: pytest.MonkeyPatch, amplitude: float, level: int) -> None:
    rng = np.random.default_rng(1)
    square = amplitude * np.sign(rng.normal(size=11_025))  # as loud as can be; through a microphone it has peaks
    response = rng.normal(size=300)
    monkeypatch.setattr(esc10, "decode", lambda path: (square if path.suffix == ".ogg" else response, RATE))
    original, *heard = np.array(list(esc10.render(folders))[:7], np.int64)
    np.testing.assert_array_equal(original, level * np.sign(square))
    for waveform in heard:
        assert np.abs(waveform).max() == 32_767
        assert np.count_nonzero(np.abs(waveform) == 32_767) == 1  # one sample just fits, none is cut off


def test_all_microphones_of_the_folder(folders: DataConfig) -> None:
    table = esc10.listing(folders.model_copy(update={"microphones": 0}))
    assert table["device"].tolist() == ["a", *(f"mic_{name}" for name in "abcdefg")] * 5


@pytest.mark.parametrize("first_row", [1, 6, 7, 20, 34, 35])
def test_waveforms_from_a_row_on(folders: DataConfig, first_row: int) -> None:
    whole = list(esc10.render(folders))
    rest = list(esc10.render(folders, first_row))
    assert len(rest) == 35 - first_row
    for waveform, expected in zip(rest, whole[first_row:], strict=True):
        np.testing.assert_array_equal(waveform, expected)


def test_resampling_is_configured(folders: DataConfig) -> None:
    other = folders.model_copy(update={"resampling": Resampling(rolloff=0.5)})
    dull, bright = (np.fft.rfft(next(esc10.render(config)))[4000:] for config in (other, folders))  # above 8 kHz
    assert np.abs(dull).mean() < 0.05 * np.abs(bright).mean()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.wav", r"/a\.wav would be a second device 'a': rename it"),
        ("mic_b.WAV", r"/mic_b\.wav would be a second device 'mic_b': rename it"),
    ],
)
def test_two_devices_of_one_name(folders: DataConfig, name: str, message: str) -> None:
    (Path(folders.impulse_responses) / name).write_bytes(b"")
    with pytest.raises(InputError, match=message):
        esc10.listing(folders)


def test_fewer_microphones_than_asked_for(folders: DataConfig) -> None:
    message = r"/mics holds 7 microphones: set microphones to at most that, or to 0 for all"
    with pytest.raises(InputError, match=message):
        esc10.listing(folders.model_copy(update={"microphones": 8}))


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (np.zeros(300), r"mic_b\.wav is silent, no impulse response: remove it"),
        (np.array([1.0, np.nan]), r"mic_b\.wav holds samples that are not finite"),
        (np.zeros(0), r"mic_b\.wav holds no samples"),
        (None, r"mic_b\.wav cannot be read as audio"),
    ],
)
def test_a_response_that_is_none_is_named(folders: DataConfig, response: np.ndarray | None, message: str) -> None:
    path = Path(folders.impulse_responses) / "mic_b.wav"
    if response is None:
        path.write_text("no audio")
    else:
        soundfile.write(path, response, RATE, subtype="FLOAT")
    with pytest.raises(InputError, match=message):
        next(esc10.render(folders))


def test_every_third_microphone_compresses(folders: DataConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def record(waveform: np.ndarray, *arguments: object) -> np.ndarray:
        seen.append(arguments[-1] is not None)
        return waveform

    monkeypatch.setattr(esc10, "through_microphone", record)
    list(esc10.render(folders))
    assert seen == [False, False, True, False, False, True] * 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"root": "/nowhere"}, "/nowhere is not a folder: fetch the recordings"),
        ({"impulse_responses": ""}, "needs microphones: set impulse_responses"),
        ({"impulse_responses": "/nowhere"}, "/nowhere is not a folder: set impulse_responses"),
    ],
)
def test_missing_folders_are_named(folders: DataConfig, change: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        esc10.listing(folders.model_copy(update=change))


def test_a_folder_without_microphones(folders: DataConfig, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \.wav file"):
        esc10.listing(folders.model_copy(update={"impulse_responses": str(tmp_path)}))


def test_the_real_set(real_data: Path) -> None:
    config = DataConfig(
        name="esc10",
        root=str(real_data / "esc10"),
        impulse_responses=str(real_data / "micirp"),
        clip_seconds=5.0,
        microphones=6,
    )
    table = esc10.listing(config)
    split = split_by_city_and_scene(table)
    assert len(table) == 2800
    assert (len(split.train), len(split.seen), len(split.unseen)) == (240, 160, 960)
    assert [path.stem for path in esc10.microphones(config)] == [
        "Altec_639",
        "EV_RE20_Flat",
        "IR_GaumontKalee",
        "IR_STC4033_Cardioid",
        "Reslo_RB_RedLabel",
        "Toshiba_TypeK_flat",
    ]

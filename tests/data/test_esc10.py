from pathlib import Path

import numpy as np
import pytest
import soundfile

from repro.config import DataConfig
from repro.data import esc10
from repro.data.split import split_by_city_and_scene
from repro.errors import InputError

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
        ({"root": "/nowhere"}, "/nowhere is not a folder: set data_root"),
        ({"impulse_responses": ""}, "needs microphones: set data_impulse_responses"),
        ({"impulse_responses": "/nowhere"}, "/nowhere is not a folder: set data_impulse_responses"),
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

from pathlib import Path

import numpy as np
import pytest
import soundfile

from repro.data import check, load, tau2020
from repro.data.split import split_of
from repro.errors import InputError
from repro.experiment import DataConfig

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


def test_all_faults_of_meta_csv_are_named_at_once(tmp_path: Path) -> None:
    rows = ["a.wav\tbus\tlyon-1\ta", "b.wav\tbeach\tlyon\tb", "c.wav\tbus"]
    config = folder_with(tmp_path, "\n".join([HEADER, *rows]) + "\n")
    (tmp_path / "a.wav").touch()
    with pytest.raises(InputError) as caught:
        tau2020.listing(config)
    assert str(caught.value).splitlines() == [
        f"{tmp_path} has 5 faults: fix them; this lists all of them: repro data check {tmp_path} --dataset tau2020",
        "meta.csv: line 4 has 2 fields instead of 4",
        "b.wav: unknown scene 'beach': not airport, bus, metro, metro_station, park, public_square, shopping_mall, "
        "street_pedestrian, street_traffic, tram (meta.csv line 3)",
        "b.wav: malformed identifier 'lyon': not city-location (meta.csv line 3)",
        "b.wav: does not exist",
        "c.wav: does not exist",
    ]


def test_a_folder_without_meta_csv(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"meta\.csv does not exist: set data_root"):
        tau2020.listing(DataConfig(name="tau2020", root=str(tmp_path)))


def test_the_real_miniature_lacks_five_of_six(real_data: Path) -> None:
    config = DataConfig(name="tau2020", root=str(real_data / "tau2020" / MINIATURE))
    with pytest.raises(InputError, match=r"has 5 faults: .*\naudio/airport-barcelona-0-1-a\.wav: does not exist\n"):
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


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataConfig:
    """Six clips of 0.2 s, of which the official lists take five: two to train on, three to test on."""
    for module in (tau2020, check):
        monkeypatch.setattr(module, "ordered_map", map)
    monkeypatch.setattr(tau2020, "SECONDS", 0.2)
    root = tmp_path / "tau"
    root.mkdir()
    clips = [("0-a", "a"), ("1-a", "a"), ("1-b", "b"), ("2-a", "a"), ("2-b", "b"), ("2-s1", "s1")]
    rows = [f"audio/bus-lyon-0-{name}.wav\tbus\tlyon-0\t{device}" for name, device in clips]
    config = folder_with(root, "\n".join([HEADER, *rows]) + "\n")
    rng = np.random.default_rng(0)
    for name, _ in clips:
        soundfile.write(root / "audio" / f"bus-lyon-0-{name}.wav", rng.uniform(-0.5, 0.5, 8820), 44_100)
    write_list(
        root, "train", ["filename\tscene_label", *(f"audio/bus-lyon-0-{name}.wav\tbus" for name in ("0-a", "1-b"))]
    )
    write_list(root, "test", ["filename", *(f"audio/bus-lyon-0-{name}.wav" for name in ("2-s1", "2-a", "2-b"))])
    return config.model_copy(update={"split": "official", "clip_seconds": 0.2})


def write_list(root: Path, side: str, lines: list[str]) -> None:
    (root / "evaluation_setup").mkdir(exist_ok=True)
    (root / "evaluation_setup" / f"fold1_{side}.csv").write_text("\n".join(lines) + "\n")


def test_the_official_split(official: DataConfig, tmp_path: Path) -> None:
    clips = load(official, tmp_path / "store")
    assert clips.table["fold"].tolist() == ["train", "", "train", "test", "test", "test"]
    split = split_of(clips)
    assert (split.train.tolist(), split.seen.tolist(), split.unseen.tolist()) == ([0], [3], [4, 5])


def test_the_official_split_is_part_of_the_fingerprint_and_needs_no_second_preparation(
    official: DataConfig, tmp_path: Path
) -> None:
    paper = load(official.model_copy(update={"split": "paper"}), tmp_path / "store")
    clips = load(official, tmp_path / "store")
    assert "fold" not in paper.table
    assert len({paper.fingerprint, clips.fingerprint, load(official, tmp_path / "store").fingerprint}) == 2
    assert len(list((tmp_path / "store" / "data").glob("tau2020-*/waveforms.npy"))) == 1
    names = [f"audio/bus-lyon-0-{name}.wav" for name in ("2-s1", "2-a")]
    write_list(Path(official.root), "test", ["filename", *names])
    assert load(official, tmp_path / "store").fingerprint not in (paper.fingerprint, clips.fingerprint)


@pytest.mark.parametrize(
    ("side", "lines", "fault"),
    [
        ("train", ["filename", "audio/x.wav"], "line 2: audio/x.wav is not listed in meta.csv"),
        (
            "train",
            ["filename\tscene_label", "audio/bus-lyon-0-0-a.wav\ttram"],
            "line 2: audio/bus-lyon-0-0-a.wav is of the scene bus in meta.csv",
        ),
        ("test", ["filename", "audio/bus-lyon-0-0-a.wav"], "line 2: audio/bus-lyon-0-0-a.wav is listed before"),
        ("test", ["name"], "lacks the column filename: it must be tab-separated with the columns filename"),
    ],
)
def test_faults_of_the_official_lists(official: DataConfig, side: str, lines: list[str], fault: str) -> None:
    write_list(Path(official.root), side, lines)
    with pytest.raises(InputError) as caught:
        tau2020.listing(official)
    assert str(caught.value).splitlines()[1:] == [f"evaluation_setup/fold1_{side}.csv: {fault}"]


def test_a_missing_official_list(official: DataConfig) -> None:
    (Path(official.root) / "evaluation_setup" / "fold1_test.csv").unlink()
    with pytest.raises(InputError, match=r"evaluation_setup/fold1_test\.csv does not exist: it has to be there"):
        tau2020.listing(official)


def test_the_official_lists_of_the_real_miniature(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    miniature = real_data / "tau2020" / MINIATURE
    (tmp_path / "meta.csv").write_bytes((miniature / "meta.csv").read_bytes())
    (tmp_path / "evaluation_setup").mkdir()
    for side in ("train", "test"):
        name = f"evaluation_setup/fold1_{side}.csv"
        (tmp_path / name).write_bytes((miniature / name).read_bytes())
    (tmp_path / "audio").mkdir()
    for line in (miniature / "meta.csv").read_text().splitlines()[1:]:
        (tmp_path / line.split("\t")[0]).touch()
    table = tau2020.listing(DataConfig(name="tau2020", root=str(tmp_path), split="official"))
    assert table["fold"].tolist() == ["train"] * 3 + ["test"] * 3

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from repro.config import DataConfig, Experiment
from repro.data import check, load, source, synthetic, tau2020
from repro.data.parallel import ordered_map
from repro.errors import InputError

TINY = DataConfig(clips=1, clip_seconds=0.2)


@pytest.fixture(autouse=True)
def two_cities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "CITIES", ("lyon", "vienna"))
    monkeypatch.setattr(synthetic, "ordered_map", map)
    monkeypatch.setattr(tau2020, "ordered_map", map)


def test_prepares_once_whoever_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[DataConfig] = []
    render = synthetic.render

    def counted(config: DataConfig, first_row: int) -> Iterator[np.ndarray]:
        calls.append(config)
        return render(config, first_row)

    monkeypatch.setattr(synthetic, "render", counted)
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: load(TINY, tmp_path), range(4)))
    assert len(calls) == 1
    assert len({clips.fingerprint for clips in opened}) == 1
    clips = opened[0]
    assert clips.waveforms.shape == (180, 4410)
    assert clips.scenes == tuple(sorted(synthetic.SCENES))
    assert clips.table.equals(synthetic.listing(TINY))


def test_two_stores_hold_the_same(tmp_path: Path) -> None:
    first, second = load(TINY, tmp_path / "x"), load(TINY, tmp_path / "y")
    assert first.fingerprint == second.fingerprint
    assert load(TINY.model_copy(update={"seed": 1}), tmp_path / "x").fingerprint != first.fingerprint


def test_a_changed_recording_is_prepared_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tau2020, "RECORDED_RATE", 22_050)
    monkeypatch.setattr(tau2020, "SECONDS", 0.2)
    monkeypatch.setattr(check, "ordered_map", map)
    root = tmp_path / "tau"
    synthetic.write_tau_folder(TINY, root, sample_rate=22_050, seconds=0.2)
    config = DataConfig(name="tau2020", root=str(root), clip_seconds=0.2)
    before = load(config, tmp_path / "store")
    assert load(config, tmp_path / "store").fingerprint == before.fingerprint
    path = root / "audio" / "bus-lyon-0-0-a.wav"
    soundfile.write(path, np.tile([0.25, -0.25], 2205), 22_050, subtype="PCM_24")
    os.utime(path, (1, 1))
    after = load(config, tmp_path / "store")
    assert after.fingerprint != before.fingerprint
    row = int(np.flatnonzero(after.table["filename"] == "audio/bus-lyon-0-0-a.wav")[0])
    assert before.waveforms[row].tolist() != [8192, -8192] * 2205
    assert after.waveforms[row].tolist() == [8192, -8192] * 2205


@pytest.mark.parametrize("name", ["esc10", "tau2020"])
def test_a_missing_folder_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="/nowhere is not a folder: set data_root"):
        load(DataConfig(name=name, root="/nowhere", impulse_responses="/nowhere"), tmp_path / "store")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(source, "write_clips", refuse)
    with pytest.raises(InputError, match=r"cannot be written \(Permission denied\): mend that, or set REPRO_STORE"):
        load(TINY, tmp_path)


def test_where_the_recordings_lie_does_not_enter_the_key() -> None:
    here, there = (
        Experiment(data=DataConfig(name="esc10", root=root, impulse_responses=root + "/mics")) for root in ("/x", "/y")
    )
    assert here.key("f") == there.key("f")
    assert here.key("f") != here.key("g")


def test_a_script_without_a_main_guard_does_not_wait_for_itself(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from repro.config import DataConfig\n"
        "from repro.data import load, synthetic\n"
        "synthetic.CITIES = ('lyon', 'vienna')\n"
        "synthetic.SCENES = {'bus': synthetic.SCENES['bus']}\n"
        f"print(len(load(DataConfig(clips=1, clip_seconds=0.2), Path({str(tmp_path)!r})).table))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "18\n"), done.stderr


def test_parallel_map_keeps_the_order() -> None:
    assert list(ordered_map(abs, range(-20, 0))) == list(range(20, 0, -1))

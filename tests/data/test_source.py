import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
from filelock import FileLock

from repro.data import check, load, source, tau2020
from repro.data.parallel import ordered_map
from repro.data.synthetic import dataset as synthetic
from repro.errors import InputError
from repro.experiment import DataConfig, Experiment, Resampling

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


def test_a_changed_recording_is_prepared_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tau2020, "RECORDED_RATE", 22_050)
    monkeypatch.setattr(tau2020, "SECONDS", 0.2)
    monkeypatch.setattr(check, "ordered_map", map)
    root = tmp_path / "tau"
    synthetic.write_tau_folder(TINY, root, sample_rate=22_050)
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
    with pytest.raises(InputError, match="/nowhere is not a folder: fetch the recordings"):
        load(DataConfig(name=name, root="/nowhere", impulse_responses="/nowhere"), tmp_path / "store")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def ending_with(error: BaseException, row: int) -> Callable[..., Iterator[np.ndarray]]:
    """A `render` of the synthetic set that raises behind `row` waveforms."""
    render = synthetic.render

    def failing(config: DataConfig, first_row: int) -> Iterator[np.ndarray]:
        yield from islice(render(config, first_row), row - first_row)
        raise error

    return failing


def test_an_interrupted_preparation_is_continued_where_it_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, undisturbed = tmp_path / "store", tmp_path / "undisturbed"
    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "render", ending_with(KeyboardInterrupt(), 150))
        with pytest.raises(KeyboardInterrupt):
            load(TINY, store)
    starts: list[int] = []
    render = synthetic.render

    def noted(config: DataConfig, first_row: int) -> Iterator[np.ndarray]:
        starts.append(first_row)
        return render(config, first_row)

    monkeypatch.setattr(synthetic, "render", noted)
    load(TINY, store)
    load(TINY, undisturbed)
    assert starts == [128, 0]  # progress is recorded every 64 clips
    assert files(store) == files(undisturbed)


def test_a_recording_that_cannot_be_read_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "render", ending_with(InputError("x.wav cannot be read: fix it"), 150))
    with pytest.raises(InputError, match=r"^x\.wav cannot be read: fix it$"):
        load(TINY, tmp_path)
    assert files(tmp_path) == {}


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT])
def test_a_store_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    reason = os.strerror(code)
    monkeypatch.setattr(synthetic, "render", ending_with(OSError(code, reason), 70))
    with pytest.raises(InputError) as caught:
        load(TINY, tmp_path)
    assert str(caught.value) == (
        f"the store {tmp_path} cannot be written ({reason}): fix that, or set REPRO_STORE to another folder, and "
        "start again; clips prepared so far are kept"
    )
    assert not [path for path in (tmp_path / "data").iterdir() if path.is_dir() and not path.name.startswith(".")]


def test_a_disk_without_room_is_said_before_anything_is_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 180 clips of 4,410 samples of 2 bytes are 1,587,600 bytes, and the table is a bit more
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_590_000))
    message = r"has 0\.002 GB free where preparing 'synthetic' takes 0\.002 GB: make room there, or set REPRO_STORE to"
    with pytest.raises(InputError, match=message):
        load(TINY, tmp_path)
    assert files(tmp_path) == {}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_620_000))
    assert len(load(TINY, tmp_path).waveforms) == 180


def test_what_killed_preparations_left_is_removed_before_the_next(tmp_path: Path) -> None:
    data = tmp_path / "data"
    abandoned, held, temporary, other = (
        data / name
        for name in (
            f".synthetic-{'0' * 20}.partial",
            f".synthetic-{'1' * 20}.partial",
            f".synthetic-{'2' * 20}-x8f3k2",
            f".tau2020-{'3' * 20}.partial",
        )
    )
    for folder in (abandoned, held, temporary, other):
        folder.mkdir(parents=True)
        (folder / "waveforms.npy").write_bytes(b"")
    with FileLock(data / f"synthetic-{'1' * 20}.lock"):
        load(TINY, tmp_path)
        assert [path.exists() for path in (abandoned, held, temporary, other)] == [False, True, False, True]


def test_resampling_and_microphones_determine_the_prepared_set(tmp_path: Path) -> None:
    def digest(name: str, **values: object) -> str:
        return source._digest(DataConfig(name=name, root=str(tmp_path), impulse_responses=str(tmp_path), **values))  # type: ignore[arg-type]

    other = Resampling(zero_crossings=32)
    assert digest("tau2020") != digest("tau2020", resampling=other)
    assert digest("esc10") != digest("esc10", resampling=other)
    assert digest("esc10") != digest("esc10", microphones=6)
    assert digest("synthetic") == digest("synthetic", resampling=other)


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
        "from repro.experiment import DataConfig\n"
        "from repro.data import load\nfrom repro.data.synthetic import dataset as synthetic\n"
        "synthetic.CITIES = ('lyon', 'vienna')\n"
        "synthetic.SCENES = {'bus': synthetic.SCENES['bus']}\n"
        f"print(len(load(DataConfig(clips=1, clip_seconds=0.2), Path({str(tmp_path)!r})).table))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "18\n"), done.stderr


def test_parallel_map_keeps_the_order() -> None:
    assert list(ordered_map(abs, range(-20, 0))) == list(range(20, 0, -1))


def test_parallel_map_runs_no_further_ahead_than_two_tasks_a_process() -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = ordered_map(abs, tasks())
    for number in range(20):
        assert next(results) == number
        time.sleep(0.01)  # ample for a task
        assert len(taken) <= number + 1 + 2 * joblib.cpu_count()


def files(store: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in store.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def test_hidden_files_do_not_count(tmp_path: Path) -> None:
    (tmp_path / ".get").mkdir()
    for name in (".DS_Store", ".get/part", "meta.csv"):
        (tmp_path / name).write_text("x")
    assert [name for name, *_ in source.folder_state(str(tmp_path))] == ["meta.csv"]

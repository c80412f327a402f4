import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from repro.data import clips
from repro.data.clips import COLUMNS, read_clips, rows_written, samples_in, write_clips
from repro.errors import InputError

TABLE = pd.DataFrame(
    [("audio/x.wav", "tram", "paris", "paris-0", "b"), ("audio/y.wav", "bus", "lyon", "lyon-1", "a")],
    columns=list(COLUMNS),
)
WAVEFORMS = np.array([[1, -2, 3], [4, 5, -32768]], np.int16)


def test_samples_of_a_clip() -> None:
    assert [samples_in(seconds) for seconds in (10, 5.0, 1, 0.7)] == [220_500, 110_250, 22_050, 15_435]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_clips(tmp_path / "set", TABLE, 3, iter(WAVEFORMS))
    read = read_clips(tmp_path / "set")
    np.testing.assert_array_equal(read.waveforms, WAVEFORMS)
    assert not read.waveforms.flags.writeable
    pd.testing.assert_frame_equal(read.table, TABLE)
    assert read.scenes == ("bus", "tram")
    assert read.labels.tolist() == [1, 0]
    assert read.devices == ("a", "b")
    text = "filename,scene,city,location,device\naudio/x.wav,tram,paris,paris-0,b\naudio/y.wav,bus,lyon,lyon-1,a\n"
    assert read.fingerprint == hashlib.sha256(WAVEFORMS.tobytes() + text.encode()).hexdigest()


def interrupted(rows: int) -> Iterator[np.ndarray]:
    yield from WAVEFORMS[:rows]
    raise KeyboardInterrupt


def test_an_interrupted_set_is_continued_behind_what_was_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "RECORD_EVERY", 1)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    write_clips(whole, TABLE, 3, iter(WAVEFORMS))
    assert rows_written(broken) == 0
    with pytest.raises(KeyboardInterrupt):
        write_clips(broken, TABLE, 3, interrupted(1))
    assert not broken.exists()
    assert rows_written(broken) == 1
    write_clips(broken, TABLE, 3, iter(WAVEFORMS[1:]), first_row=1)
    assert contents(broken) == contents(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "whole"]


def test_rows_behind_the_last_record_are_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "RECORD_EVERY", 2)
    with pytest.raises(KeyboardInterrupt):
        write_clips(tmp_path / "set", TABLE, 3, interrupted(1))
    assert rows_written(tmp_path / "set") == 0
    write_clips(tmp_path / "set", TABLE, 3, iter(WAVEFORMS))
    np.testing.assert_array_equal(read_clips(tmp_path / "set").waveforms, WAVEFORMS)


def test_a_partial_folder_whose_removal_was_killed_is_started_over(tmp_path: Path) -> None:
    aside = clips.partial_folder(tmp_path / "set")
    aside.mkdir()
    (aside / "info.json").write_text('{"rows": 1}')
    assert rows_written(tmp_path / "set") == 0
    write_clips(tmp_path / "set", TABLE, 3, iter(WAVEFORMS))
    np.testing.assert_array_equal(read_clips(tmp_path / "set").waveforms, WAVEFORMS)


@pytest.mark.parametrize("waveforms", [WAVEFORMS[:1], np.concatenate([WAVEFORMS, WAVEFORMS]), WAVEFORMS[:, :2]])
def test_other_waveforms_than_the_table_lists_are_no_set(tmp_path: Path, waveforms: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"waveforms for 2 clips|samples long"):
        write_clips(tmp_path / "set", TABLE, 3, iter(waveforms))
    assert not (tmp_path / "set").exists()


def test_everything_is_on_the_disk_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "RECORD_EVERY", 1)
    steps: list[str] = []
    fsync, replace, rename = os.fsync, Path.replace, Path.rename

    def flushed(descriptor: int) -> None:
        steps.append(f"flush {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def moved(self: Path, target: Path) -> Path:
        steps.append(f"move to {target.name}")
        return (rename if self.is_dir() else replace)(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", moved)
    monkeypatch.setattr(Path, "rename", moved)
    write_clips(tmp_path / "set", TABLE, 3, iter(WAVEFORMS))
    info, table = (
        [f"flush .{name}.partial", f"move to {name}", "flush .set.partial"] for name in ("info.json", "table.csv")
    )
    progress = ["flush waveforms.npy", *info]
    whole = ["flush waveforms.npy", *table, *info, "move to set", f"flush {tmp_path.name}"]
    assert steps == [f"flush {tmp_path.name}", *progress * 2, *whole]


def test_a_set_can_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_clips(tmp_path / "set", TABLE, 3, iter(WAVEFORMS))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "set").stat().st_mode) == 0o750
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "set").iterdir()} == {0o640}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("waveforms.npy", b"\x93NUMPY"),
        (clips.TABLE, None),
        ("info.json", b"{"),
        ("info.json", b'{"scenes": []}'),
        ("info.json", b"[]"),
    ],
)
def test_a_damaged_set_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    write_clips(tmp_path / "set", TABLE, 3, iter(WAVEFORMS))
    if content is None:
        (tmp_path / "set" / name).unlink()
    else:
        (tmp_path / "set" / name).write_bytes(content)
    with pytest.raises(
        InputError, match=rf"^{tmp_path}/set is not what was stored: delete .*/set, and it is made again"
    ):
        read_clips(tmp_path / "set")

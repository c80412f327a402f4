import os
from pathlib import Path

import pytest
import torch

from repro.files import atomic
from repro.training import checkpoint
from repro.training.checkpoint import Checkpoints, State

FILES = ("state.safetensors", "state.json", "manifest.json")


def state(epoch: int) -> State:
    tensors = {
        "weights": torch.arange(24.0).view(1, 2, 3, 4).contiguous(memory_format=torch.channels_last) + epoch,
        "mask": torch.tensor([True, False]),
        "stream": torch.arange(5, dtype=torch.uint8),
        "step": torch.tensor(3.0),
    }
    return State(epoch, tensors, {"epochs": [{"loss": 0.1 * epoch, "seen": None}], "layer_sparsity": []})


def same(found: State | None, expected: State) -> bool:
    return (
        found is not None
        and (found.epoch, found.values) == (expected.epoch, expected.values)
        and found.tensors.keys() == expected.tensors.keys()
        and all(
            found.tensors[name].dtype == tensor.dtype and torch.equal(found.tensors[name], tensor)
            for name, tensor in expected.tensors.items()
        )
    )


def both(folder: Path) -> Checkpoints:
    """A folder in which two checkpoints are, as where the process ended before the older one was removed."""
    for epoch in (1, 2):
        Checkpoints(folder.with_name(f"alone-{epoch}")).save(state(epoch))
        atomic.make_folder(folder)
        (folder.with_name(f"alone-{epoch}") / f"{epoch:05d}").rename(folder / f"{epoch:05d}")
    return Checkpoints(folder)


def test_nothing_was_saved(tmp_path):
    checkpoints = Checkpoints(tmp_path / "run")
    assert checkpoints.latest() is None
    checkpoints.discard()
    assert list(tmp_path.iterdir()) == []


def test_what_was_saved_is_read_back_by_another_process_and_only_the_newest_is_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path / "run")
    for epoch in (1, 2, 10, 99_999):
        checkpoints.save(state(epoch))
        assert [path.name for path in (tmp_path / "run").iterdir()] == [f"{epoch:05d}"]
        assert same(Checkpoints(tmp_path / "run").latest(), state(epoch))


def test_nothing_is_left_of_a_finished_run(tmp_path):
    checkpoints = both(tmp_path / "run")
    checkpoints.discard()
    assert not (tmp_path / "run").exists()
    assert checkpoints.latest() is None


def test_it_is_due_when_the_seconds_have_passed_since_the_last_one(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now)
    checkpoints, always = Checkpoints(tmp_path / "run", 60.0), Checkpoints(tmp_path / "always", 0.0)
    assert not checkpoints.due and always.due
    now = 159.0
    assert not checkpoints.due
    now = 160.0
    assert checkpoints.due
    checkpoints.save(state(1))
    assert not checkpoints.due
    now = 220.0
    assert checkpoints.due


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_one_is_passed_over_for_the_one_before(tmp_path, name):
    checkpoints = both(tmp_path / "run")
    path = tmp_path / "run" / "00002" / name
    content = path.read_bytes()
    assert same(checkpoints.latest(), state(2))
    lengths = {0, 1, len(content) // 2, len(content) - 2}  # the last byte of JSON may be a mere line end
    flipped = range(0, len(content), max(1, len(content) // 40))
    damaged = [content[:length] for length in lengths]
    damaged += [content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :] for place in flipped]
    for wrong in damaged:
        path.write_bytes(wrong)
        assert same(checkpoints.latest(), state(1))
    path.unlink()
    assert same(checkpoints.latest(), state(1))
    path.write_bytes(content)
    (tmp_path / "run" / "00002" / "more").touch()
    assert same(checkpoints.latest(), state(1))


def test_where_all_are_damaged_there_is_none(tmp_path):
    checkpoints = both(tmp_path / "run")
    for epoch in (1, 2):
        (tmp_path / "run" / f"{epoch:05d}" / "state.json").write_bytes(b"{}")
    assert checkpoints.latest() is None


def test_a_damaged_one_is_replaced_and_removed_by_the_next(tmp_path):
    checkpoints = both(tmp_path / "run")
    (tmp_path / "run" / "00002" / "state.json").write_bytes(b"{}")
    checkpoints.save(state(2))
    assert same(checkpoints.latest(), state(2))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["00002"]


def test_what_a_killed_process_left_is_no_checkpoint(tmp_path):
    checkpoints = both(tmp_path / "run")
    (tmp_path / "run" / "00002").rename(tmp_path / "run" / ".00002.partial")
    (tmp_path / "run" / ".00003.gone").mkdir()
    assert same(checkpoints.latest(), state(1))
    (tmp_path / "run" / "00001").rename(tmp_path / "run" / ".00001.gone")
    assert checkpoints.latest() is None
    checkpoints.save(state(2))
    assert same(checkpoints.latest(), state(2))
    assert not (tmp_path / "run" / ".00002.partial").exists()


@pytest.mark.parametrize("call", ["fsync", "mkdir", "rename"])
def test_a_disk_that_refuses_leaves_the_one_before(tmp_path, monkeypatch, call):
    checkpoints = Checkpoints(tmp_path / "run", 0.0)
    checkpoints.save(state(1))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse)
        with pytest.raises(OSError, match="no space left"):
            checkpoints.save(state(2))
    assert same(checkpoints.latest(), state(1))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["00001"]
    checkpoints.save(state(2))
    assert same(checkpoints.latest(), state(2))


def test_the_one_before_stays_until_the_new_one_was_found_whole(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path / "run")
    checkpoints.save(state(1))
    write = atomic.write_folder

    def alter(target: Path, files: dict[str, bytes]) -> None:
        assert (tmp_path / "run" / "00001").is_dir()
        write(target, files)
        (target / "state.safetensors").write_bytes(files["state.safetensors"][:-1])

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write_folder", alter)
        checkpoints.save(state(2))
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["00001", "00002"]
    assert same(checkpoints.latest(), state(1))

"""Preparing a set while the process is killed, and while the disk fills up: at any moment, to the same bytes.

A process of its own (this file, run as a script) forks a child for each preparation, so that none has to import
anything; one kill is of the real thing, a process with its workers.
"""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest

from repro.data import check, clips, load, tau2020
from repro.data.clips import rows_written
from repro.data.synthetic import dataset as synthetic
from repro.errors import InputError
from repro.experiment import DataConfig

SECONDS = 0.3
KILLS = 20
REFUSED, NEVER = 3, 4
"""What a child says that ended with an `InputError`, and one in which nothing went wrong, since it was over before."""
CALLS = ("fsync", "replace", "rename", "mkdir")
"""What of `os` a preparation calls between any two states of the disk that differ."""


def small_set(parallel: bool) -> None:
    """Sets of two cities, 18 clips, whose progress is recorded every 4.

    Without waiting for the disk: a killed process is no power cut, and what it wrote is there.
    """
    if not parallel:
        os.fsync = lambda file: None
    synthetic.CITIES = ("lyon", "vienna")
    synthetic.SCENES = {"bus": synthetic.SCENES["bus"]}
    tau2020.SECONDS = SECONDS
    clips.RECORD_EVERY = 4
    modules: tuple[ModuleType, ...] = () if parallel else (synthetic, tau2020, check)
    for module in modules:
        module.ordered_map = map  # type: ignore[attr-defined]


def configured(root: Path) -> DataConfig:
    return DataConfig(name="tau2020", root=str(root), clip_seconds=SECONDS)


def in_child(task: Callable[[], object], kill_after: float | None = None) -> int:
    """Run in a process group of its own; its status, or minus the signal that ended it."""
    child = os.fork()
    if not child:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        status = 1
        try:
            task()
            status = 0
        except InputError as error:
            status = REFUSED
            assert "\n" not in str(error)
            assert "No space left on device" in str(error) or "File too large" in str(error)
            assert "set REPRO_STORE to another folder" in str(error)
        finally:
            os._exit(status)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def contents(store: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in store.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def at_call(number: int, action: Callable[[], None], task: Callable[[], object]) -> Callable[[], None]:
    """`task` with `action` at one of its calls of `CALLS`: before the first, after it, before the second, ...

    Ends the process with status `NEVER` where there are fewer.
    """

    def run() -> None:
        moments = count()

        def watched(real: Callable[..., object]) -> Callable[..., object]:
            def call(*arguments: object, **options: object) -> object:
                if next(moments) == number:
                    action()
                try:
                    return real(*arguments, **options)
                finally:
                    if next(moments) == number:
                        action()

            return call

        for name in CALLS:
            setattr(os, name, watched(getattr(os, name)))
        task()
        if next(moments) <= number:
            os._exit(NEVER)

    return run


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def no_space() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def scenario(folder: Path, seed: int) -> dict[str, int]:
    """All that happens to preparations in `folder`; how often each did."""
    small_set(parallel=False)
    root, whole = folder / "tau", folder / "whole"
    synthetic.write_tau_folder(DataConfig(clips=1, clip_seconds=SECONDS), root)
    config, moments = configured(root), random.Random(seed)
    began = time.monotonic()
    assert in_child(lambda: load(config, whole)) == 0
    duration = time.monotonic() - began
    expected = contents(whole)
    assert sorted(Path(name).name for name in expected) == ["info.json", "table.csv", "waveforms.npy"]
    counts = {"random kills": 0, "kills of a continuation": 0, "kills at calls": 0, "full disks": 0, "file limits": 0}

    store = 0
    while counts["random kills"] < KILLS:
        here = folder / f"store{store}"
        continued = (here / "data").exists() and any((here / "data").glob(".*/info.json"))
        ended = in_child(lambda here=here: load(config, here), kill_after=moments.uniform(0, duration))
        if ended == 0:  # it was faster: all that was killed before is whole now
            assert contents(here) == expected
            store += 1
            continue
        assert ended == -signal.SIGKILL
        counts["random kills"] += 1
        counts["kills of a continuation"] += continued
    assert in_child(lambda: load(config, folder / f"store{store}")) == 0
    assert contents(folder / f"store{store}") == expected

    disasters = (("kills at calls", die, 1, {-signal.SIGKILL}), ("full disks", no_space, 2, {REFUSED, 0}))
    for name, action, step, statuses in disasters:  # 0: a folder that exists in spite of the exception
        for number in range(0, 1000, step):
            here = folder / f"{name} {number}"
            ended = in_child(at_call(number, action, lambda here=here: load(config, here)))
            if ended == NEVER:
                break
            assert ended in statuses, (name, number, ended)
            counts[name] += 1
            last = in_child(lambda here=here: load(config, here))
            assert last == 0, (name, number, last)
            assert contents(here) == expected, (name, number)

    size = len(expected[next(name for name in expected if name.endswith("npy"))])
    for limit in (10, 1000, size // 2, size - 1):
        here = folder / f"limit {limit}"

        def limited(limit: int = limit, here: Path = here) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            load(config, here)

        assert in_child(limited) == REFUSED
        assert not [path for path in (here / "data").iterdir() if path.is_dir() and not path.name.startswith(".")]
        counts["file limits"] += 1
        assert in_child(lambda here=here: load(config, here)) == 0
        assert contents(here) == expected
    return counts


def test_killed_at_any_moment_it_ends_in_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [sys.executable, __file__, "scenario", str(tmp_path), "7"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    with capsys.disabled():
        print(f"\npreparation: {counts}")
    assert counts["random kills"] == KILLS
    assert counts["kills of a continuation"] >= 1
    assert counts["kills at calls"] >= 40
    assert counts["full disks"] >= 30
    assert counts["file limits"] == 4


def test_killed_with_its_workers_it_is_continued(tmp_path: Path) -> None:
    root, store = tmp_path / "tau", tmp_path / "store"
    subprocess.run([sys.executable, __file__, "synthesize", str(root)], check=True, timeout=120)

    def command(task: str, store: Path) -> list[str]:
        return [sys.executable, __file__, task, str(root), str(store)]

    folder = store / "data"
    process = subprocess.Popen(command("load slowly", store), start_new_session=True, stderr=subprocess.DEVNULL)
    while process.poll() is None and not any(
        rows_written(path.with_name(path.name[1:].removesuffix(".partial"))) for path in folder.glob(".*")
    ):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    (unfinished,) = (path for path in folder.iterdir() if path.is_dir())
    assert unfinished.name.startswith(".tau2020-")
    for place in (store, tmp_path / "undisturbed"):
        subprocess.run(command("load", place), check=True, timeout=120, stderr=subprocess.DEVNULL)
    assert contents(store) == contents(tmp_path / "undisturbed")


if __name__ == "__main__":
    task, place, *rest = sys.argv[1:]
    if task == "scenario":
        print(json.dumps(scenario(Path(place), int(rest[0]))))
    else:
        small_set(parallel=task == "load slowly")
        if task == "synthesize":
            synthetic.write_tau_folder(DataConfig(clips=1, clip_seconds=SECONDS), Path(place))
        else:
            if task == "load slowly":  # so that there is time to be killed
                flush = os.fsync
                os.fsync = lambda file: (time.sleep(0.1), flush(file))[1]  # type: ignore[assignment,arg-type]
            load(configured(Path(place)), Path(rest[0]))

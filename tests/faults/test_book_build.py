"""A build that is ended from outside while pages are executed side by side, or while their runs are trained."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import tiny_book
from tiny_book import EDITION, REPRO, WIDTHS, environment

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")

SLEEPING = """\
# %% tags=["parameters"]
seed: int = 1

# %%
import subprocess
import time

worker = subprocess.Popen(["sleep", "600"])
open("begun-NAME", "w").close()
time.sleep(600)
"""
TRAINING = EDITION.replace("epochs: 2", "epochs: 100000") + "train_missing: true\n"
OLD = "the previous book"


def write_book(root: Path, edition: str = EDITION, **pages: str) -> Path:
    """A book of these pages beside the HTML of a previous build."""
    tiny_book.write_book(root, pages, edition)
    html = root / "_build" / "quick" / "html"
    html.mkdir(parents=True)
    (html / "index.html").write_text(OLD)
    return root


def start(root: Path) -> "subprocess.Popen[str]":
    env = environment(root) | {"STARTED_IN": str(root)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*REPRO, "book", "--edition", "quick"], cwd=root, stdout=pipe, stderr=pipe, text=True, env=env
    )


def processes(root: Path) -> dict[int, str]:
    """The command lines of the build in this folder and of all that it has started: they inherit its environment."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"STARTED_IN={root}\0".encode() in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue  # it ended meanwhile, or is another user's
    return found


def becomes_true(condition: Callable[[], bool], seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def end(build: "subprocess.Popen[str]", root: Path) -> None:
    for pid in processes(root):
        os.kill(pid, signal.SIGKILL)
    with build:  # closes its pipes
        pass


@pytest.mark.parametrize(
    ("number", "status", "message"), [(signal.SIGINT, 130, "repro: interrupted\n"), (signal.SIGTERM, 143, "")]
)
def test_a_signal_ends_all_kernels_and_what_they_started(tmp_path: Path, number: int, status: int, message: str):
    sources = {name: SLEEPING.replace("NAME", name) for name in ("one", "two", "three")}
    root = write_book(tmp_path / "tiny", **sources)
    build = start(root)
    try:
        assert becomes_true((root / "begun-one").exists)
        assert becomes_true((root / "begun-two").exists)
        assert sum(command.startswith("sleep") for command in processes(root).values()) == 2
        build.send_signal(number)
        assert build.communicate(timeout=60)[1] == message
        assert build.returncode == status
        assert becomes_true(lambda: not processes(root), seconds=10), processes(root)
        assert not (root / "begun-three").exists()
        assert (root / "_build" / "quick" / "html" / "index.html").read_text() == OLD
        assert not list((root / "_build" / "quick").glob("source/**/*.ipynb"))
    finally:
        end(build, root)


def test_kernels_end_with_a_build_that_is_killed(tmp_path: Path):
    source = SLEEPING.replace('worker = subprocess.Popen(["sleep", "600"])\n', "")
    root = write_book(tmp_path / "tiny", one=source.replace("NAME", "one"), two=source.replace("NAME", "two"))
    build = start(root)
    try:
        assert becomes_true(lambda: (root / "begun-one").exists() and (root / "begun-two").exists())
        assert sum("ipykernel_launcher" in command for command in processes(root).values()) == 2
        build.kill()
        build.wait(timeout=60)
        assert becomes_true(lambda: not processes(root), seconds=20), processes(root)
    finally:
        end(build, root)


@pytest.mark.parametrize(
    ("number", "status", "pages"),
    [
        pytest.param(signal.SIGINT, 130, ("one", "two"), id="SIGINT, trained by the build"),
        pytest.param(signal.SIGTERM, 143, ("one", "two"), id="SIGTERM, trained by the build"),
        pytest.param(signal.SIGINT, 130, ("one",), id="SIGINT, trained by a page"),
        pytest.param(signal.SIGKILL, -9, ("one",), id="SIGKILL, trained by a page"),
    ],
)
def test_a_signal_ends_the_training(tmp_path: Path, number: int, status: int, pages: tuple[str, ...]):
    root = write_book(tmp_path / "tiny", TRAINING, **dict.fromkeys(pages, WIDTHS))
    tiny.store(root / "_store")
    build = start(root)
    try:
        assert becomes_true(lambda: any("spawn_main" in command for command in processes(root).values()))
        time.sleep(5)  # into the training, or at least into its imports
        kernels = [command for command in processes(root).values() if "ipykernel_launcher" in command]
        assert len(kernels) == (1 if len(pages) == 1 else 0)
        build.send_signal(number)
        build.communicate(timeout=60)
        assert build.returncode == status
        assert becomes_true(lambda: not processes(root), seconds=20), processes(root)
        assert not list((root / "_store").glob("runs/[!.]*"))
    finally:
        end(build, root)

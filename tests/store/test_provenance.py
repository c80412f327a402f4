import hashlib
import os
import platform
import shutil
import socket
import subprocess
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

import repro
from repro.store import provenance as module
from repro.store.provenance import code_fingerprint, processor, provenance, revision

CPU = torch.device("cpu")


def git(folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    identity = ("-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, env=environment, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A copy of the package in no checkout, of which this process runs the code."""
    here = Path(repro.__file__).parent
    shutil.copytree(here, tmp_path / "repro", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "PACKAGE", tmp_path / "repro")
    running = module._fingerprint_of(tmp_path / "repro")
    monkeypatch.setattr(module, "code_fingerprint", lambda: running)
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as inside of a hook
    return tmp_path / "repro"


def test_a_run_says_when_how_and_on_what_it_was_made():
    made = provenance(CPU, 1.234)
    assert list(made) == [
        "finished", "seconds", "device", "threads", "peak_memory", "python", "packages", "code",
    ]  # fmt: skip
    assert datetime.fromisoformat(made["finished"]).utcoffset().total_seconds() == 0
    assert made["seconds"] == 1.23
    model, _, instructions = made["device"].removeprefix("cpu: ").rpartition(", ")
    assert model in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else model
    assert instructions == torch.backends.cpu.get_cpu_capability()
    assert made["threads"] == torch.get_num_threads()
    assert made["python"] == platform.python_version()
    names = ("torch", "numpy", "scipy", "librosa", "torchaudio")
    assert made["packages"] == {name: version(name) for name in names}
    assert made["code"]["fingerprint"] == code_fingerprint()
    assert socket.gethostname() not in str(made) or len(socket.gethostname()) < 4


def test_the_processor(tmp_path: Path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Toy 9000 \nflags\t\t: fpu\n\nmodel name\t: Other\n")
    assert processor(cpuinfo) == "Toy 9000"
    assert processor(tmp_path / "none") == (platform.processor() or platform.machine())


def test_peak_memory_is_that_of_this_process():
    before = provenance(CPU, 0)["peak_memory"]
    assert before["gpu"] == 0 and 5e7 < before["process"] < 1e11  # torch alone takes more than 50 MB
    block = torch.ones(before["process"] // 4 + 25_000_000)  # float32: more than there ever was
    assert provenance(CPU, 0)["peak_memory"]["process"] >= before["process"] + 5e7
    del block


def test_the_fingerprint_is_of_every_module_by_name_and_content(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.py").write_bytes(b"2")
    (tmp_path / "a.py").write_bytes(b"1")
    (tmp_path / "notes.txt").write_bytes(b"not code")
    text = "".join(
        f"{name} {hashlib.sha256(content).hexdigest()}\n" for name, content in (("a.py", b"1"), ("sub/b.py", b"2"))
    )
    assert module._fingerprint_of(tmp_path) == hashlib.sha256(text.encode()).hexdigest()
    (tmp_path / "sub" / "b.py").rename(tmp_path / "b.py")
    assert module._fingerprint_of(tmp_path) != hashlib.sha256(text.encode()).hexdigest()


def test_the_fingerprint_stays_that_of_the_code_that_was_imported(monkeypatch, tmp_path):
    before = code_fingerprint()
    monkeypatch.setattr(module, "PACKAGE", tmp_path)
    assert code_fingerprint() == before and len(before) == 64


def test_outside_of_a_checkout_there_is_no_commit(package):
    assert module._commit() == {"commit": None, "dirty": False}
    assert revision() == "unknown"


def test_in_a_checkout_of_something_else_there_is_no_commit(package):
    git(package.parent, "init", "-q")
    (package.parent / "other").touch()
    git(package.parent, "add", "other")
    git(package.parent, "commit", "-qm", "other")
    assert module._commit() == {"commit": None, "dirty": False}


def test_the_commit_and_whether_the_code_is_another(package):
    git(package.parent, "init", "-q")
    git(package.parent, "add", "repro")
    git(package.parent, "commit", "-qm", "all")
    commit = git(package.parent, "rev-parse", "HEAD")
    assert len(commit) == 40
    (package.parent / "notes").touch()  # not code
    assert module._commit() == {"commit": commit, "dirty": False}
    assert revision() == commit[:10]
    (package / "experiment.py").write_text("edited")
    assert module._commit() == {"commit": commit, "dirty": True}
    assert revision() == f"{commit[:10]} (edited)"
    git(package.parent, "commit", "-qam", "edited")  # what runs is still the code before
    assert module._commit() == {"commit": git(package.parent, "rev-parse", "HEAD"), "dirty": True}


def test_without_git_there_is_no_commit(package, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert module._commit() == {"commit": None, "dirty": False}

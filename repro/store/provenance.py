"""With what code, packages and machine a run was made."""

from __future__ import annotations

import hashlib
import os
import platform
import resource
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "numpy", "scipy", "librosa", "torchaudio")  # those whose versions may change a result

PACKAGE = Path(__file__).parents[1]


def provenance(device: torch.device, seconds: float) -> dict[str, Any]:
    """Where and with what a run was made, as plain JSON values. The machine's name is left out.

    Args:
        device: what it was trained on.
        seconds: how long that took; of a continued run, since it was continued.

    Returns:
        `finished` (time, UTC), `seconds`, `device`, `threads`, `peak_memory` (bytes that this process has occupied at
        most since it began and, on a GPU, has reserved there since `free_memory`), `python`, `packages` (versions), and
        `code`: `fingerprint` (see `code_fingerprint`), `commit` (None outside of a git checkout) and `dirty` (whether
        the code differed from that commit).
    """
    import torch

    from repro.training.device import is_gpu

    cuda = is_gpu(device)
    # on a CPU, rounding depends on the instructions that PyTorch's kernels use
    name = torch.cuda.get_device_name(device) if cuda else f"{processor()}, {torch.backends.cpu.get_cpu_capability()}"
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "device": f"{device.type}: {name}",
        "threads": torch.get_num_threads(),
        "peak_memory": {"process": _peak_memory(), "gpu": torch.cuda.max_memory_reserved(device) if cuda else 0},
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
        "code": {"fingerprint": code_fingerprint()} | _commit(),
    }


@lru_cache(1)
def code_fingerprint() -> str:
    """SHA-256 over the names and contents of all modules of this package, as they were when this one was imported."""
    return _fingerprint_of(PACKAGE)


def _fingerprint_of(package: Path) -> str:
    content = hashlib.sha256()
    for path in sorted(path for path in package.rglob("*.py") if path.is_file()):  # an editor's lock is a broken link
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        content.update(f"{path.relative_to(package).as_posix()} {digest}\n".encode())
    return content.hexdigest()


code_fingerprint()  # now: what is edited while a process runs is not what it runs


def revision() -> str:
    """The commit that the package lies in, in ten digits, and whether it was edited since; "unknown" outside of git."""
    found = _commit()
    return f"{found['commit'][:10]}{' (edited)' * found['dirty']}" if found["commit"] else "unknown"


def _commit() -> dict[str, Any]:
    """The commit of the checkout that the package lies in, and whether the code that runs is another."""
    with suppress(OSError, subprocess.CalledProcessError):  # no git, no checkout, or no commit in it
        if _git("ls-files", "__init__.py"):  # else it is a folder of another project's checkout
            edited = bool(_git("status", "--porcelain", ".")) or _fingerprint_of(PACKAGE) != code_fingerprint()
            return {"commit": _git("rev-parse", "HEAD"), "dirty": edited}
    return {"commit": None, "dirty": False}


def _git(*arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *arguments], cwd=PACKAGE, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The CPU's model as Linux has it, else what Python knows of it."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _peak_memory() -> int:
    """The most bytes of memory that this process has had resident."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux; its getrusage counts what the parent had before this process was its own
        lines = status.read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak

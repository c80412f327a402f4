"""What the machine is that a measurement was made on."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import torch
from joblib import cpu_count

from repro.bench.work import Precision

_FAST_BF16 = {"avx512_bf16", "amx_bf16"}
"""Flags, as Linux names them, of processors that multiply matrices in bfloat16 faster than in float32."""


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name as Linux has it, else what Python knows of it."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.M) if cpuinfo.is_file() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def precisions(device: torch.device, cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[Precision, ...]:
    """The precisions worth timing: bf16 on a GPU, and on a CPU with instructions for it (found on Linux alone)."""
    flags = re.search(r"^flags\s*:(.+)$", cpuinfo.read_text(), re.M) if cpuinfo.is_file() else None
    fast = device.type == "cuda" or (flags is not None and not _FAST_BF16.isdisjoint(flags[1].split()))
    return ("fp32", "bf16") if fast else ("fp32",)


def machine(device: torch.device) -> dict[str, str | int | float | None]:
    """Processor, cores in use, GPU, and how many processes the machine had to run in the last minute (its load)."""
    return {
        "cpu": cpu_name(),
        "cores": cpu_count(),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "load": round(os.getloadavg()[0], 1),
    }

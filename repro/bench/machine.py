"""What the machine is that a measurement was made on."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import torch
from joblib import cpu_count

from repro.training.device import is_gpu


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name as Linux has it, else what Python knows of it."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.M) if cpuinfo.is_file() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def machine(device: torch.device) -> dict[str, str | int | float | None]:
    """Processor, cores in use, GPU, and how many processes the machine had to run in the last minute (its load)."""
    return {
        "cpu": cpu_name(),
        "cores": cpu_count(),
        "gpu": torch.cuda.get_device_name(device) if is_gpu(device) else None,
        "load": round(os.getloadavg()[0], 1),
    }

"""Freed memory stays with a process that asks for that, and with no other."""

import ctypes
import platform
import subprocess
import sys

import pytest
import torch

from repro.allocator import keep_freed_memory

SCRIPT = """
import sys
import torch
from repro.allocator import keep_freed_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

if "keep" in sys.argv:
    keep_freed_memory(torch.device("cpu"))
before = resident()
block = torch.ones(2**26)
full = resident()
del block
print(full - before, resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_a_freed_block_is_kept():
    taken = {}
    for mode in ("keep", "leave"):
        done = subprocess.run([sys.executable, "-c", SCRIPT, mode], capture_output=True, text=True, check=True)
        full, freed = map(int, done.stdout.split())
        assert full >= 2**28
        taken[mode] = freed
    assert taken["keep"] >= 2**28 > 2**26 > taken["leave"]


def test_other_devices_and_libraries_are_left_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: asked.append(name) or object())
    keep_freed_memory(torch.device("cuda"))
    assert asked == []
    keep_freed_memory(torch.device("cpu"))
    assert asked == [None]

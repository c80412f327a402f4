"""What a process sets for its device, and what it leaves alone."""

import ctypes
import gc
import platform
import subprocess
import sys

import pytest
import tiny
import torch

from repro.network.cp_resnet import CPResNet
from repro.sweep.worker import train_one
from repro.training.device import free_memory, make_ready, multiplies_bf16

SCRIPT = """
import sys
import torch
from repro.training.device import make_ready

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

if "keep" in sys.argv:
    make_ready(torch.device("cpu"))
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


def test_other_libraries_are_left_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: asked.append(name) or object())
    make_ready(torch.device("cpu"))
    assert asked == [None]


@pytest.mark.parametrize(
    ("flags", "found"),
    [("fpu avx2", False), ("avx2 avx512_bf16", True), ("amx_bf16 fpu", True), ("xavx512_bf16", False)],
)
def test_units_for_bfloat16(tmp_path, monkeypatch, flags, found):
    (tmp_path / "cpuinfo").write_text(
        f"processor\t: 0\nmodel name\t: Toy 9000 \nflags\t\t: {flags}\nbugs\t\t: amx_bf16\n"
    )
    assert multiplies_bf16(torch.device("cpu"), tmp_path / "cpuinfo") is found
    assert multiplies_bf16(torch.device("cpu"), tmp_path / "none") is False
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: found != including_emulation)
    assert multiplies_bf16(torch.device("cuda"), tmp_path / "cpuinfo") is found


@pytest.mark.parametrize(("device", "deterministic", "tf32"), [("cpu", False, True), ("cuda", True, False)])
def test_a_gpu_computes_the_same_bits_every_time_in_whole_float32(monkeypatch, device, deterministic, tf32):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    make_ready(torch.device(device))
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32) == (deterministic, tf32)


@pytest.mark.parametrize(("gpu", "rate", "ended"), [(True, 0.03, None), (False, 1e38, "non-finite loss")])
def test_no_network_outlives_its_training_on_a_gpu_or_its_failure(tmp_path, monkeypatch, gpu, rate, ended):
    monkeypatch.setattr("repro.sweep.worker.is_gpu", lambda device: gpu)
    gc.collect()
    before = {id(found) for found in gc.get_objects() if type(found) is CPResNet}  # of other tests
    gc.disable()
    try:
        failure = train_one(tiny.experiment(epochs=2, max_lr=rate), tiny.store(tmp_path))
        left = [found for found in gc.get_objects() if type(found) is CPResNet and id(found) not in before]
    finally:
        gc.enable()
    assert left == [] and (failure and failure.kind) == ended


def test_a_gpu_is_left_as_it_was_found(monkeypatch):
    called = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: called.append("memory"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: called.append(f"peak of {device}"))
    free_memory(torch.device("cpu"))
    assert called == []
    free_memory(torch.device("cuda"))
    assert called == ["memory", "peak of cuda"]

"""The device that computes, what a process sets before it computes there, and how a network is laid out for it."""

from __future__ import annotations

import ctypes
import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from repro.experiment import Precision

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # of glibc's malloc.h
_AT_ONCE = 64 * 2**20

_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}  # as Linux names them


def training_device() -> torch.device:
    """The first GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def is_gpu(device: torch.device) -> bool:
    """Whether it is a GPU: any that PyTorch calls CUDA."""
    return device.type == "cuda"


def multiplies_bf16(device: torch.device, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the device has units for bfloat16, without which it is many times slower than float32.

    Args:
        device: a GPU or the CPU.
        cpuinfo: Linux's description of the CPU; without it none is known to have them.
    """
    if is_gpu(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    flags = re.search(r"^flags\s*:(.+)$", cpuinfo.read_text(), re.M) if cpuinfo.is_file() else None
    return flags is not None and not _BF16_FLAGS.isdisjoint(flags[1].split())


def make_ready(device: torch.device) -> None:
    """Make PyTorch's results reproducible on a GPU, and its memory fast on a CPU (`keep_freed_memory`).

    On a GPU convolutions use only algorithms that give the same bits every time: a training that was interrupted and
    continued must end with the same bits as one that was not. float32 is not rounded to TF32's 11 significant bits.
    """
    if is_gpu(device):
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False
        # a network recorded as graphs adds up its gradients on a separate stream, which PyTorch waits for
        torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)
    else:
        keep_freed_memory()


def keep_freed_memory() -> None:
    """Keep freed memory in this process instead of giving it back to the system.

    Every training step needs as much as the one before has freed. By default glibc maps and unmaps each feature map of
    a wide network, and the system clears its pages every time: a quarter of a step at W = 64. Other C libraries are
    left as they are.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, TypeError, OSError):  # not glibc
        return
    for option, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_TOP_PAD, _AT_ONCE)):
        mallopt(option, value)


def free_memory(device: torch.device) -> None:
    """Free what a finished training left in this process, and start a new count of a GPU's peak memory."""
    gc.collect()  # a network refers to itself through its optimiser
    if is_gpu(device):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def memory_format(width: int, precision: Precision, device: torch.device) -> torch.memory_format:
    """The order of a map's values in memory that is fastest.

    On a GPU channels last for bfloat16, which its matrix units want, and PyTorch's own order for float32, whose
    convolutions are written for it. On a CPU channels last from W = 8 to 64: fewer channels make loops over them too
    short, and beyond 64 a convolution's gradient with respect to its weights is faster in PyTorch's own order.
    """
    channels_last = precision == "bf16" if is_gpu(device) else 8 <= width <= 64
    return torch.channels_last if channels_last else torch.contiguous_format


def one_graph(model: nn.Module, precision: Precision, batch: Tensor) -> nn.Module:
    """The network in training mode, recorded as CUDA graphs that a GPU replays with one call forward and one back.

    Small networks and batches of 10 leave a GPU waiting for the next of some hundred calls. The graphs hold the very
    kernels that these calls start, so the numbers are the same.

    Args:
        model: the network, on a GPU; its weights and batch statistics are left as they are.
        precision: of the network's arithmetic.
        batch: an input of the shape and memory format that the network will be given.
    """
    statistics = {name: buffer.clone() for name, buffer in model.named_buffers()}  # recording takes a few passes
    with torch.autocast(batch.device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False):
        graphs = torch.cuda.make_graphed_callables(nn.Sequential(model), (batch,))
    assert isinstance(graphs, nn.Module)  # as what was given is one
    for name, buffer in model.named_buffers():
        buffer.copy_(statistics[name])
    return graphs


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: small networks gain little from more, and lose on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

"""The process's memory allocator, told to keep what a training step frees: the next step wants as much again."""

from __future__ import annotations

import ctypes

import torch

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # of glibc's malloc.h
_AT_ONCE = 64 * 2**20


def keep_freed_memory(device: torch.device) -> None:
    """Have a process that computes on the CPU hand no freed memory back to the system before it ends.

    By default glibc maps every feature map of a wide network anew and unmaps it when it is freed, and the system clears
    each of its pages again: a quarter of a training step at W = 64. Other C libraries are left as they are.
    """
    if device.type != "cpu":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, TypeError, OSError):  # not glibc
        return
    for option, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_TOP_PAD, _AT_ONCE)):
        mallopt(option, value)

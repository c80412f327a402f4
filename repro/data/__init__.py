"""Recordings: every source gives the same thing, a `Clips`."""

from repro.data.clips import SAMPLE_RATE, Clips
from repro.data.source import load
from repro.data.split import split_of

__all__ = ["SAMPLE_RATE", "Clips", "load", "split_of"]

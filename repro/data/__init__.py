"""Recordings: every source gives the same thing, a `Clips`."""

from repro.data.clips import SAMPLE_RATE, Clips
from repro.data.source import load
from repro.data.split import Split, split_by_city_and_scene

__all__ = ["SAMPLE_RATE", "Clips", "Split", "load", "split_by_city_and_scene"]

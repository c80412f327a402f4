"""Recordings: every source gives the same thing, a `Clips`."""

from repro.data.clips import SAMPLE_RATE, Clips, recorded_together
from repro.data.source import load
from repro.data.split import Split, held_out_cities, split_by_city_and_scene, split_of

__all__ = [
    "SAMPLE_RATE",
    "Clips",
    "Split",
    "held_out_cities",
    "load",
    "recorded_together",
    "split_by_city_and_scene",
    "split_of",
]

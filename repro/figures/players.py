"""Sounds to be played: one player a sound, a switch among the devices that recorded it, and their spectrograms."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from repro.data import SAMPLE_RATE, Clips
from repro.data.clips import moment_of
from repro.data.features import PerceptualMel, to_float
from repro.data.split import TRAINING_DEVICE
from repro.figures.markup import Html, data_uri, picture
from repro.training.device import one_thread

PEAK = 0.8
"""Of full scale: the loudest sample of a sound, so that what MP3 adds to it does not clip."""


class Sound(NamedTuple):
    """A moment through several devices: int16 waveforms of one length by device, device a's first."""

    title: str
    heard: dict[str, NDArray[np.int16]]


def sounds_of(
    clips: Clips, moments: Sequence[int], order: Sequence[str] = (), most: int = 4, kept: str | None = None
) -> list[Sound]:
    """Moments as sounds, each through device a and some others.

    Args:
        clips: the recordings.
        moments: a row of each.
        order: the other devices in the order from which those that are taken are spread evenly; those that it lacks
            come last.
        most: number of devices.
        kept: a device that is taken wherever it recorded the moment.
    """
    place = {device: number for number, device in enumerate(order)}
    sounds = []
    for row in moments:
        rows = moment_of(clips.table, row)
        unseen = [device for device in rows if device != TRAINING_DEVICE]
        others = sorted(unseen, key=lambda device: place.get(device, len(place)))
        spread = np.linspace(0, len(others) - 1, min(most - 1, len(others))).round().astype(int)
        taken = [others[number] for number in spread]
        if kept in others and kept not in taken:
            taken[len(taken) // 2] = kept
        where = f"{clips.table['scene'][row].replace('_', ' ')}, {clips.table['city'][row]}"
        heard = {device: np.array(clips.waveforms[rows[device]]) for device in (TRAINING_DEVICE, *taken)}
        sounds.append(Sound(where, heard))
    return sounds


def players(sounds: Sequence[Sound]) -> Html:
    """One player a sound; without a script, one for each of its devices.

    The devices of a sound keep their levels against each other.
    """
    return Html(f'<div class="repro-touch players">{"".join(map(_player, sounds))}</div>')


def _player(sound: Sound) -> str:
    loudest = max(int(np.abs(waveform.astype(np.int32)).max()) for waveform in sound.heard.values()) or 1
    pictures = _spectrograms(sound.heard)
    devices = []
    for device, waveform in sound.heard.items():
        name = f"device {device}" if len(device) < 3 else device
        told = f"{sound.title}, through {name}"
        devices.append(
            f'<div class="device" data-name="{escape(name)}"><p>{escape(name)}</p>'
            f'<img src="{pictures[device]}" alt="Spectrogram: {escape(told)}"/>'
            f'<audio controls preload="metadata" aria-label="{escape(told)}" '
            f'src="{_mp3(waveform * (PEAK / loudest))}"></audio></div>'
        )
    return (
        f'<div class="player" role="group" aria-label="{escape(sound.title)}">'
        f'<p class="title">{escape(sound.title)}</p>{"".join(devices)}</div>'
    )


def _mp3(samples: NDArray[np.floating]) -> str:
    """Samples in [-1, 1] as a data URI: 48 kbit/s at a constant rate, in which every player finds a place exactly."""
    file = io.BytesIO()
    look: dict[str, Any] = {"bitrate_mode": "CONSTANT", "compression_level": 0.75}
    soundfile.write(file, samples, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III", **look)
    return data_uri("audio/mpeg", file.getvalue())


def _spectrograms(heard: Mapping[str, NDArray[np.int16]]) -> dict[str, str]:
    """The network's features as pictures, data URIs, all of a sound on one scale."""
    features = PerceptualMel()
    with one_thread():
        levels = {
            device: features.decibel(features(to_float(torch.from_numpy(waveform)[None])))[0].numpy()
            for device, waveform in heard.items()
        }
    low, high = np.percentile(np.concatenate(list(levels.values())), [1, 99.8])
    # 128 rows are as many as the page has pixels
    halved = {device: level.reshape(len(level) // 2, 2, -1).mean(axis=1) for device, level in levels.items()}
    return {device: picture(level, low, high, quality=75) for device, level in halved.items()}

"""A toy set of recordings that any network learns at once, Experiments on it that train within a second, and runs
that were never trained."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repro.analysis.fields import Field, field_of
from repro.data.clips import COLUMNS, SAMPLE_RATE, write_clips
from repro.data.source import prepared_folder
from repro.erf.gradient import centre_input_pixel
from repro.experiment import DataConfig, Experiment, ModelConfig, Recipe, Sparsity
from repro.network.cp_resnet import layer_table
from repro.network.pruning import layer_targets
from repro.store.record import Record
from repro.store.store import Store

DATA = DataConfig(clip_seconds=0.4, clips=1)
SCENES = ("noise", "tone")
CITIES = ("graz", "linz", "wels", "wien")
LEVELS = {"a": 4000, "b": 2000, "c": 8000}


def table() -> pd.DataFrame:
    """Of every scene in every city two clips of device a and one of b and c: 12 to train with, 4 and 4 to test on."""
    rows = [
        (f"audio/{scene}-{city}-{number}-{device}.wav", scene, city, f"{city}-{number}", device)
        for scene in SCENES
        for city in CITIES
        for number, device in ((0, "a"), (1, "a"), (0, "b"), (1, "c"))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def waveforms() -> Iterator[NDArray[np.int16]]:
    rng = np.random.default_rng(0)
    time = np.arange(round(DATA.clip_seconds * SAMPLE_RATE)) / SAMPLE_RATE
    for scene, device in zip(table()["scene"], table()["device"], strict=True):
        noise = rng.standard_normal(len(time))
        sound = noise if scene == "noise" else np.sin(2 * np.pi * 1000 * time) + 0.01 * noise
        yield (LEVELS[device] * sound).clip(-32768, 32767).astype(np.int16)


def store(root: Path) -> Store:
    """A store in which the toy set lies where the synthetic one of `DATA` would be prepared."""
    write_clips(prepared_folder(DATA, root), table(), round(DATA.clip_seconds * SAMPLE_RATE), waveforms())
    return Store(root)


def experiment(
    width: int = 2, damped: bool = False, seed: int = 0, sparsity: Sparsity | None = None, **recipe: Any
) -> Experiment:
    return Experiment(
        data=DATA,
        model=ModelConfig(width=width, pointwise=0, damped=damped),
        recipe=Recipe(**{"epochs": 6, "warmup_epochs": 1, "max_lr": 0.03, "batch_size": 4, **recipe}),
        sparsity=sparsity,
        seed=seed,
    )


def record(
    model: ModelConfig | None = None,
    seed: int = 0,
    sparsity: Sparsity | None = None,
    data: DataConfig = DATA,
    wrong: int = 0,
    **recipe: Any,
) -> Record:
    """A run whose first `wrong` test clips are classified wrongly in the last reported epoch, all else rightly.

    Its receptive field is zero but for the centre pixel.
    """
    described = Experiment(
        data=data,
        model=model or ModelConfig(width=2, pointwise=0),
        recipe=Recipe(**{"epochs": 12, "warmup_epochs": 1, **recipe}),
        sparsity=sparsity,
        seed=seed,
    )
    model = described.model
    weights = {row.layer: row.weights for row in layer_table(model, 17, len(SCENES))}
    clips = table().query("city == 'wien'").reset_index(drop=True)
    labels = (clips["scene"] == "tone").to_numpy().astype(np.uint8)
    predictions = np.stack([labels, labels])
    predictions[-1, :wrong] = 1 - labels[:wrong]
    return Record(
        key=described.key("f" * 64),
        experiment=described,
        data_fingerprint="f" * 64,
        epochs=pd.DataFrame({"epoch": range(12), "seconds": 0.25}),
        train_accuracy=1.0,
        layer_sparsity=pd.DataFrame(),
        layer_weights=layer_targets(weights, sparsity.weights) if sparsity else weights,
        erf=_square(0, model),
        predictions=predictions,
        test_clips=clips,
        scenes=SCENES,
        provenance={"seconds": 2.0, "device": "cpu: <toy>", "finished": "2021-07-18T12:00:00+00:00"},
        folder=Path("nowhere"),
    )


def field(reach: int, model: ModelConfig | None = None) -> Field:
    """A field that is constant within `reach` pixels of its centre, and zero elsewhere."""
    run = record(model)
    return field_of(replace(run, erf=_square(reach, run.experiment.model)))


def _square(reach: int, model: ModelConfig) -> NDArray[np.float16]:
    band, frame = centre_input_pixel(model, 431)
    erf = np.zeros((256, 431), np.float16)
    erf[band - reach : band + reach + 1, frame - reach : frame + reach + 1] = 1
    return erf

"""Runs with known accuracies, for the tests of what is made of them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from repro.data.design import balanced_blocks
from repro.edition import Edition, open_edition
from repro.experiment import Experiment
from repro.store.record import Record
from repro.training.loop import reported_epochs

ROOT = Path(__file__).parents[1]
SCENES = ("dog", "rain")
EACH = 20
"""Test recordings of a class in a fold; every one is heard through 2 of 4 microphones."""


def edition(**changes: object) -> Edition:
    """Widths 8, 16 and 32, two folds or more, everything else of the esc10 edition small."""
    small: dict[str, object] = {
        "widths": [8, 16, 32],
        "plateau_width": 16,
        "repeat_widths": [],
        "depths": [1, 2],
        "pointwise": [0, 1],
        "deep_width": 0,
        "compound": [[16, 2]],
        "sparse_widths": [16, 32],
        "unguarded_widths": [16],
        "erf_deep_width": 16,
        "erf_deep_pointwise": [0, 1],
        "erf_wide": 32,
        "folds": [1, 2, 3],
    }
    found = open_edition("esc10", ROOT, **{name: value for name, value in (small | changes).items() if value})
    empty = {name: value for name, value in (small | changes).items() if not value}
    return Edition(**found.model_dump() | empty)


def clips(fold: int) -> pd.DataFrame:
    """The test clips of a fold: every recording through device a and two of four microphones."""
    scenes = [scene for scene in SCENES for _ in range(EACH)]
    heard = balanced_blocks(scenes, 4, 2)
    rows = [
        (f"audio/{fold}-{number}.ogg", scene, f"fold{fold}", f"{fold}-{number}", device)
        for number, (scene, microphones) in enumerate(zip(scenes, heard, strict=True))
        for device in ("a", *(f"mic{microphone}" for microphone in microphones))
    ]
    return pd.DataFrame(rows, columns=["filename", "scene", "city", "location", "device"])


def record(experiment: Experiment, seen: float, unseen: float, fit: float = 1.0, erf_reach: float = 8.0) -> Record:
    """A run with these accuracies (the nearest possible), the wrong clips spread evenly over recordings and devices."""
    table = clips(experiment.data.fold)
    labels = np.array([SCENES.index(scene) for scene in table["scene"]], np.uint8)
    at_a = (table["device"] == "a").to_numpy()
    right = np.zeros(len(table), bool)
    reported = len(reported_epochs(experiment.recipe.epochs))
    offset = experiment.seed + 7 * experiment.data.fold
    for members, share in ((at_a, seen), (~at_a, unseen)):
        places = np.flatnonzero(members)
        wanted = round(share * len(places))
        order = (np.arange(len(places)) * 13 + offset) % len(places)  # 13 is prime to 40 and 80
        right[places[np.argsort(order)[:wanted]]] = True
    erf = np.zeros((256, 216), np.float16)
    bands = np.abs(np.arange(256) - 120)
    frames = np.abs(np.arange(216) - 108)
    erf[:] = np.exp(-bands / erf_reach)[:, None] * np.exp(-frames / erf_reach)[None, :]
    return Record(
        key=experiment.key("f" * 64),
        experiment=experiment,
        data_fingerprint="f" * 64,
        epochs=pd.DataFrame({"epoch": range(3), "seconds": 1.0}),
        train_accuracy=fit,
        layer_sparsity=pd.DataFrame(),
        layer_weights={"all": experiment.sparsity.weights if experiment.sparsity else 1000},
        erf=erf,
        predictions=np.tile(np.where(right, labels, 1 - labels), (reported, 1)).astype(np.uint8),
        test_clips=table,
        scenes=SCENES,
        provenance={"seconds": 3600.0, "device": "cpu: toy", "finished": "2026-11-25", "code": {"commit": "c" * 40}},
        folder=Path("nowhere"),
    )


def records(of: Edition, unseen: Mapping[int, float], seen: float = 0.9, fit: float = 1.0) -> tuple[Record, ...]:
    """All runs of the width study, by width the accuracy on unseen devices; a fold adds one clip, damping two."""
    return tuple(
        record(run, seen, unseen[run.model.width] + (run.data.fold + 2 * run.model.damped) / 80, fit)
        for run in of.study("width")
        if run.model.width in unseen
    )

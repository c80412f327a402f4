"""A linear probe on mean spectra: what the long-term spectrum alone gives away about the scene."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from repro.data import Clips
from repro.training.inputs import Inputs

PENALTIES = np.logspace(-4, 1, 6)
FOLDS = 5


class Probe(NamedTuple):
    """Accuracy in [0, 1] of the probe on the test clips of the seen device and of the unseen ones."""

    seen: float
    unseen: float


def linear_probe(clips: Clips) -> Probe:
    """Multinomial logistic regression from a clip's 256 mel bands, averaged over time, to its scene.

    Trained on the same clips as the networks. The L2 penalty is chosen on them alone, by cross-validation that keeps
    every city on one side.
    """
    inputs = Inputs(clips, torch.device("cpu"))
    train, test = (
        torch.cat([batch.mean(dim=(1, 3)) for batch in batches]).numpy()
        for batches in (inputs.training_batches(), inputs.test_batches())
    )
    labels, split = clips.labels, inputs.split
    cities = clips.table.iloc[split.train]["city"].to_numpy()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        {"logisticregression__C": PENALTIES},
        cv=GroupKFold(min(FOLDS, len(set(cities)))),
    )
    search.fit(train, labels[split.train], groups=cities)
    hits = search.predict(test) == labels[split.test]
    return Probe(float(hits[: len(split.seen)].mean()), float(hits[len(split.seen) :].mean()))

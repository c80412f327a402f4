"""A finished run and a failed one, as the store gives them back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_weights

from repro.data.split import TRAINING_DEVICE
from repro.errors import InputError
from repro.experiment import RECIPE_VERSION, Experiment
from repro.files import checksums
from repro.network.cp_resnet import CPResNet
from repro.network.pruning import add_masks
from repro.store.provenance import code_fingerprint
from repro.training.loop import reported_epochs

WEIGHTS = "weights.safetensors"  # the file that a run from another machine may lack, and a shipped one always does

FailureKind = Literal["non-finite loss", "out of memory", "killed", "error"]


@dataclass(frozen=True)
class Record:
    """A finished run as the store keeps it.

    Attributes:
        key: its folder's name.
        experiment: what was trained.
        data_fingerprint: SHA-256 of the recordings it was trained and tested on.
        epochs: per epoch: learning rate, loss, seconds, accuracy on seen and unseen devices where measured.
        train_accuracy: share of the training labels that the final network reproduces without augmentation.
        layer_sparsity: epoch by layer, the share of removed weights; empty without sparsification.
        layer_weights: conv and classifier weights that the final network has left, by layer.
        erf: the network's effective receptive field relative to its maximum, float16, (256, frames).
        predictions: uint8, (reported epochs, test clips).
        test_clips: the test clips' scene, city, location and device, in the order of the predictions.
        scenes: class names in label order.
        provenance: when, how long, on what, with which code and versions (`repro.store.provenance.provenance`).
        folder: where the files lie; of a run that came with the repository (`repro.store.shipped`), its ZIP.
        recipe_version: of the recipe (`repro.experiment.RECIPE_VERSION`) that it was trained with.
    """

    key: str
    experiment: Experiment
    data_fingerprint: str
    epochs: pd.DataFrame
    train_accuracy: float
    layer_sparsity: pd.DataFrame
    layer_weights: dict[str, int]
    erf: NDArray[np.float16]
    predictions: NDArray[np.uint8]
    test_clips: pd.DataFrame
    scenes: tuple[str, ...]
    provenance: dict[str, Any]
    folder: Path
    recipe_version: int = RECIPE_VERSION

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """True class of every test clip, (test clips,)."""
        return pd.Categorical(self.test_clips["scene"], categories=list(self.scenes)).codes.astype(np.int64)

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each test clip was classified correctly, (reported epochs, test clips)."""
        return np.asarray(self.predictions == self.labels[None, :])

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """Whether each test clip was recorded by the training device, (test clips,)."""
        return (self.test_clips["device"] == TRAINING_DEVICE).to_numpy()

    @property
    def reported_epochs(self) -> range:
        """The epochs that the predictions were made in."""
        return reported_epochs(self.experiment.recipe.epochs)

    @property
    def other_recipe(self) -> bool:
        """Whether it was trained with another version of the recipe: training it today gives other numbers."""
        return self.recipe_version != RECIPE_VERSION

    @property
    def seconds(self) -> float:
        """How long its epochs took; of a continued run, of which `provenance` knows the last part, all of them."""
        return float(self.epochs["seconds"].sum())

    @property
    def commit(self) -> str | None:
        """The commit of the code that trained it; None where that did not lie in a git checkout."""
        commit: str | None = self.provenance.get("code", {}).get("commit")
        return commit

    @property
    def shipped(self) -> bool:
        """Whether it came with the repository."""
        return self.folder.suffix == ".zip"

    @property
    def has_weights(self) -> bool:
        """Whether the final network was kept; a shipped run has none, and one from another machine may have none."""
        return not self.shipped and WEIGHTS in checksums.digests(self.folder)

    def network(self) -> tuple[CPResNet, torch.Tensor, torch.Tensor]:
        """The final network in evaluation mode, and the mean and deviation (256, 1) that standardise its input.

        Raises:
            InputError: the run came without its weights, or they are not what was stored.
        """
        if not self.has_weights:
            here = "" if self.shipped else f", or delete {self.folder} and train it here"
            raise InputError(
                f"run {self.key} came without its weights: import them ('repro runs export --weights' where it was "
                f"trained){here}"
            )
        content = checksums.read(self.folder, WEIGHTS)
        model = CPResNet(self.experiment.model, len(self.scenes))
        if self.experiment.sparsity is not None:
            add_masks(model)
        try:
            state = load_weights(content)
            mean, deviation = state.pop("input.mean"), state.pop("input.deviation")
            model.load_state_dict(state)
        except (SafetensorError, KeyError, RuntimeError):
            raise checksums.DamagedError(self.folder / WEIGHTS, self.folder) from None
        return model.eval(), mean, deviation

    @cached_property
    def weights(self) -> int:
        """Number of conv and classifier weights that the final network has left."""
        return sum(self.layer_weights.values())


@dataclass(frozen=True)
class Failure:
    """A training that failed.

    Attributes:
        key: what the run would have been kept under.
        experiment: what was trained.
        data_fingerprint: SHA-256 of the recordings.
        kind: what ended it.
        reason: one line that says more.
        provenance: as of a run.
    """

    key: str
    experiment: Experiment
    data_fingerprint: str
    kind: FailureKind
    reason: str
    provenance: dict[str, Any]

    @property
    def made_by_this_code(self) -> bool:
        """Whether the code that failed is the code that runs now."""
        return bool(self.provenance.get("code", {}).get("fingerprint") == code_fingerprint())

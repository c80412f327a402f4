"""The run store: one folder per Experiment key, whole or absent.

runs/<key>/record.json           experiment, per-epoch metrics, test clips, provenance
runs/<key>/predictions.npz       predictions of the reported epochs
runs/<key>/weights.safetensors   the final network
runs/<key>/manifest.json         SHA-256 of the three
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from repro.config import Experiment, experiment_from
from repro.errors import InputError
from repro.model import CPResNet, count_weights
from repro.sparsity import add_masks
from repro.train import Outcome, reported_epochs

STORE_VARIABLE = "REPRO_STORE"
PACKAGES = ("torch", "numpy", "librosa")
FILES = ("predictions.npz", "record.json", "weights.safetensors")
"""What a run's folder holds, besides the manifest with their checksums."""


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
        predictions: uint8, (reported epochs, test clips).
        test_clips: the test clips' scene, city, location and device, in the order of the predictions.
        scenes: class names in label order.
        provenance: when, how long, on what, with which versions.
        folder: where the files lie.
    """

    key: str
    experiment: Experiment
    data_fingerprint: str
    epochs: pd.DataFrame
    train_accuracy: float
    layer_sparsity: pd.DataFrame
    predictions: NDArray[np.uint8]
    test_clips: pd.DataFrame
    scenes: tuple[str, ...]
    provenance: dict[str, Any]
    folder: Path

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """True class of every test clip, (test clips,)."""
        return pd.Categorical(self.test_clips["scene"], categories=list(self.scenes)).codes.astype(np.int64)

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each test clip was classified correctly, (reported epochs, test clips)."""
        return np.asarray(self.predictions == self.labels[None, :])

    @property
    def reported_epochs(self) -> range:
        """The epochs that the predictions were made in."""
        return reported_epochs(self.experiment.recipe.epochs)

    def network(self) -> tuple[CPResNet, torch.Tensor, torch.Tensor]:
        """The final network in evaluation mode, and the mean and deviation (256, 1) that standardise its input."""
        state = load_file(self.folder / "weights.safetensors")
        mean, deviation = state.pop("input.mean"), state.pop("input.deviation")
        model = CPResNet(self.experiment.model, len(self.scenes))
        if self.experiment.sparsity is not None:
            add_masks(model)
        model.load_state_dict(state)
        return model.eval(), mean, deviation

    @cached_property
    def weights(self) -> int:
        """Number of remaining conv and classifier weights."""
        if self.experiment.sparsity is not None:
            return self.experiment.sparsity.weights
        with torch.device("meta"):
            return count_weights(CPResNet(self.experiment.model, len(self.scenes)))


class Store:
    """The folder in which finished runs and prepared recordings are kept."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def default(cls) -> Store:
        """The folder named by the environment variable REPRO_STORE, else `_store` beside the book's `_toc.yml`.

        The book is looked for from the working directory upwards, since some tools run a notebook in the folder that
        it lies in; where there is none, the store is in the working directory.

        Raises:
            InputError: the folder cannot be created or written to.
        """
        here = Path.cwd()
        home = next((folder for folder in (here, *here.parents) if (folder / "_toc.yml").is_file()), here)
        root = Path(os.environ.get(STORE_VARIABLE) or home / "_store").resolve()
        try:
            root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=root):
                pass
        except OSError as error:
            raise InputError(
                f"the run store {root} cannot be written to ({error.strerror}): "
                f"set {STORE_VARIABLE} to a folder that can"
            ) from None
        return cls(root)

    def folder(self, key: str) -> Path:
        """Where the run of this key is, or will be."""
        return self.root / "runs" / key

    def __contains__(self, key: str) -> bool:
        return (self.folder(key) / "manifest.json").is_file()

    def finished(self) -> list[str]:
        """The keys of all finished runs, sorted."""
        return sorted(path.parent.name for path in self.root.glob("runs/[!.]*/manifest.json"))

    def save(
        self,
        experiment: Experiment,
        data_fingerprint: str,
        outcome: Outcome,
        test_clips: pd.DataFrame,
        scenes: tuple[str, ...],
        provenance: dict[str, Any],
    ) -> str:
        """Keep a finished run; its folder appears with all its files or not at all. Returns the key."""
        key = experiment.key(data_fingerprint)
        target = self.folder(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=target.parent))
        try:
            record = {
                "experiment": experiment.canonical(),
                "data_fingerprint": data_fingerprint,
                "epochs": [asdict(epoch) for epoch in outcome.epochs],
                "train_accuracy": outcome.train_accuracy,
                "layer_sparsity": list(outcome.layer_sparsity),
                "scenes": list(scenes),
                "test_clips": {
                    name: test_clips[name].tolist() for name in ("filename", "scene", "city", "location", "device")
                },
                "provenance": provenance,
            }
            (aside / "record.json").write_text(json.dumps(record, indent=1))
            np.savez_compressed(aside / "predictions.npz", predictions=outcome.predictions)
            save_file(outcome.weights, aside / "weights.safetensors")
            digests = {name: _sha256(aside / name) for name in FILES}
            (aside / "manifest.json").write_text(json.dumps(digests, indent=1))
            aside.rename(target)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        return key

    def load(self, key: str) -> Record:
        """Read a finished run, after checking its files against their checksums.

        Raises:
            InputError: there is no such run, or a file of it was altered.
        """
        folder = self.folder(key)
        if key not in self:
            raise InputError(f"no run {key} in {self.root}: 'repro runs ls' lists those that exist")
        damaged = _damaged(folder)
        if damaged is not None:
            raise InputError(f"{damaged} is not what was stored: delete {folder} and train the run again")
        content = json.loads((folder / "record.json").read_text())
        with np.load(folder / "predictions.npz", allow_pickle=False) as arrays:
            predictions = arrays["predictions"]
        values = content["experiment"]
        if values["data"]["name"] != "synthetic":
            values["data"]["root"] = "(as stored)"  # where the recordings lay is not part of a result
        return Record(
            key=key,
            experiment=experiment_from(values),
            data_fingerprint=content["data_fingerprint"],
            epochs=pd.DataFrame(content["epochs"]),
            train_accuracy=content["train_accuracy"],
            layer_sparsity=pd.DataFrame(content["layer_sparsity"]),
            predictions=predictions,
            test_clips=pd.DataFrame(content["test_clips"]),
            scenes=tuple(content["scenes"]),
            provenance=content["provenance"],
            folder=folder,
        )


def provenance(device: torch.device, seconds: float) -> dict[str, Any]:
    """Where and with what a run was made: time, duration in s, machine, package versions."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "device": f"{device.type}: {name}",
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
    }


def _damaged(folder: Path) -> Path | None:
    """The first file of a run that its checksum does not fit or that is lost, if there is one."""
    manifest = folder / "manifest.json"
    try:
        digests = json.loads(manifest.read_bytes())
    except ValueError:
        return manifest
    if not isinstance(digests, dict) or sorted(digests) != sorted(FILES):
        return manifest
    for path in (folder / name for name in FILES):
        if not path.is_file() or _sha256(path) != digests[path.name]:
            return path
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

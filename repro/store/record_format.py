"""How a run and a failure are written, and read back: the store's schema.

record.json holds the schema's number, what the key is the hash of (Experiment, fingerprint of the recordings, version
of the recipe), the provenance and the results; a failure holds the same with what ended it instead of the results.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors.torch import save as weights_bytes

from repro.data.clips import COLUMNS
from repro.errors import InputError
from repro.experiment import RECIPE_VERSION, DataConfig, Experiment, explain, key_of
from repro.files import checksums
from repro.store.record import WEIGHTS, Failure, FailureKind, Record
from repro.training.loop import Epoch, Outcome, reported_epochs

SCHEMA = 3  # raised whenever the format of a record changes

RECORD, ARRAYS = "record.json", "arrays.npz"
NEEDED = frozenset({RECORD, ARRAYS})  # what a run's folder always holds


class OutdatedError(checksums.StoredError):
    """An earlier version of this package has stored this; today's cannot use it."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault, "'repro runs gc --yes' removes it")


class _Origin(BaseModel):
    """What a key is the hash of, and how it came about."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    stored_schema: int = Field(alias="schema")
    recipe_version: int
    experiment: dict[str, Any]
    data_fingerprint: str
    provenance: dict[str, Any]

    def read_experiment(self) -> Experiment:
        data = dict(self.experiment["data"])
        if data["name"] != "synthetic":
            data["root"] = "(as stored)"  # where the recordings lay is not part of a result
        return Experiment(**self.experiment | {"data": data})


class _Run(_Origin):
    """record.json."""

    epochs: list[Epoch]
    train_accuracy: float
    layer_sparsity: list[dict[str, float]]
    layer_weights: dict[str, int]
    scenes: list[str]
    test_clips: dict[str, list[str]]

    @model_validator(mode="after")
    def _consistent(self) -> _Run:
        rows = {len(values) for values in self.test_clips.values()}
        if tuple(self.test_clips) != COLUMNS or len(rows) != 1 or not {*self.test_clips["scene"]} <= {*self.scenes}:
            raise ValueError("test_clips and scenes do not go together")
        return self


class _Failed(_Origin):
    """A file of failures/."""

    kind: FailureKind
    reason: str


def run_files(
    experiment: Experiment,
    data_fingerprint: str,
    outcome: Outcome,
    test_clips: pd.DataFrame,
    scenes: tuple[str, ...],
    provenance: Mapping[str, Any],
) -> dict[str, bytes]:
    """The files of a finished run by name."""
    record = _origin(experiment, data_fingerprint, provenance) | {
        "epochs": [asdict(epoch) for epoch in outcome.epochs],
        "train_accuracy": outcome.train_accuracy,
        "layer_sparsity": list(outcome.layer_sparsity),
        "layer_weights": outcome.layer_weights,
        "scenes": list(scenes),
        "test_clips": {name: test_clips[name].tolist() for name in COLUMNS},
    }
    arrays = io.BytesIO()
    np.savez_compressed(arrays, predictions=outcome.predictions, erf=outcome.erf)
    return {
        RECORD: json.dumps(record, indent=1, allow_nan=False).encode(),
        ARRAYS: arrays.getvalue(),
        WEIGHTS: weights_bytes(outcome.weights),
    }


def read_run(folder: Path) -> Record:
    """Read a run's folder, after checking its files against their checksums; the weights are checked when used.

    Raises:
        InputError: a file of it was altered, lost or added, or as of `record_of`.
    """
    files = {name: checksums.read(folder, name) for name in checksums.digests(folder) if name != WEIGHTS}
    record = record_of(folder.name, files, folder)
    checksums.require_files(folder, NEEDED, frozenset({WEIGHTS}))
    return record


def record_of(key: str, files: Mapping[str, bytes], place: Path) -> Record:
    """Read a run from the content of its files, wherever they lie.

    Args:
        key: of the run.
        files: by name; `NEEDED` are read.
        place: where they lie, for the messages and the record.

    Returns:
        The run.

    Raises:
        StoredError: a file is missing or damaged, the run was stored in another schema, its key is not the hash of its
            content, or this version does not know its Experiment.
    """
    if RECORD not in files:
        raise checksums.DamagedError(place / RECORD, place)
    content = _parsed(_Run, "run", files[RECORD], place / RECORD, key, place)
    experiment = content.read_experiment()
    shape = (len(reported_epochs(experiment.recipe.epochs)), len(content.test_clips["scene"]))
    predictions, erf = _arrays(files.get(ARRAYS, b""), shape, place)
    return Record(
        key=key,
        experiment=experiment,
        data_fingerprint=content.data_fingerprint,
        epochs=pd.DataFrame([asdict(epoch) for epoch in content.epochs]),
        train_accuracy=content.train_accuracy,
        layer_sparsity=pd.DataFrame(content.layer_sparsity),
        layer_weights=content.layer_weights,
        predictions=predictions,
        erf=erf,
        test_clips=pd.DataFrame(content.test_clips),
        scenes=tuple(content.scenes),
        provenance=content.provenance,
        folder=place,
        recipe_version=content.recipe_version,
    )


def recordings_of(data: DataConfig) -> dict[str, Any]:
    """What tells sets of recordings apart, as plain JSON values: all of `data` but the folders; the fold is 0."""
    return data.all_folds.canonical()


def write_failure(path: Path, failure: Failure) -> None:
    """Write a failed training as `path`, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    origin = _origin(failure.experiment, failure.data_fingerprint, failure.provenance)
    checksums.write_json(path, origin | {"kind": failure.kind, "reason": " ".join(failure.reason.split())})


def read_failure(path: Path) -> Failure:
    """Read a failed training, and check it as `read_run` does."""
    text = json.dumps(checksums.read_json(path)).encode()
    content = _parsed(_Failed, "failure", text, path, path.stem, path)
    return Failure(
        key=path.stem,
        experiment=content.read_experiment(),
        data_fingerprint=content.data_fingerprint,
        kind=content.kind,
        reason=content.reason,
        provenance=content.provenance,
    )


def _origin(experiment: Experiment, data_fingerprint: str, provenance: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "recipe_version": RECIPE_VERSION,
        "experiment": experiment.canonical(),
        "data_fingerprint": data_fingerprint,
        "provenance": dict(provenance),
    }


_Content = TypeVar("_Content", bound=_Origin)


def _parsed(form: type[_Content], what: str, text: bytes, path: Path, key: str, stored: Path) -> _Content:
    """Read a record whose checksum is right, and check its schema, its fields and its key."""
    try:
        schema = int(json.loads(text).get("schema", 1))
        if schema == SCHEMA:
            content = form.model_validate_json(text)
    except ValidationError as error:
        raise checksums.DamagedError(path, stored, f"is not a record ({explain(error, what)})") from None
    except (ValueError, AttributeError, TypeError):
        raise checksums.DamagedError(path, stored) from None
    if schema != SCHEMA:
        said = f"{what} {key} was stored in schema {schema}; this version reads {SCHEMA}"
        if schema > SCHEMA:
            raise checksums.StoredError(said, "a newer version of this package reads it")
        raise OutdatedError(said)
    actual = key_of(content.experiment, content.data_fingerprint, content.recipe_version)
    if actual != key:
        raise checksums.DamagedError(path, stored, f"is of {what} {actual}, not {key}")
    try:
        content.read_experiment()
    except (InputError, KeyError, TypeError) as error:
        raise OutdatedError(f"{what} {key} is of an Experiment that this version does not know ({error})") from None
    return content


def _arrays(content: bytes, shape: tuple[int, int], place: Path) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Predictions, uint8, (reported epochs, test clips), and receptive field, float16, (256, frames).

    Read without running any code that the file may hold.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            predictions: NDArray[np.uint8] = arrays["predictions"]
            erf: NDArray[np.float16] = arrays["erf"]
    except Exception:  # reading altered bytes may raise anything
        raise checksums.DamagedError(place / ARRAYS, place) from None
    if predictions.dtype != np.uint8 or predictions.shape != shape or erf.dtype != np.float16 or erf.ndim != 2:
        raise checksums.DamagedError(place / ARRAYS, place)
    return predictions, erf

"""Experiment: the frozen, validated value that a result is a pure function of.

An `Experiment` says which recordings, which network, which training recipe, which sparsity and which seed. Its
canonical JSON, together with the fingerprint of the recordings' content, is hashed to the key under which the run
store keeps the result (`Experiment.key`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from repro.errors import InputError

LONGEST_CLIP = 60  # seconds
SHORTEST_CLIP = 0.4  # seconds; of fewer than 17 frames nothing is left after the last pooling

RECIPE_VERSION = 4  # part of every key: raised whenever the same Experiment would give other numbers than before

DataName = Literal["synthetic", "esc10", "tau2020"]
Precision = Literal["fp32", "bf16"]
PositiveInt = Annotated[int, Field(ge=1)]


class Frozen(BaseModel):
    """An immutable value whose fields are checked; a fault is one line (`InputError`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise InputError(explain(error, type(self).__name__)) from None


class Resampling(Frozen):
    """The Kaiser-windowed sinc that brings recordings to 22,050 Hz (`repro.data.audio.resample`)."""

    kaiser_beta: Annotated[float, Field(ge=0)] = 14.77
    zero_crossings: PositiveInt = 64
    rolloff: Annotated[float, Field(gt=0, le=1)] = 0.9476


class DataConfig(Frozen):
    """Which recordings, how they are cut, and which of them are trained and tested on (Section 3).

    `root` is the folder of a real data set, `impulse_responses` the folder of measured microphone impulse responses
    (ESC-10); neither enters the key, the fingerprint of the content does. `microphones` of these are used, spread
    evenly over the sorted file names; 0 for all of them. Every recording is heard through `microphones_each` of those
    used, by a balanced design (`repro.data.design`); 0 for all of them.
    `split` is the paper's, or the official one of TAU 2020 Mobile. `fold` leaves one of ESC-10's five folds out for
    testing and trains on the other four; 0 for the split that `split` names.
    `clips` counts the synthetic clips that device a records of every (city, scene) pair, `seed` is what they are drawn
    from.
    """

    name: DataName = "synthetic"
    root: str = ""
    impulse_responses: str = ""
    microphones: Annotated[int, Field(ge=0)] = 0
    microphones_each: Annotated[int, Field(ge=0)] = 0
    fold: Annotated[int, Field(ge=0, le=5)] = 0
    split: Literal["paper", "official"] = "paper"
    resampling: Resampling = Resampling()
    clip_seconds: Annotated[float, Field(gt=0.1, le=LONGEST_CLIP)] = 10.0
    clips: PositiveInt = 4
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _possible(self) -> DataConfig:
        if self.name != "synthetic" and not self.root:
            raise ValueError(f"data set '{self.name}' needs the folder of its recordings: set data_root")
        if self.name != "esc10" and (self.fold or self.microphones or self.microphones_each):
            raise ValueError(
                f"'{self.name}' has no folds and no microphones: leave folds, microphones and microphones_each out"
            )
        fields = type(self).model_fields
        if self.name != "synthetic" and any(getattr(self, n) != fields[n].default for n in ("clips", "seed")):
            raise ValueError(f"'{self.name}' holds recordings, not clips that are made here: leave clips and seed out")
        if 0 < self.microphones < self.microphones_each:
            raise ValueError(f"microphones_each = {self.microphones_each}: more than microphones = {self.microphones}")
        if self.split == "official" and self.name != "tau2020":
            raise ValueError(f"'{self.name}' has no official split, only tau2020 has one: set split to 'paper'")
        return self

    @property
    def all_folds(self) -> DataConfig:
        """The same recordings with no fold left out: one fingerprint belongs to all folds."""
        return self.model_copy(update={"fold": 0})

    def canonical(self) -> dict[str, Any]:
        """As plain JSON values, less where the recordings lie."""
        return self.model_dump(mode="json", exclude={"root", "impulse_responses"})


class ModelConfig(Frozen):
    """CP-ResNet of Table 1: width W, depth D (3x3 blocks), K (1x1 blocks), and the damping of Appendix B."""

    width: Annotated[int, Field(ge=1, le=100_000)] = 32
    depth: Annotated[int, Field(ge=1, le=1000)] = 1
    pointwise: Annotated[int, Field(ge=0, le=1000)] = 1
    damped: bool = False
    damping_min: Annotated[float, Field(gt=0, le=1)] = 0.1


class Recipe(Frozen):
    """Training as in Appendix A; the defaults are the paper's, the batch size the group's.

    `roll` shifts the wave circularly by a whole number of hops (whose features are those of the wave in rolled
    order), by samples, or not at all. `precision` is that of the network's arithmetic in training; weights,
    optimiser, batch statistics and the final evaluation are float32.
    """

    epochs: PositiveInt = 250
    warmup_epochs: Annotated[int, Field(ge=0)] = 20
    max_lr: Annotated[float, Field(gt=0)] = 1e-4
    min_lr: Annotated[float, Field(ge=0)] = 1e-6
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 10
    mixup_alpha: Annotated[float, Field(ge=0)] = 0.3
    roll: Literal["hops", "samples", "off"] = "hops"
    precision: Precision = "fp32"
    labels: Literal["true", "random"] = "true"

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs ({self.warmup_epochs}) must be smaller than epochs ({self.epochs})")
        if self.min_lr > self.max_lr:
            raise ValueError(f"min_lr ({self.min_lr}) must not be larger than max_lr ({self.max_lr})")
        return self


class Sparsity(Frozen):
    """How the network is brought down to `weights` remaining conv weights (Section 5.3, Appendix A.4).

    The other fields are those of iterative pruning. `start` is the epoch, from 0, at whose beginning the first weights
    go; None for the end of the warm-up, but not before epoch 1. `ramp` is how many are gone over time, and `magnitude`
    whether weights are compared as the convolution uses them, damping included, or as they are stored
    (`repro.network.pruning`). `guard` keeps 1 % of every layer.
    """

    method: Literal["static", "iterative"]
    weights: PositiveInt
    start: PositiveInt | None = None
    ramp: Literal["geometric", "cubic"] = "geometric"
    magnitude: Literal["used", "raw"] = "used"
    guard: bool = True

    @model_validator(mode="after")
    def _iterative_alone(self) -> Sparsity:
        of_iterative = (self.start, self.ramp, self.magnitude, self.guard)
        if self.method == "static" and of_iterative != (None, "geometric", "used", True):
            raise ValueError("start, ramp, magnitude and guard are for iterative pruning: leave them out for 'static'")
        return self


class Experiment(Frozen):
    """One training run: recordings, network, recipe, sparsity, seed."""

    data: DataConfig
    model: ModelConfig = ModelConfig()
    recipe: Recipe = Recipe()
    sparsity: Sparsity | None = None
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _clips_long_enough(self) -> Experiment:
        if self.data.clip_seconds < SHORTEST_CLIP:
            raise ValueError(f"data.clip_seconds = {self.data.clip_seconds}: must be at least {SHORTEST_CLIP}")
        return self

    @property
    def network(self) -> str:
        """What is trained, in words: "W=8 D=1 K=1, damped, static to 5,000 weights"."""
        parts = [f"W={self.model.width} D={self.model.depth} K={self.model.pointwise}", self.variant]
        if self.sparsity is not None:
            guard = "" if self.sparsity.guard else " without guard"
            parts.append(f"{self.sparsity.method} to {self.sparsity.weights:,} weights{guard}")
        if self.recipe.labels == "random":
            parts.append("random labels")
        return ", ".join(parts)

    @property
    def variant(self) -> Literal["base", "damped"]:
        """Whether the convolutions are damped, in words."""
        return "damped" if self.model.damped else "base"

    @property
    def method(self) -> Literal["dense", "static", "iterative", "unguarded"]:
        """How the network became sparse; "unguarded" is iterative pruning without the guard."""
        if self.sparsity is None:
            return "dense"
        return self.sparsity.method if self.sparsity.guard else "unguarded"

    @property
    def replicate(self) -> tuple[int, int]:
        """(fold, seed): what differs between the trainings of one network."""
        return self.data.fold, self.seed

    def canonical(self) -> dict[str, Any]:
        """The Experiment as plain JSON values, less what cannot change a result (where the recordings lie)."""
        return self.model_dump(mode="json") | {"data": self.data.canonical()}

    def canonical_text(self) -> str:
        """`canonical` as one line of JSON: equal for Experiments that are equal but for where the recordings lie."""
        return json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"))

    def key(self, data_fingerprint: str) -> str:
        """The run store's key: 20 hexadecimal digits of a SHA-256.

        Independent of the order in which fields were given, of 1 against 1.0, and of defaults given or left out.
        """
        return key_of(self.canonical(), data_fingerprint, RECIPE_VERSION)


def key_of(canonical: Mapping[str, Any], data_fingerprint: str, recipe_version: int) -> str:
    """The key of a canonical Experiment, which may be of an earlier version of this package."""
    content = {"experiment": canonical, "data_fingerprint": data_fingerprint, "recipe_version": recipe_version}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def explain(error: ValidationError, what: str) -> str:
    """One line for the first fault that pydantic found: the field, what it got, what it must be."""
    fault = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    if not field or isinstance(fault.get("ctx", {}).get("error"), InputError):  # a part's own line says it all
        return message
    if fault["type"] == "missing":
        return f"{what}.{field}: field required"
    return f"{what}.{field} = {fault['input']!r}: {message[0].lower() + message[1:]}"

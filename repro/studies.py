"""The paper's grid: for every study the Experiments that its figure needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from repro.config import DataConfig, Experiment, ModelConfig, Recipe
from repro.errors import InputError

VARIANTS = {"base": False, "damped": True}
"""The two networks of every study, by whether their convolutions are damped."""


@dataclass(frozen=True)
class Setting:
    """What all runs of a study share: recordings, training recipe, seeds."""

    data: DataConfig
    recipe: Recipe
    seeds: tuple[int, ...]

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Setting:
        """The setting that a page's parameters describe.

        Args:
            parameters: dataset, data_root, impulse_responses, clip_seconds, clips, epochs, warmup_epochs, max_lr,
                batch_size and seeds, by name; others are ignored, so that a page can hand in its `globals()`.

        Raises:
            InputError: a value is out of its range.
        """
        data = DataConfig(
            name=parameters["dataset"],
            root=parameters["data_root"],
            impulse_responses=parameters["impulse_responses"],
            clip_seconds=parameters["clip_seconds"],
            clips=parameters["clips"],
        )
        recipe = Recipe(**{name: parameters[name] for name in ("epochs", "warmup_epochs", "max_lr", "batch_size")})
        seeds = tuple(parameters["seeds"])
        if not seeds or len(set(seeds)) < len(seeds):
            raise InputError(f"seeds = {list(seeds)}: give at least one seed, and each once")
        return cls(data, recipe, seeds)

    def runs(self, model: ModelConfig) -> list[Experiment]:
        """One Experiment a seed."""
        return [Experiment(data=self.data, model=model, recipe=self.recipe, seed=seed) for seed in self.seeds]


def width(setting: Setting, widths: Iterable[int]) -> list[Experiment]:
    """Section 5.1, Fig. 3: base and damped networks of every width at D = 1, K = 1."""
    return [
        experiment
        for damped in VARIANTS.values()
        for w in widths
        for experiment in setting.runs(ModelConfig(width=w, damped=damped))
    ]


def fit(setting: Setting, widths: Iterable[int], random_label_epochs: int) -> list[Experiment]:
    """Section 4: how well the base network fits the training labels, and as many labels in random order.

    The runs with true labels are those of Section 5.1. Those with random labels go without augmentation, which would
    hide what the network can memorise.
    """
    changes = {"labels": "random", "epochs": random_label_epochs, "mixup_alpha": 0.0, "roll": False}
    random_labels = Recipe(**setting.recipe.model_dump() | changes)
    return [
        experiment
        for recipe in (setting.recipe, random_labels)
        for w in widths
        for experiment in Setting(setting.data, recipe, setting.seeds).runs(ModelConfig(width=w))
    ]

"""The paper's grid: for every study the Experiments that its figure needs.

Every study trains base and damped networks over all seeds of its setting. Studies share runs wherever their networks
coincide: an Experiment that two figures ask for is trained once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from repro.errors import InputError
from repro.experiment import DataConfig, Experiment, ModelConfig, Recipe, Sparsity
from repro.network.cp_resnet import CPResNet, count_weights

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
            parameters: dataset, data_root, impulse_responses, microphones, split, clip_seconds, clips, epochs,
                warmup_epochs, max_lr, batch_size, roll, precision and seeds, by name; others are ignored, so that a
                page can hand in its `globals()`.

        Raises:
            InputError: a value is out of its range.
        """
        data = DataConfig(
            name=parameters["dataset"],
            root=parameters["data_root"],
            impulse_responses=parameters["impulse_responses"],
            microphones=parameters["microphones"],
            split=parameters["split"],
            clip_seconds=parameters["clip_seconds"],
            clips=parameters["clips"],
        )
        names = ("epochs", "warmup_epochs", "max_lr", "batch_size", "roll", "precision")
        recipe = Recipe(**{name: parameters[name] for name in names})
        seeds = tuple(parameters["seeds"])
        if not seeds or len(set(seeds)) < len(seeds):
            raise InputError(f"seeds = {list(seeds)}: give at least one seed, and each once")
        return cls(data, recipe, seeds)

    def with_recipe(self, **changes: Any) -> Setting:
        """The same setting with another recipe, such as more epochs."""
        return replace(self, recipe=Recipe(**self.recipe.model_dump() | changes))

    def runs(self, models: Iterable[ModelConfig], sparsity: Sparsity | None = None) -> list[Experiment]:
        """One Experiment a model and seed."""
        return [
            Experiment(data=self.data, model=model, recipe=self.recipe, sparsity=sparsity, seed=seed)
            for model in models
            for seed in self.seeds
        ]


def both(width: int, depth: int = 1, pointwise: int = 1) -> list[ModelConfig]:
    """The base and the damped network of these sizes."""
    return [ModelConfig(width=width, depth=depth, pointwise=pointwise, damped=damped) for damped in VARIANTS.values()]


def weight_count(width: int, pointwise: int = 1) -> int:
    """N(W): conv and classifier weights at D = 1, to which the sparse networks are brought down."""
    with torch.device("meta"):
        return count_weights(CPResNet(ModelConfig(width=width, pointwise=pointwise)))


def fit(setting: Setting, widths: Iterable[int], random_label_epochs: int) -> list[Experiment]:
    """Section 4: how well the base network fits the training labels, and as many labels in random order.

    The runs with true labels are those of Section 5.1. Those with random labels go without augmentation, which would
    hide what the network can memorise.
    """
    models = [ModelConfig(width=width) for width in widths]
    memorising = setting.with_recipe(labels="random", epochs=random_label_epochs, mixup_alpha=0.0, roll="off")
    return setting.runs(models) + memorising.runs(models)


def by_width(setting: Setting, widths: Iterable[int]) -> list[Experiment]:
    """Section 5.1, Fig. 3: every width W at D = 1, K = 1."""
    return [run for width in widths for run in setting.runs(both(width))]


def by_depth(setting: Setting, width: int, depths: Iterable[int]) -> list[Experiment]:
    """Section 5.2, Fig. 4: every depth D of 3x3 blocks at K = 1; the receptive field grows."""
    return [run for depth in depths for run in setting.runs(both(width, depth=depth))]


def by_pointwise(setting: Setting, width: int, pointwise: Iterable[int]) -> list[Experiment]:
    """Section 5.2, Fig. 5: every number K of 1x1 blocks at D = 1; the receptive field stays."""
    return [run for k in pointwise for run in setting.runs(both(width, pointwise=k))]


def by_width_and_depth(setting: Setting, sizes: Iterable[Sequence[int]]) -> list[Experiment]:
    """Section 5, Figs 1 and 17: networks scaled in width and depth together, as (W, D) pairs at K = 1."""
    return [run for width, depth in sizes for run in setting.runs(both(width, depth=depth))]


def by_sparse_width(
    setting: Setting,
    method: Literal["static", "iterative"],
    widths: Iterable[int],
    reference_width: int,
    epochs: int,
    pointwise: int = 1,
) -> list[Experiment]:
    """Section 5.3, Fig. 6: wide networks brought down to the number of weights of W = `reference_width`.

    Raises:
        InputError: a width is not larger than the reference width.
    """
    target = Sparsity(method=method, weights=weight_count(reference_width, pointwise))
    longer = setting.with_recipe(epochs=epochs)
    for width in widths:
        if width <= reference_width:
            raise InputError(f"sparse width {width}: must be larger than the reference width {reference_width}")
    return [run for width in widths for run in longer.runs(both(width, pointwise=pointwise), target)]


def by_precision(setting: Setting, width: int) -> dict[str, list[Experiment]]:
    """Appendix A: the base network of one width, trained in either precision, by the precision's name."""
    precisions: tuple[Literal["fp32", "bf16"], ...] = ("fp32", "bf16")
    return {name: setting.with_recipe(precision=name).runs([ModelConfig(width=width)]) for name in precisions}


def for_erf(
    setting: Setting,
    *,
    erf_deep_width: int,
    erf_pointwise: int,
    erf_narrow: int,
    erf_wide: int,
    reference_width: int,
    sparse_epochs: int,
) -> list[Experiment]:
    """Appendix C, Figs 9 to 16: the networks whose effective receptive fields are compared, at D = 1.

    Figs 9 and 10: width `erf_deep_width` at K = 0 and K = `erf_pointwise`. Figs 11 and 12: `erf_narrow` and `erf_wide`
    at K = 0. Figs 13 to 16: `reference_width`, and `erf_wide` brought down to its number of weights, at K = 0.
    """
    dense = [*both(erf_deep_width, pointwise=0), *both(erf_deep_width, pointwise=erf_pointwise)]
    dense += [model for width in (erf_narrow, reference_width, erf_wide) for model in both(width, pointwise=0)]
    methods: tuple[Literal["static", "iterative"], ...] = ("static", "iterative")
    sparse = [
        run
        for method in methods
        for run in by_sparse_width(setting, method, [erf_wide], reference_width, sparse_epochs, pointwise=0)
    ]
    return setting.runs(dict.fromkeys(dense)) + sparse


def scalings(setting: Setting, parameters: Mapping[str, Any]) -> dict[str, list[Experiment]]:
    """Figures 1 and 17: the runs of every way of scaling, by its name.

    Args:
        setting: what the runs share.
        parameters: widths, depth_width, depths, pointwise, compound, reference_width, sparse_widths, sparse_epochs,
            by name; others are ignored.
    """
    depth_width, reference_width = parameters["depth_width"], parameters["reference_width"]
    sparse_widths, sparse_epochs = parameters["sparse_widths"], parameters["sparse_epochs"]
    return {
        "width": by_width(setting, parameters["widths"]),
        "depth D": by_depth(setting, depth_width, parameters["depths"]),
        "depth K": by_pointwise(setting, depth_width, parameters["pointwise"]),
        "width and depth": by_width_and_depth(setting, parameters["compound"]),
        "sparse width, static": by_sparse_width(setting, "static", sparse_widths, reference_width, sparse_epochs),
        "sparse width, iterative": by_sparse_width(setting, "iterative", sparse_widths, reference_width, sparse_epochs),
    }

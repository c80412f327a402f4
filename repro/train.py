"""Training one Experiment: the paper's schedule, loop and measurements (Appendix A.2 and A.3)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repro.augment import Mixup, draw_shifts, roll
from repro.config import Experiment, Recipe
from repro.inputs import Inputs
from repro.model import CPResNet, build
from repro.sparsity import Pruner

REPORTED_EPOCHS = 10
"""The paper reports the last 10 of its 250 epochs; a shorter training reports its last tenth."""

CURVE_POINTS = 3
"""How often the test clips are classified on the way to the reported epochs, to draw a learning curve."""


def learning_rate(epoch: int, recipe: Recipe) -> float:
    """Learning rate of an epoch, counted from 0.

    Warm-up: max_lr * exp(-5 (1 - t)^2) with t = epoch / warmup_epochs, at first 0.5 / warmup_epochs. From the end of
    the warm-up on, max_lr falls linearly to min_lr, which the last epoch is trained with.
    """
    if epoch < recipe.warmup_epochs:
        t = max(epoch, 0.5) / recipe.warmup_epochs
        return recipe.max_lr * math.exp(-5 * (1 - t) ** 2)
    span = max(1, recipe.epochs - 1 - recipe.warmup_epochs)
    share = (epoch - recipe.warmup_epochs) / span
    return recipe.max_lr + (recipe.min_lr - recipe.max_lr) * share


def reported_epochs(epochs: int) -> range:
    """The epochs whose accuracies are reported: the last 10, of a shorter training the last tenth (at least one)."""
    return range(epochs - min(REPORTED_EPOCHS, math.ceil(epochs / 10)), epochs)


@dataclass(frozen=True)
class Epoch:
    """What is recorded of an epoch; accuracies in [0, 1], None where the test clips were not classified."""

    epoch: int
    learning_rate: float
    loss: float
    seconds: float
    seen: float | None
    unseen: float | None


@dataclass(frozen=True)
class Outcome:
    """The result of training one Experiment.

    Attributes:
        epochs: one entry an epoch.
        predictions: uint8, (reported epochs, test clips): the class given to every test clip, in `Split.test` order.
        train_accuracy: share of the training clips that the final network, without augmentation, gives the label that
            it was trained with.
        layer_sparsity: per epoch and layer the share of weights removed; empty without sparsification.
        weights: the final network's state and the mel bands' `mean` and `deviation`.
    """

    epochs: tuple[Epoch, ...]
    predictions: NDArray[np.uint8]
    train_accuracy: float
    layer_sparsity: tuple[dict[str, float], ...]
    weights: dict[str, Tensor]


class Streams:
    """Independent random number generators on the CPU, one for each purpose, all from one seed."""

    def __init__(self, seed: int) -> None:
        children = np.random.SeedSequence(seed).spawn(5)
        self.initialisation, self.order, self.augmentation, self.labels, self.pruning = (
            torch.Generator().manual_seed(int(child.generate_state(1, np.uint64)[0] >> np.uint64(1)))
            for child in children
        )


def training_labels(labels: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """The labels to train with: the true ones, or the same ones in a random order drawn once (Section 4)."""
    if recipe.labels == "true":
        return labels
    return labels[torch.randperm(len(labels), generator=generator).to(labels.device)]


@torch.no_grad()
def classify(model: CPResNet, batches: Iterable[Tensor]) -> Tensor:
    """The class of every clip: inputs (clips, 1, 256, frames) in batches to int64 (clips,)."""
    model.eval()
    classes = [model(batch).argmax(1) for batch in batches]
    model.train()
    return torch.cat(classes)


def train(experiment: Experiment, inputs: Inputs, progress: Callable[[int], None] = lambda epoch: None) -> Outcome:
    """Train one Experiment from its seed to its last epoch.

    Args:
        experiment: what to train.
        inputs: the recordings that `experiment.data` names, on the device to train on.
        progress: called with the number of every finished epoch.

    Raises:
        InputError: the sparsity is out of reach.
        FloatingPointError: the loss is no longer finite.
    """
    recipe, split, device = experiment.recipe, inputs.split, inputs.device
    streams = Streams(experiment.seed)
    labels = training_labels(inputs.labels[split.train], recipe, streams.labels)
    test_labels = inputs.labels[split.test]

    # channels-last pays from 8 channels on; with fewer its vector lanes stay empty
    layout = torch.channels_last if experiment.model.width >= 8 else torch.contiguous_format
    model = build(experiment.model, streams.initialisation, len(inputs.clips.scenes)).to(device)
    model.to(memory_format=layout)  # type: ignore[call-overload]  # missing in torch's annotations
    pruner = None
    if experiment.sparsity is not None:
        pruner = Pruner(model, experiment.sparsity, recipe.epochs, streams.pruning)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.max_lr, fused=True)

    epochs: list[Epoch] = []
    predictions: list[Tensor] = []
    layer_sparsity: list[dict[str, float]] = []
    reported = reported_epochs(recipe.epochs)
    curve_step = math.ceil(recipe.epochs / CURVE_POINTS)
    for epoch in range(recipe.epochs):
        start = time.perf_counter()
        rate = learning_rate(epoch, recipe)
        for group in optimizer.param_groups:
            group["lr"] = rate
        if pruner is not None:
            pruner.begin_epoch(epoch)
            layer_sparsity.append(pruner.sparsity_by_layer())
        loss = _train_epoch(model, optimizer, inputs, labels, recipe, streams, pruner)
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss of epoch {epoch} is {loss}")

        seen = unseen = None
        if epoch in reported or (epoch + 1) % curve_step == 0:
            classes = classify(model, inputs.test_batches())
            hits = (classes == test_labels).float()
            seen, unseen = hits[: len(split.seen)].mean().item(), hits[len(split.seen) :].mean().item()
            if epoch in reported:
                predictions.append(classes.to("cpu", torch.uint8))
        epochs.append(Epoch(epoch, rate, loss, time.perf_counter() - start, seen, unseen))
        progress(epoch)

    fitted = (classify(model, inputs.batches(inputs.train)) == labels).float().mean().item()
    state = {name: value.detach().to("cpu").contiguous() for name, value in model.state_dict().items()}
    statistics = {"input.mean": inputs.mean.cpu(), "input.deviation": inputs.deviation.cpu()}
    return Outcome(tuple(epochs), torch.stack(predictions).numpy(), fitted, tuple(layer_sparsity), state | statistics)


def _train_epoch(
    model: CPResNet,
    optimizer: torch.optim.Optimizer,
    inputs: Inputs,
    labels: Tensor,
    recipe: Recipe,
    streams: Streams,
    pruner: Pruner | None,
) -> float:
    """One pass over the training clips in random order; the mean loss."""
    device, (clips, samples) = labels.device, inputs.train.shape
    order = torch.randperm(clips, generator=streams.order)
    shifts = draw_shifts(clips, samples, streams.augmentation)
    total = torch.zeros((), device=device)
    for rows in torch.split(torch.arange(clips), recipe.batch_size):
        batch = order[rows].to(device)
        waveforms = inputs.train[batch]
        if recipe.roll != "off":
            waveforms = roll(waveforms, shifts[rows])
        mixup = Mixup.draw(len(rows), recipe.mixup_alpha, streams.augmentation).to(device)
        logits = model(mixup.inputs(inputs.standardised(waveforms)))
        loss = mixup.loss(logits, labels[batch])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if pruner is not None:
            pruner.apply()
        total += loss.detach() * len(rows)
    return total.item() / clips

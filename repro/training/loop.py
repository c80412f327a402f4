"""Training one Experiment: the paper's schedule, loop and measurements (Appendix A.2 and A.3)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from repro.data.features import N_MELS
from repro.erf.gradient import effective_receptive_field
from repro.experiment import Experiment, Recipe
from repro.network.cp_resnet import CPResNet, build
from repro.network.pruning import Pruner, remaining_by_layer
from repro.training.augmentation import Mixup
from repro.training.checkpoint import Checkpoints, State
from repro.training.device import is_gpu, memory_format, one_graph
from repro.training.inputs import Inputs

REPORTED_EPOCHS = 10
"""The paper reports the last 10 of its 250 epochs; a shorter training reports its last tenth."""

CURVE_STEP, CURVE_POINTS = 10, 25
"""On the way to the reported epochs the test clips are classified every 10 epochs, but at most 25 times."""


def learning_rate(epoch: int, recipe: Recipe) -> float:
    """Learning rate of an epoch, counted from 0.

    Warm-up: max_lr * exp(-5 (1 - t)^2) with t = epoch / warmup_epochs, at first 0.5 / warmup_epochs. From the end of
    the warm-up on, max_lr falls linearly to min_lr, which the last epoch is trained with; where that is the first after
    the warm-up, it is trained with max_lr.
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


def measured_epochs(epochs: int) -> list[int]:
    """The epochs whose accuracies are recorded: the reported ones, and some before for a learning curve."""
    step = max(CURVE_STEP, math.ceil(epochs / CURVE_POINTS))
    return sorted({*range(step - 1, epochs, step), *reported_epochs(epochs)})


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
        layer_weights: conv and classifier weights that the final network has left, by layer.
        erf: the final network's effective receptive field over all test clips of unseen devices, relative to its
            maximum, float16, (256, frames).
        weights: the final network's state and the mel bands' `mean` and `deviation`.
    """

    epochs: tuple[Epoch, ...]
    predictions: NDArray[np.uint8]
    train_accuracy: float
    layer_sparsity: tuple[dict[str, float], ...]
    layer_weights: dict[str, int]
    erf: NDArray[np.float16]
    weights: dict[str, Tensor]


class Streams:
    """Independent random number generators on the CPU, one for each purpose, all from one seed."""

    def __init__(self, seed: int) -> None:
        children = np.random.SeedSequence(seed).spawn(5)
        self.initialisation, self.order, self.augmentation, self.labels, self.pruning = (
            torch.Generator().manual_seed(int(child.generate_state(1, np.uint64)[0] >> np.uint64(1)))
            for child in children
        )


def training_labels(
    labels: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
) -> Tensor:
    """The labels to train with: the true ones, or the same ones in a random order drawn once (Section 4)."""
    if recipe.labels == "true":
        return labels
    return labels[torch.randperm(len(labels), generator=generator).to(labels.device)]


@torch.no_grad()
def classify(model: CPResNet, batches: Iterable[Tensor]) -> Tensor:
    """The class of every clip: inputs (clips, 1, 256, frames) in batches to int64 (clips,)."""
    was_training = model.training
    model.eval()
    classes = [model(batch).argmax(1) for batch in batches]
    model.train(was_training)
    return torch.cat(classes)


def train(
    experiment: Experiment,
    inputs: Inputs,
    progress: Callable[[int], object] = lambda epoch: None,
    checkpoints: Checkpoints | None = None,
) -> Outcome:
    """Train one Experiment from its seed, or from its latest checkpoint, to its last epoch.

    Args:
        experiment: what to train.
        inputs: the recordings that `experiment.data` names, on the device to train on.
        progress: called with the number of every finished epoch; with all those of the checkpoint at once.
        checkpoints: where to save the state from time to time, and to continue from; on the same device, packages and
            code a training that continues ends in the same bits as one that was never interrupted.

    Raises:
        InputError: the sparsity is out of reach.
        FloatingPointError: the loss is no longer finite.
    """
    training = Training(experiment, inputs)
    saved = checkpoints.latest() if checkpoints is not None else None
    if saved is not None:
        training.restore(saved)
        for epoch in range(training.epoch):
            progress(epoch)
    while training.epoch < experiment.recipe.epochs:
        training.run_epoch()
        if checkpoints is not None and checkpoints.due and training.epoch < experiment.recipe.epochs:
            checkpoints.save(training.state())
        progress(training.epoch - 1)
    return training.outcome()


class Training:
    """A training in progress.

    Attributes:
        epoch: number of finished epochs.
    """

    def __init__(self, experiment: Experiment, inputs: Inputs) -> None:
        """Draw everything that is drawn before the first epoch."""
        recipe, device = experiment.recipe, inputs.device
        self.epoch = 0
        self._recipe, self._inputs = recipe, inputs
        self._streams = Streams(experiment.seed)
        self._labels = training_labels(inputs.labels[inputs.split.train], recipe, self._streams.labels)
        model = build(experiment.model, self._streams.initialisation, len(inputs.clips.scenes)).to(device)
        self._format = memory_format(experiment.model.width, recipe.precision, device)
        model.to(memory_format=self._format)  # type: ignore[call-overload]  # missing in torch's annotations
        self._model = model
        self._pruner: Pruner | None = None
        if experiment.sparsity is not None:
            self._pruner = Pruner(model, experiment.sparsity, recipe, self._streams.pruning)
        self._step_model: nn.Module = model
        if is_gpu(device):
            shape = (recipe.batch_size, 1, N_MELS, inputs.frames)
            batch = torch.zeros(shape, device=device).contiguous(memory_format=self._format)
            self._step_model = one_graph(model, recipe.precision, batch)
        self._optimizer = torch.optim.Adam(model.parameters(), lr=recipe.max_lr, fused=True)
        self._epochs: list[Epoch] = []
        self._predictions: list[Tensor] = []
        self._layer_sparsity: list[dict[str, float]] = []

    def run_epoch(self) -> None:
        """Train one epoch, and classify the test clips where the accuracy is recorded.

        Raises:
            FloatingPointError: the loss is no longer finite.
        """
        epoch, recipe, start = self.epoch, self._recipe, time.perf_counter()
        rate = learning_rate(epoch, recipe)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        if self._pruner is not None:
            self._pruner.begin_epoch(epoch)
            self._layer_sparsity.append(self._pruner.sparsity_by_layer())
        loss = self._pass()
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss of epoch {epoch} is {loss}")

        seen = unseen = None
        if epoch in measured_epochs(recipe.epochs):
            split = self._inputs.split
            classes = classify(self._model, self._inputs.test_batches())
            hits = (classes == self._inputs.labels[split.test]).float()
            seen, unseen = hits[: len(split.seen)].mean().item(), hits[len(split.seen) :].mean().item()
            if epoch in reported_epochs(recipe.epochs):
                self._predictions.append(classes.to("cpu", torch.uint8))
        self._epochs.append(Epoch(epoch, rate, loss, time.perf_counter() - start, seen, unseen))
        self.epoch += 1

    def _pass(self) -> float:
        """One pass over the training clips in random order; the mean loss."""
        recipe, streams, device = self._recipe, self._streams, self._inputs.device
        bf16 = recipe.precision == "bf16"
        total = torch.zeros((), device=device)
        batches = self._inputs.epoch(recipe.roll, recipe.batch_size, streams.order)
        for places, inputs in batches:
            labels = self._labels[places.to(device)]
            drawn = Mixup.draw(len(places), recipe.mixup_alpha, streams.augmentation)
            mixup = drawn.to(device)
            # a graph has one shape: the last, smaller batch goes without
            model = self._step_model if len(places) == recipe.batch_size else self._model
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                mixed = mixup.inputs(inputs).contiguous(memory_format=self._format)
                logits = model(mixed)
            loss = mixup.loss(logits.float(), labels)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            if self._pruner is not None:
                self._pruner.apply()
            total += loss.detach() * len(places)
        return total.item() / len(self._labels)

    def outcome(self) -> Outcome:
        """What the training, now at its end, is kept as."""
        fitted = (classify(self._model, self._inputs.training_batches()) == self._labels).float().mean().item()
        state = {name: value.detach().to("cpu").contiguous() for name, value in self._model.state_dict().items()}
        statistics = {"input.mean": self._inputs.mean.cpu(), "input.deviation": self._inputs.deviation.cpu()}
        erf = effective_receptive_field(self._model, self._inputs.unseen_batches())
        return Outcome(
            epochs=tuple(self._epochs),
            predictions=torch.stack(self._predictions).numpy(),
            train_accuracy=fitted,
            layer_sparsity=tuple(self._layer_sparsity),
            layer_weights=remaining_by_layer(self._model),
            erf=(erf / erf.max().clamp_min(torch.finfo(erf.dtype).tiny)).numpy().astype(np.float16),
            weights=state | statistics,
        )

    def state(self) -> State:
        """Everything that the rest of the training depends on."""
        tensors: dict[str, Tensor] = {f"model.{name}": value for name, value in self._model.state_dict().items()}
        for number, moments in self._optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
        tensors |= {f"stream.{name}": stream.get_state() for name, stream in vars(self._streams).items()}
        tensors |= {f"predictions.{number}": classes for number, classes in enumerate(self._predictions)}
        epochs = [asdict(epoch) for epoch in self._epochs]
        return State(self.epoch, tensors, {"epochs": epochs, "layer_sparsity": self._layer_sparsity})

    def restore(self, state: State) -> None:
        """Continue from a state of the same Experiment."""
        tensors = state.tensors
        self._model.load_state_dict(_below("model.", tensors))
        own = self._optimizer.state_dict()
        for number, parameter in enumerate(self._model.parameters()):
            moments = _below(f"optimizer.{number}.", tensors)
            # in the parameter's own memory order, which the fused optimiser takes for granted
            own["state"][number] = {
                name: torch.empty_like(parameter).copy_(value) if value.dim() else value
                for name, value in moments.items()
            }
        self._optimizer.load_state_dict(own)
        for name, stream in vars(self._streams).items():
            stream.set_state(tensors[f"stream.{name}"])
        self._predictions = list(_below("predictions.", tensors).values())
        self._epochs = [Epoch(**epoch) for epoch in state.values["epochs"]]
        self._layer_sparsity = list(state.values["layer_sparsity"])
        self.epoch = state.epoch


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with the prefix, without it; numbers in their order."""
    found = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    return dict(sorted(found.items(), key=lambda item: (len(item[0]), item[0])))

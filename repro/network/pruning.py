"""Sparsification to a given number of weights (Section 5.3, Appendix A.4): static random and iterative magnitude.

The prunable weights are those of every convolution, the 1x1 shortcuts and the classifier included
(`repro.network.cp_resnet.convolutions`). Every convolution carries a bool buffer `mask`, True where the weight remains;
it is part of the state_dict and moves with the model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import nn

from repro.errors import InputError
from repro.experiment import Recipe, Sparsity
from repro.network.convolutions import used_weight
from repro.network.cp_resnet import convolutions

PRUNING_SHARE = 0.75  # share of the epochs after which iterative pruning has reached its target; a judgement call


def layer_targets(counts: Mapping[str, int], target: int) -> dict[str, int]:
    """Weights that remain in every layer under static pruning, which cuts the largest layers first.

    Water-filling (Golubeva et al., 2021): the largest layer is cut down to the size of the next largest, then both
    together to the size of the next, and so on until `target` weights are left in total. Where the cut layers cannot
    share the remainder evenly, the first of them, in the order of `counts`, keep one weight more.

    Args:
        counts: number of weights of every layer, in the order of the forward pass.
        target: number of weights to remain in total.

    Raises:
        InputError: there are fewer than `target` weights, or `target` leaves some layer without a weight.
    """
    _check_target(target, sum(counts.values()), least=len(counts))
    targets, left = dict(counts), target
    ascending = sorted(counts, key=lambda name: counts[name])
    for place, name in enumerate(ascending):
        larger = ascending[place:]  # this layer and all larger ones share the rest
        level, odd = divmod(left, len(larger))
        if counts[name] > level:  # too large: all of them are cut to one level
            cut = [layer for layer in counts if layer in larger]
            targets |= {layer: level + (i < odd) for i, layer in enumerate(cut)}
            break
        left -= counts[name]  # this layer stays whole
    return targets


def remaining_schedule(
    total: int,
    target: int,
    epochs: int,
    start: int = 1,
    ramp: Literal["geometric", "cubic"] = "geometric",
) -> list[int]:
    """Weights that remain during every epoch of iterative pruning; `epochs` entries.

    Until epoch `start` the network is whole: second convolutions and the classifier are initialised to zero, so that
    magnitudes mean nothing before they had a chance to grow. From then on weights go at the beginning of every epoch
    until epoch n = floor(3/4 epochs), from which on exactly `target` are left; the last quarter of the epochs, the
    reported ones among them, trains the sparse network. With t rising evenly from above 0 at `start` to 1 at n, there
    remain

        geometric  total (target / total)^t: an equal fraction of the remaining weights goes every time, so that the
                   number removed falls exponentially, as the paper says; it gives no rate, and this needs none
        cubic      total - (total - target) exp(-(1 - t)^3), the ramp of the group's earlier code (cpjku_dcase20)

    Args:
        total: number of weights of the whole network.
        target: number of weights to remain.
        epochs: length of the training.
        start: the epoch, from 0, at whose beginning the first weights go; at least 1.
        ramp: see above.

    Raises:
        InputError: there are fewer than `target` weights, or `start` is not before the last quarter of the epochs.
    """
    _check_target(target, total, least=1)
    last = max(1, math.floor(PRUNING_SHARE * epochs))
    latest = min(last, epochs - 1)
    if not 1 <= start <= latest:
        when = f"after the first epoch and by epoch {latest}"
        needed = f"iterative pruning of {epochs} epochs starts {when}"
        raise InputError(f"sparsity.start = {start}: {needed}")

    def remaining(t: float) -> int:
        if ramp == "geometric":
            return round(total * math.pow(target / total, t))
        return total - round((total - target) * math.exp(-((1 - t) ** 3)))

    times = [(epoch - start + 1) / (last - start + 1) for epoch in range(epochs)]
    return [total if t <= 0 else target if t >= 1 else remaining(t) for t in times]


def least_kept(count: int) -> int:
    """Fewest weights that iterative pruning leaves in a layer of `count`: one in a hundred, rounded up.

    The paper excludes a layer that is *more* than 99 % sparse from *further* pruning. Read by the epoch, a single
    pruning could still empty a layer; here the bound holds weight by weight, so a layer stops at 99 %.
    """
    return -(-count // 100)


def require_reachable(counts: Mapping[str, int], sparsity: Sparsity, recipe: Recipe) -> None:
    """Raise InputError where a network whose layers have so many weights cannot be pruned so; the message says why."""
    if sparsity.method == "iterative":
        _planned(counts, sparsity, recipe)
    else:
        layer_targets(counts, sparsity.weights)


def _planned(counts: Mapping[str, int], sparsity: Sparsity, recipe: Recipe) -> list[int]:
    total, start = sum(counts.values()), sparsity.start
    _check_target(sparsity.weights, total, least=sum(_least(counts, sparsity).values()))
    start = max(1, recipe.warmup_epochs) if start is None else start
    return remaining_schedule(total, sparsity.weights, recipe.epochs, start, sparsity.ramp)


def _least(counts: Mapping[str, int], sparsity: Sparsity) -> dict[str, int]:
    return {name: least_kept(count) if sparsity.guard else 0 for name, count in counts.items()}


def _check_target(target: int, total: int, least: int) -> None:
    if target > total:
        raise InputError(f"sparsity.weights = {target}: the network has only {total} conv weights; take fewer")
    if target < least:
        raise InputError(f"sparsity.weights = {target}: this network cannot go below {least} weights; take more")


def add_masks(model: nn.Module) -> None:
    """Register a mask of ones on every convolution, as a sparse network's state_dict needs it to be loaded."""
    for conv in convolutions(model).values():
        conv.register_buffer("mask", torch.ones_like(conv.weight, dtype=torch.bool))


def remaining_by_layer(model: nn.Module) -> dict[str, int]:
    """Number of conv weights that are not masked, by layer; all of them in a network without masks."""
    return {name: _remaining(conv) for name, conv in convolutions(model).items()}


def count_remaining(model: nn.Module) -> int:
    """Number of conv weights that are not masked; all of them in a network without masks."""
    return sum(remaining_by_layer(model).values())


def _remaining(conv: nn.Conv2d) -> int:
    buffers = dict(conv.named_buffers())
    return int(buffers["mask"].sum()) if "mask" in buffers else conv.weight.numel()


@torch.no_grad()
def draw_masks(
    convs: Mapping[str, nn.Conv2d],
    targets: Mapping[str, int],
    generator: torch.Generator,
) -> None:
    """Static pruning: keep as many weights of every layer as `targets` says, drawn uniformly.

    Args:
        convs: the layers by name; their buffer `mask` is written.
        targets: number of weights that remain, by layer.
        generator: the only source of randomness, on the CPU.
    """
    for name, conv in convs.items():
        kept = torch.zeros(conv.weight.numel(), dtype=torch.bool)
        kept[torch.randperm(len(kept), generator=generator)[: targets[name]]] = True
        conv.get_buffer("mask").copy_(kept.view(conv.weight.shape))


@torch.no_grad()
def remove_smallest(
    convs: Mapping[str, nn.Conv2d],
    number: int,
    least: Mapping[str, int],
    raw: bool = False,
) -> None:
    """Iterative pruning: mask the `number` remaining weights that have the smallest magnitude in the whole network.

    Equal magnitudes go in the order of the layers and of the places in them.

    Args:
        convs: the layers by name; their buffer `mask` is changed, their weights are not.
        number: how many weights go.
        least: number of weights that every layer keeps at least; what one is spared, the others lose.
        raw: compare the weights as they are stored, not as the convolution uses them, damping included.
    """
    magnitudes = []
    for name, conv in convs.items():
        weight = conv.weight if raw else used_weight(conv)
        mask = conv.get_buffer("mask")
        magnitude = weight.abs().masked_fill(~mask, math.inf).flatten()
        ascending = magnitude.argsort(stable=True)
        removable = int(mask.sum()) - least[name]
        magnitude[ascending[removable:]] = math.inf  # these stay, or are gone already
        magnitudes.append(magnitude)
    everywhere = torch.cat(magnitudes)
    goes = torch.zeros_like(everywhere, dtype=torch.bool)
    goes[everywhere.argsort(stable=True)[:number]] = True
    by_layer = torch.split(goes, [len(magnitude) for magnitude in magnitudes])
    for conv, gone in zip(convs.values(), by_layer, strict=True):
        mask = conv.get_buffer("mask")
        mask &= ~gone.view(mask.shape)


class Pruner:
    """Keeps a network sparse while it is trained.

    The training loop calls `begin_epoch` before every epoch and `apply` after every optimiser step. All state is in
    the network's masks: to resume, construct the Pruner, then load the state_dict.

    Static: the masks are drawn at construction, uniformly within a layer, and never change; the initialisation is
    not rescaled to the remaining fan-in (batch normalisation follows every convolution). Iterative: see `begin_epoch`.
    """

    def __init__(self, model: nn.Module, sparsity: Sparsity, recipe: Recipe, generator: torch.Generator) -> None:
        """Add the masks to `model`.

        Args:
            model: a freshly built network.
            sparsity: method and number of weights to remain, and how iterative pruning gets there.
            recipe: the training's length and warm-up.
            generator: source of the static masks, on the CPU; iterative pruning draws nothing.

        Raises:
            InputError: the target is out of reach; the message says why.
        """
        self._model = model
        self._convs = convolutions(model)
        counts = {name: conv.weight.numel() for name, conv in self._convs.items()}
        self._schedule: list[int] | None = None
        self._raw = sparsity.magnitude == "raw"
        self._least = _least(counts, sparsity)
        if sparsity.method == "iterative":
            self._schedule = _planned(counts, sparsity, recipe)
            add_masks(model)
        else:
            targets = layer_targets(counts, sparsity.weights)
            add_masks(model)
            draw_masks(self._convs, targets, generator)
        self.apply()

    def begin_epoch(self, epoch: int) -> None:
        """Iterative: prune to the number of weights due in `epoch` (from 0). Static: nothing.

        The weights with the smallest magnitude in the whole network go (`remove_smallest`), by default by their
        magnitude as used: damping included. Unless `Sparsity.guard` is off, no layer goes below `least_kept`.
        """
        if self._schedule is not None:
            excess = count_remaining(self._model) - self._schedule[epoch]
            if excess > 0:
                remove_smallest(self._convs, excess, self._least, self._raw)
                self.apply()

    @torch.no_grad()
    def apply(self) -> None:
        """Set the masked weights to exactly 0: the optimiser's momentum moves them."""
        for conv in self._convs.values():
            conv.weight.mul_(conv.get_buffer("mask"))

    def sparsity_by_layer(self) -> dict[str, float]:
        """Share of the weights that is masked, 0 to 1, for every convolution."""
        return {name: 1 - _remaining(conv) / conv.weight.numel() for name, conv in self._convs.items()}

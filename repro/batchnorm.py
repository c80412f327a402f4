"""Batch normalisation together with what follows it, in few passes over a map.

In a narrow network the convolutions take about as long as everything around them, which is bound by memory traffic. On
a CPU, normalising and rectifying a map and going back again is four passes here, compiled by Numba, for maps whose
channels lie innermost (channels last): at W = 8 about half the time of PyTorch's own operations, which do the same
everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Vector = NDArray[np.float64]
"""One value a channel."""

Row = NDArray[np.float32]
"""A vector repeated along time, which makes inner loops long: (time * channels,)."""

Map = NDArray[np.float32]
"""(clips, frequency, time, channels), or one clip of it as rows, (frequency, time * channels)."""

_NO_FLOOR = np.float32(-np.inf)

_Function = TypeVar("_Function", bound=Callable[..., object])


def _compiled(function: _Function) -> _Function:
    # "contract" alone: a product may be rounded together with the sum it goes into, nothing else is relaxed
    return cast(_Function, njit(cache=True, error_model="numpy", fastmath={"contract"})(function))


class BatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation, the addition of another map behind it where one is given, and ReLU where asked for."""

    def __init__(self, channels: int, relu: bool = False) -> None:
        super().__init__(channels)
        self.relu = relu

    def forward(self, input: Tensor, other: Tensor | None = None) -> Tensor:
        """Two maps of the same shape (clips, channels, frequency, time) to one."""
        if self.training and _is_fit(input):
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            fused: Tensor = _Normalise.apply(input, other, self.weight, self.bias, self)  # type: ignore[no-untyped-call]
            return fused
        output = super().forward(input)
        if other is not None:
            output += other
        return torch.relu_(output) if self.relu else output


class _Normalise(torch.autograd.Function):
    """Training's batch normalisation of a channels-last map in float32, with the statistics of this batch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, other: Tensor | None, weight: Tensor, bias: Tensor, layer: BatchNorm2d) -> Tensor:
        y, statistics = torch.empty_like(x), np.empty((4, x.shape[1]))
        floor = np.float32(0) if layer.relu else _NO_FLOOR
        running_mean, running_var = layer.running_mean, layer.running_var
        assert running_mean is not None and running_var is not None and layer.momentum is not None
        _forward(
            _array(x),
            None if other is None else _array(_channels_last(other)),
            weight.detach().numpy(),
            bias.detach().numpy(),
            running_mean.numpy(),
            running_var.numpy(),
            layer.momentum,
            layer.eps,
            floor,
            _array(y),
            statistics,
        )
        rectified_sum = layer.relu and other is not None
        ctx.save_for_backward(x, y if rectified_sum else None)
        ctx.statistics, ctx.floor, ctx.added = statistics, floor, other is not None
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        gradient = _channels_last(gradient)
        of_x, of_parameters = torch.empty_like(x), torch.empty(2, x.shape[1])
        of_sum = gradient if y is None else torch.empty_like(x)
        _backward(
            _array(gradient),
            _array(x),
            None if y is None else _array(y),  # where the sum was cut off cannot be told from x alone
            ctx.statistics,
            ctx.floor if y is None else _NO_FLOOR,
            _array(of_sum),
            _array(of_x),
            of_parameters.numpy(),
        )
        return of_x, of_sum if ctx.added else None, of_parameters[0], of_parameters[1], None


def _is_fit(x: Tensor) -> bool:
    """Whether `_Normalise` takes this map; PyTorch has an error for a single value a channel, which has no variance."""
    if x.device.type != "cpu" or x.dtype != torch.float32:
        return False
    return x.is_contiguous(memory_format=torch.channels_last) and x.numel() > x.shape[1]


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _array(x: Tensor) -> Map:
    """A channels-last map's own memory."""
    return x.detach().numpy().transpose(0, 2, 3, 1)


@_compiled
def _forward(
    x: Map,
    other: Map | None,
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    running_mean: NDArray[np.float32],
    running_var: NDArray[np.float32],
    momentum: float,
    eps: float,
    floor: np.float32,
    y: Map,
    statistics: NDArray[np.float64],
) -> None:
    """Write y = max(normalised x + other, floor); the batch's mean, 1 / deviation, scale and offset to `statistics`."""
    clips, frequency, time, channels = x.shape
    count = clips * frequency * time
    shift = x[0, 0, 0].astype(np.float64)  # the variance of values about one of themselves cannot cancel
    shifts = _row(shift, time)
    first, second = np.zeros(channels), np.zeros(channels)
    for clip in range(clips):
        total, squares = np.zeros_like(shifts), np.zeros_like(shifts)
        _moments(x[clip].reshape(frequency, -1), shifts, total, squares)
        _fold(total, first)
        _fold(squares, second)
    for channel in range(channels):
        offset = first[channel] / count
        mean, variance = shift[channel] + offset, second[channel] / count - offset * offset
        scale = weight[channel] / np.sqrt(variance + eps)
        unbiased = variance * count / (count - 1)
        running_mean[channel] += momentum * (mean - running_mean[channel])
        running_var[channel] += momentum * (unbiased - running_var[channel])
        statistics[0, channel] = mean
        statistics[1, channel] = 1 / np.sqrt(variance + eps)
        statistics[2, channel] = scale
        statistics[3, channel] = bias[channel] - scale * mean
    scales, offsets = _row(statistics[2], time), _row(statistics[3], time)
    for clip in range(clips):
        rows, out = x[clip].reshape(frequency, -1), y[clip].reshape(frequency, -1)
        if other is None:
            _scale(rows, scales, offsets, floor, out)
        else:
            _scale_and_add(rows, scales, offsets, other[clip].reshape(frequency, -1), floor, out)


@_compiled
def _backward(
    gradient: Map,
    x: Map,
    y: Map | None,
    statistics: NDArray[np.float64],
    floor: np.float32,
    of_sum: Map,
    of_x: Map,
    of_parameters: NDArray[np.float32],
) -> None:
    """Write the gradients with respect to x, and to weight and bias; that of y passes where y is above the floor.

    Where y, a rectified sum, is given, the gradient that passes is written to `of_sum`; else `of_sum` is `gradient`.
    """
    clips, frequency, time, channels = x.shape
    count = clips * frequency * time
    means, scales, offsets = _row(statistics[0], time), _row(statistics[2], time), _row(statistics[3], time)
    first, second = np.zeros(channels), np.zeros(channels)
    for clip in range(clips):
        total, products = np.zeros_like(means), np.zeros_like(means)
        rows = x[clip].reshape(frequency, -1)
        rows_of_gradient = gradient[clip].reshape(frequency, -1)
        if y is None:
            _gradient_sums(rows_of_gradient, rows, means, scales, offsets, floor, total, products)
        else:
            rows_of_sum = of_sum[clip].reshape(frequency, -1)
            _cut_sums(rows_of_gradient, y[clip].reshape(frequency, -1), rows, means, rows_of_sum, total, products)
        _fold(total, first)
        _fold(products, second)
    slope, level = np.empty(channels), np.empty(channels)
    for channel in range(channels):
        mean, inverse, scale = statistics[0, channel], statistics[1, channel], statistics[2, channel]
        of_parameters[0, channel], of_parameters[1, channel] = second[channel] * inverse, first[channel]
        slope[channel] = -scale * inverse * inverse * second[channel] / count
        level[channel] = -scale * first[channel] / count - slope[channel] * mean
    slopes, levels = _row(slope, time), _row(level, time)
    for clip in range(clips):
        rows, out = x[clip].reshape(frequency, -1), of_x[clip].reshape(frequency, -1)
        _gradient(of_sum[clip].reshape(frequency, -1), rows, scales, offsets, floor, slopes, levels, out)


@_compiled
def _row(vector: Vector, times: int) -> Row:
    row = np.empty(times * len(vector), np.float32)
    for time in range(times):
        for channel in range(len(vector)):
            row[time * len(vector) + channel] = vector[channel]
    return row


@_compiled
def _fold(row: Row, into: Vector) -> None:
    """Add up a row over time."""
    for time in range(len(row) // len(into)):
        for channel in range(len(into)):
            into[channel] += row[time * len(into) + channel]


@_compiled
def _moments(x: Map, shift: Row, total: Row, squares: Row) -> None:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            shifted = x[i, j] - shift[j]
            total[j] += shifted
            squares[j] += shifted * shifted


@_compiled
def _scale(x: Map, scale: Row, offset: Row, floor: np.float32, out: Map) -> None:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            value = x[i, j] * scale[j] + offset[j]
            out[i, j] = floor if value < floor else value  # lets NaN pass


@_compiled
def _scale_and_add(x: Map, scale: Row, offset: Row, other: Map, floor: np.float32, out: Map) -> None:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            value = x[i, j] * scale[j] + offset[j] + other[i, j]
            out[i, j] = floor if value < floor else value


@_compiled
def _gradient_sums(
    gradient: Map, x: Map, mean: Row, scale: Row, offset: Row, floor: np.float32, total: Row, products: Row
) -> None:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            passed = np.float32(0) if x[i, j] * scale[j] + offset[j] <= floor else gradient[i, j]
            total[j] += passed
            products[j] += passed * (x[i, j] - mean[j])


@_compiled
def _cut_sums(gradient: Map, y: Map, x: Map, mean: Row, of_sum: Map, total: Row, products: Row) -> None:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            passed = np.float32(0) if y[i, j] <= 0 else gradient[i, j]
            of_sum[i, j] = passed
            total[j] += passed
            products[j] += passed * (x[i, j] - mean[j])


@_compiled
def _gradient(
    gradient: Map, x: Map, scale: Row, offset: Row, floor: np.float32, slope: Row, level: Row, out: Map
) -> None:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            passed = np.float32(0) if x[i, j] * scale[j] + offset[j] <= floor else gradient[i, j]
            out[i, j] = passed * scale[j] + x[i, j] * slope[j] + level[j]

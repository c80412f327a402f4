"""The damped convolution (Appendix B)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


def damping_kernel(size: int, minimum: float) -> Tensor:
    """The damping constants C over the frequency rows of a kernel.

    1 at the centre row, falling linearly to `minimum` at the edge rows: (0.1, 1, 0.1) for size 3,
    (0.1, 0.55, 1, 0.55, 0.1) for size 5; a single row is not damped.

    Args:
        size: number of rows; odd.
        minimum: the constant at the edge rows.

    Returns:
        float32, (size,).
    """
    reach = size // 2
    if reach == 0:
        return torch.ones(1)
    offset = torch.arange(-reach, reach + 1).abs() / reach
    return 1.0 - (1.0 - minimum) * offset


class DampedConv2d(nn.Conv2d):
    """O = (W * C) conv Z: a convolution whose weights are scaled down away from the centre along frequency.

    `weight` is the trained W (out, in, frequency, time); `damping` is the constant C, (1, 1, frequency, 1).
    """

    damping: Tensor

    def __init__(self, *args: Any, damping_min: float, **options: Any) -> None:
        super().__init__(*args, **options)
        kernel = damping_kernel(self.kernel_size[0], damping_min)
        self.register_buffer("damping", kernel.view(1, 1, -1, 1))

    def forward(self, input: Tensor) -> Tensor:
        """(clips, in, frequency, time) to (clips, out, frequency', time')."""
        damped = self.weight * self.damping
        output: Tensor = self._conv_forward(input, damped, self.bias)
        return output


ConvLayer = Callable[..., nn.Conv2d]
"""What builds a bias-free convolution from its channels in and out, its kernel's size, `stride` and `padding`."""


def conv_layer(damped: bool, damping_min: float) -> ConvLayer:
    """The convolution of the base or of the damped network, to hand to the model."""
    if damped:
        return partial(DampedConv2d, damping_min=damping_min, bias=False)
    return partial(nn.Conv2d, bias=False)


def used_weight(conv: nn.Conv2d) -> Tensor:
    """The weights as the convolution uses them: damped where it is damped."""
    return conv.weight * conv.damping if isinstance(conv, DampedConv2d) else conv.weight

"""The maximum receptive field, exactly, from kernels and strides."""

from __future__ import annotations

from repro.experiment import ModelConfig
from repro.network.cp_resnet import table_1


def main_path(config: ModelConfig) -> list[tuple[int, int, int]]:
    """Kernel, stride and padding of every layer from the input to the penultimate map; even kernels are poolings."""
    layers = [(5, 2, 1)]  # the input convolution
    for block in table_1(config.width, config.depth, config.pointwise):
        layers += [(kernel, 1, kernel // 2) for kernel in (block.kernel1, block.kernel2)]
        if block.pool:
            layers.append((2, 2, 0))
    return layers


def _size(config: ModelConfig, poolings: bool) -> int:
    """Receptive field of a penultimate pixel, with what the poolings themselves add or without it."""
    size, stride = 1, 1
    for kernel, step, _ in main_path(config):
        if poolings or kernel % 2:
            size += (kernel - 1) * stride
        stride *= step
    return size


def maximum_receptive_field(config: ModelConfig) -> int:
    """Side, in input pixels (mel bands and frames alike), of the area that one penultimate pixel can see.

    Starts at 5 with stride 2; a convolution adds (k - 1) times the stride so far, a 2x2 pooling adds the stride once
    and doubles it. 1x1 blocks add nothing, so K does not change it.
    """
    return _size(config, poolings=True)


def published_receptive_field(config: ModelConfig) -> int:
    """The same by the group's published formula, which leaves out what the 2x2 poolings themselves add."""
    return _size(config, poolings=False)

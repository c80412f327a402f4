"""The maximum receptive field, exactly, from kernels and strides."""

from __future__ import annotations

from repro.experiment import ModelConfig
from repro.network.cp_resnet import table_1


def _size(config: ModelConfig, pool_reach: int) -> int:
    """Receptive field of a penultimate pixel if a 2x2 pool widens it by `pool_reach` pixels of the pool's input."""
    size, stride = 5, 2  # the input convolution
    for block in table_1(config.width, config.depth, config.pointwise):
        size += (block.kernel1 - 1 + block.kernel2 - 1) * stride
        if block.pool:
            size += pool_reach * stride
            stride *= 2
    return size


def maximum_receptive_field(config: ModelConfig) -> int:
    """Side, in input pixels (mel bands and frames alike), of the area that one penultimate pixel can see.

    Starts at 5 with stride 2; a convolution adds (k - 1) times the stride so far, a 2x2 pooling adds the stride once
    and doubles it. 1x1 blocks add nothing, so K does not change it.
    """
    return _size(config, pool_reach=1)


def published_receptive_field(config: ModelConfig) -> int:
    """The same by the group's published formula, which leaves out what the 2x2 poolings themselves add."""
    return _size(config, pool_reach=0)

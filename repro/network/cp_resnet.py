"""CP-ResNet, the network of Table 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from repro.experiment import ModelConfig
from repro.network.convolutions import ConvLayer, conv_layer

CLASSES = 10
INPUT_BANDS = 256


class BlockSpec(NamedTuple):
    """One residual block: channels in and out, its two kernel sizes, and whether 2x2 max pooling follows (P)."""

    inputs: int
    outputs: int
    kernel1: int
    kernel2: int
    pool: bool


def table_1(width: int, depth: int, pointwise: int) -> list[BlockSpec]:
    """The residual blocks of Table 1 for W = width, D = depth, K = pointwise."""
    w = width
    blocks = [
        BlockSpec(w, w, 3, 1, True),
        BlockSpec(w, w, 3, 3, True),
        BlockSpec(w, w, 3, 3, False),
        BlockSpec(w, w, 3, 3, True),
    ]
    for i in range(depth):
        blocks.append(BlockSpec(w if i == 0 else 2 * w, 2 * w, 3, 3, False))
    for i in range(pointwise):
        blocks.append(BlockSpec(2 * w if i == 0 else 4 * w, 4 * w, 1, 1, False))
    return blocks


class ResidualBlock(nn.Module):
    """conv, BN, ReLU, conv, BN, plus shortcut, ReLU, and the pooling P where Table 1 has one.

    The shortcut is the identity, or a 1x1 conv + BN where the number of channels changes.
    """

    def __init__(self, spec: BlockSpec, conv: ConvLayer) -> None:
        super().__init__()
        inputs, outputs = spec.inputs, spec.outputs
        self.conv1 = conv(inputs, outputs, spec.kernel1, padding=spec.kernel1 // 2)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = conv(outputs, outputs, spec.kernel2, padding=spec.kernel2 // 2)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if inputs != outputs:
            self.shortcut.extend([conv(inputs, outputs, 1), nn.BatchNorm2d(outputs)])
        self.pool = nn.MaxPool2d(2) if spec.pool else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(clips, in, bands, frames) to (clips, out, bands, frames), halved by P."""
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        pooled: Tensor = self.pool(torch.relu(y + self.shortcut(x)))
        return pooled


class CPResNet(nn.Module):
    """CP-ResNet with width W, depth D, K 1x1 blocks; base or damped by the convolution it is built from."""

    def __init__(self, config: ModelConfig, classes: int = CLASSES) -> None:
        super().__init__()
        conv = conv_layer(config.damped, config.damping_min)
        specs = table_1(config.width, config.depth, config.pointwise)
        self.input = nn.Sequential(
            conv(1, config.width, 5, stride=2, padding=1), nn.BatchNorm2d(config.width), nn.ReLU()
        )
        self.blocks = nn.Sequential(*[ResidualBlock(spec, conv) for spec in specs])
        self.classifier = nn.Sequential(conv(specs[-1].outputs, classes, 1), nn.BatchNorm2d(classes))

    def penultimate(self, x: Tensor) -> Tensor:
        """The last feature map before the classifier: (clips, 1, 256, frames) to (clips, C, frequency, time)."""
        features: Tensor = self.blocks(self.input(x))
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Class scores: (clips, 1, 256, frames) to (clips, classes)."""
        maps: Tensor = self.classifier(self.penultimate(x))
        return maps.mean(dim=(2, 3))


def build(
    config: ModelConfig,
    generator: torch.Generator,
    classes: int = CLASSES,
) -> CPResNet:
    """A freshly initialised network on the CPU.

    He normal (fan-in) throughout, but: the first conv of a residual block is He normal (fan-out) scaled by
    L^-0.5, L the number of blocks; the second conv of a block and the classifier conv are zero. A new network
    therefore outputs the same score for every class.

    Args:
        config: W, D, K, damping.
        generator: the only source of randomness, on the CPU.
        classes: number of classes.
    """
    model = CPResNet(config, classes)
    he = partial(nn.init.kaiming_normal_, nonlinearity="relu", generator=generator)
    for conv in convolutions(model).values():
        he(conv.weight, mode="fan_in")
    blocks = [block for block in model.blocks if isinstance(block, ResidualBlock)]
    with torch.no_grad():
        for block in blocks:
            he(block.conv1.weight, mode="fan_out")
            block.conv1.weight.mul_(1 / math.sqrt(len(blocks)))
            block.conv2.weight.zero_()
        nn.init.zeros_(convolutions(model)["classifier.0"].weight)
    return model


def convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    """Every convolution by its name, in the order of the forward pass; their weights are the prunable ones."""
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)}


def layer_name(name: str) -> str:
    """A convolution's name for readers: "input", "block 3, conv 2", "block 5, shortcut", "classifier".

    Blocks are counted from 1 in the order of Table 1: 1 to 4 have W channels, then follow D and K blocks.

    Args:
        name: as of `convolutions`, such as "blocks.2.conv2".
    """
    part, *inner = name.split(".")
    if part != "blocks":
        return part
    conv = inner[1].replace("conv", "conv ")
    return f"block {int(inner[0]) + 1}, {conv}"


@lru_cache
def layer_weights(config: ModelConfig) -> Mapping[str, int]:
    """Number of weights of every convolution of a dense network, the classifier's included (`convolutions`)."""
    base = config.model_copy(update={"damped": False})  # damping changes none, and takes a second on the meta device
    with torch.device("meta"):
        return {name: conv.weight.numel() for name, conv in convolutions(CPResNet(base)).items()}


def weight_count(config: ModelConfig) -> int:
    """N: conv and classifier weights of a dense network, without batch normalisation; the paper's parameters."""
    return sum(layer_weights(config).values())


class ArchitectureRow(NamedTuple):
    """One row of Table 1."""

    repeat: int
    channels: str
    block: str
    config: str


def architecture(config: ModelConfig) -> list[ArchitectureRow]:
    """Table 1, read off the layers of the built network: equal blocks in a row are one row with their number."""
    with torch.device("meta"):
        model = CPResNet(config)
    first = convolutions(model)["input.0"]
    rows = [ArchitectureRow(1, _in_widths(first, config), "input", f"{_kernel(first)}, stride {first.stride[0]}")]
    for block in model.blocks:
        assert isinstance(block, ResidualBlock)
        kernels = f"{_kernel(block.conv1)}, {_kernel(block.conv2)}"
        pooled = isinstance(block.pool, nn.MaxPool2d)
        row = ArchitectureRow(1, _in_widths(block.conv2, config), "R", kernels + (", P" if pooled else ""))
        if row == rows[-1]._replace(repeat=1):
            row = row._replace(repeat=rows.pop().repeat + 1)
        rows.append(row)
    last = convolutions(model)["classifier.0"]
    channels = f"{last.in_channels // config.width}W → {last.out_channels}"
    return [*rows, ArchitectureRow(1, channels, "classifier", f"{_kernel(last)}, global mean pooling")]


def _kernel(conv: nn.Conv2d) -> str:
    return f"{conv.kernel_size[0]}×{conv.kernel_size[1]}"


def _in_widths(conv: nn.Conv2d, config: ModelConfig) -> str:
    multiple = conv.out_channels // config.width
    return "W" if multiple == 1 else f"{multiple}W"


class LayerRow(NamedTuple):
    """One convolution as a row of the layer table."""

    layer: str
    kernel: str
    stride: int
    channels: str
    output: str
    weights: int
    macs: int


def layer_table(config: ModelConfig, frames: int, classes: int = CLASSES) -> list[LayerRow]:
    """Weights and multiply-accumulates of every convolution for one clip of 256 x `frames`.

    The output sizes are those of a forward pass on the meta device, which computes no values.
    """
    with torch.device("meta"):
        model = CPResNet(config, classes)
        rows: list[LayerRow] = []
        names = {layer: name for name, layer in convolutions(model).items()}

        def record(layer: nn.Module, _: object, output: Tensor) -> None:
            assert isinstance(layer, nn.Conv2d)
            _, channels, height, length = output.shape
            rows.append(
                LayerRow(
                    names[layer],
                    _kernel(layer),
                    layer.stride[0],
                    f"{layer.in_channels} → {channels}",
                    f"{channels}×{height}×{length}",
                    layer.weight.numel(),
                    layer.weight.numel() * height * length,
                )
            )

        for layer in names:
            layer.register_forward_hook(record)
        model.eval()(torch.empty(1, 1, INPUT_BANDS, frames))
    return rows

import math

import pytest
import torch
from torch import nn

from repro.data.clips import samples_in
from repro.data.features import frames
from repro.errors import InputError
from repro.experiment import SHORTEST_CLIP, DataConfig, Experiment, ModelConfig
from repro.network.convolutions import DampedConv2d
from repro.network.cp_resnet import BlockSpec, CPResNet, build, convolutions, layer_table, table_1, weight_count


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def weights_of(**config):
    return weight_count(ModelConfig(**config))


@pytest.mark.parametrize(
    ("width", "weights"),
    [
        (32, 157_728),
        (64, 626_752),
        (128, 2_498_688),
        (192, 5_615_808),
        (256, 9_978_112),
        (384, 22_438_272),
        (512, 39_879_168),
    ],
)
def test_weight_counts_at_depth_1_and_one_pointwise_block(width, weights):
    assert weights_of(width=width) == weights
    assert weights_of(width=width, damped=True) == weights


def test_the_papers_sparsity_is_the_ratio_of_two_weight_counts():
    assert f"{1 - weights_of(width=64) / weights_of(width=512):.2%}" == "98.43%"


def test_weight_counts_of_the_other_depths_by_hand():
    # a 3x3 block of 2W to 2W: 2 x 9 x (2W)^2; a 1x1 block of 4W to 4W: 2 x (4W)^2
    assert weights_of(depth=3) - weights_of(depth=1) == 2 * 2 * 9 * 64**2
    assert weights_of(pointwise=4) - weights_of(pointwise=1) == 3 * 2 * 128**2
    # without 1x1 blocks: no 2W -> 4W conv, 4W -> 4W conv, 1x1 shortcut; the classifier sees 2W
    assert weights_of(pointwise=1) - weights_of(pointwise=0) == 64 * 128 + 128**2 + 64 * 128 + 10 * (128 - 64)


def test_table_1():
    assert table_1(16, 2, 2) == [
        BlockSpec(16, 16, 3, 1, True),
        BlockSpec(16, 16, 3, 3, True),
        BlockSpec(16, 16, 3, 3, False),
        BlockSpec(16, 16, 3, 3, True),
        BlockSpec(16, 32, 3, 3, False),
        BlockSpec(32, 32, 3, 3, False),
        BlockSpec(32, 64, 1, 1, False),
        BlockSpec(64, 64, 1, 1, False),
    ]


def test_shapes():
    with torch.device("meta"):
        model = CPResNet(ModelConfig(width=4, depth=2))
        x = model.input(torch.empty(3, 1, 256, 431))
        shapes = [tuple(x.shape)]
        for block in model.blocks:
            x = block(x)
            shapes.append(tuple(x.shape))
        assert shapes == [
            (3, 4, 127, 215),
            (3, 4, 63, 107),
            (3, 4, 31, 53),
            (3, 4, 31, 53),
            (3, 4, 15, 26),
            (3, 8, 15, 26),
            (3, 8, 15, 26),
            (3, 16, 15, 26),
        ]
        assert model.classifier(x).shape == (3, 10, 15, 26)
        assert model(torch.empty(3, 1, 256, 431)).shape == (3, 10)
        without = CPResNet(ModelConfig(width=4, pointwise=0), classes=7)
        assert without.penultimate(torch.empty(1, 1, 256, 431)).shape == (1, 8, 15, 26)
        assert without(torch.empty(1, 1, 256, 431)).shape == (1, 7)


def test_the_shortest_clip_that_an_experiment_accepts_passes_through():
    model = CPResNet(ModelConfig(width=1)).eval()
    assert model(torch.zeros(1, 1, 256, frames(samples_in(SHORTEST_CLIP)))).shape == (1, 10)
    assert Experiment(data=DataConfig(clip_seconds=SHORTEST_CLIP)).data.clip_seconds == SHORTEST_CLIP
    with pytest.raises(InputError, match=r"^data.clip_seconds = 0.3: must be at least 0.4$"):
        Experiment(data=DataConfig(clip_seconds=0.3))


def test_every_convolution_is_followed_by_batch_normalisation_and_has_no_bias():
    convs = convolutions(CPResNet(ModelConfig(width=4, depth=2)))
    assert list(convs)[:4] == ["input.0", "blocks.0.conv1", "blocks.0.conv2", "blocks.1.conv1"]
    assert list(convs)[-1] == "classifier.0"
    assert len(convs) == 1 + 2 * 7 + 2 + 1  # input, blocks, two shortcuts, classifier
    assert all(conv.bias is None for conv in convs.values())
    norms = [layer for layer in CPResNet(ModelConfig(width=4, depth=2)).modules() if isinstance(layer, nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == [conv.out_channels for conv in convs.values()]


def test_a_residual_block_by_hand():
    model = CPResNet(ModelConfig(width=2)).eval()
    block = model.blocks[4]  # 2 -> 4 channels, with a 1x1 shortcut
    with torch.no_grad():
        for norm in (block.bn1, block.bn2, block.shortcut[1]):
            norm.bias.uniform_(-1, 1)
            norm.running_mean.uniform_(-1, 1)
        x = torch.randn(1, 2, 6, 6)
        scale = 1 / math.sqrt(1 + 1e-5)

        def normed(y, norm):
            return (y - norm.running_mean[:, None, None]) * scale + norm.bias[:, None, None]

        y = normed(nn.functional.conv2d(x, block.conv1.weight, padding=1), block.bn1).clamp_min(0)
        y = normed(nn.functional.conv2d(y, block.conv2.weight, padding=1), block.bn2)
        shortcut = normed(nn.functional.conv2d(x, block.shortcut[0].weight), block.shortcut[1])
        torch.testing.assert_close(block(x), (y + shortcut).clamp_min(0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("damped", [False, True])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_new_network_gives_every_class_the_same_score(damped, mode):
    model = build(ModelConfig(width=4, damped=damped), generator())
    scores = getattr(model, mode)()(torch.randn(3, 1, 256, 40, generator=generator(1)))
    assert torch.equal(scores, torch.zeros(3, 10))


def test_initial_scales():
    convs = convolutions(build(ModelConfig(width=64, depth=2), generator()))
    blocks = 7

    def deviation(name, expected):
        weight = convs[name].weight
        assert abs(float(weight.detach().mean())) < 4 * expected / math.sqrt(weight.numel())
        assert float(weight.detach().std()) == pytest.approx(expected, rel=4 / math.sqrt(2 * weight.numel()))

    deviation("input.0", math.sqrt(2 / 25))  # fan-in 1 x 5 x 5
    deviation("blocks.0.conv1", math.sqrt(2 / (64 * 9)) / math.sqrt(blocks))
    deviation("blocks.4.conv1", math.sqrt(2 / (128 * 9)) / math.sqrt(blocks))  # fan-out: 128, not 64 channels
    deviation("blocks.6.conv1", math.sqrt(2 / 256) / math.sqrt(blocks))
    deviation("blocks.4.shortcut.0", math.sqrt(2 / 64))
    deviation("blocks.6.shortcut.0", math.sqrt(2 / 128))
    zero = {name for name, conv in convs.items() if not conv.weight.any()}
    assert zero == {f"blocks.{index}.conv2" for index in range(blocks)} | {"classifier.0"}


def test_initialisation_follows_the_generator_alone():
    config = ModelConfig(width=4)
    torch.manual_seed(0)
    first = build(config, generator()).state_dict()
    torch.manual_seed(1)
    second, other = build(config, generator()).state_dict(), build(config, generator(1)).state_dict()
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not torch.equal(first["input.0.weight"], other["input.0.weight"])
    # base and damped networks of a seed start from the same weights
    damped = build(config.model_copy(update={"damped": True}), generator()).state_dict()
    assert all(torch.equal(value, damped[name]) for name, value in first.items())


def test_damping_reaches_every_convolution_with_its_own_constant():
    convs = convolutions(CPResNet(ModelConfig(width=4, damped=True, damping_min=0.3)))
    assert all(isinstance(conv, DampedConv2d) for conv in convs.values())
    assert convs["input.0"].damping.flatten().tolist() == pytest.approx([0.3, 0.65, 1.0, 0.65, 0.3])
    assert convs["blocks.1.conv2"].damping.flatten().tolist() == pytest.approx([0.3, 1.0, 0.3])
    assert convs["classifier.0"].damping.flatten().tolist() == [1.0]


def test_every_parameter_gets_a_gradient_once_the_zero_weights_have_moved():
    # the classifier moves with the first step, the second convs with the second; then everything has a gradient
    model = build(ModelConfig(width=4, depth=2), generator())
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    inputs, labels = torch.randn(4, 1, 256, 40, generator=generator(1)), torch.tensor([0, 3, 5, 9])
    for _ in range(3):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        gradients = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
        optimiser.step()
    assert [name for name, gradient in gradients.items() if not gradient.any()] == []


def test_layer_table_against_a_hand_count():
    rows = {row.layer: row for row in layer_table(ModelConfig(width=4), 431)}
    assert list(rows) == list(convolutions(CPResNet(ModelConfig(width=4))))
    large, medium, small, last = 127 * 215, 63 * 107, 31 * 53, 15 * 26
    assert {layer: (row.weights, row.macs) for layer, row in rows.items()} == {
        "input.0": (100, 100 * large),
        "blocks.0.conv1": (144, 144 * large),
        "blocks.0.conv2": (16, 16 * large),
        "blocks.1.conv1": (144, 144 * medium),
        "blocks.1.conv2": (144, 144 * medium),
        "blocks.2.conv1": (144, 144 * small),
        "blocks.2.conv2": (144, 144 * small),
        "blocks.3.conv1": (144, 144 * small),
        "blocks.3.conv2": (144, 144 * small),
        "blocks.4.conv1": (288, 288 * last),
        "blocks.4.conv2": (576, 576 * last),
        "blocks.4.shortcut.0": (32, 32 * last),
        "blocks.5.conv1": (128, 128 * last),
        "blocks.5.conv2": (256, 256 * last),
        "blocks.5.shortcut.0": (128, 128 * last),
        "classifier.0": (160, 160 * last),
    }
    first = rows["input.0"]
    assert (first.kernel, first.stride, first.channels, first.output) == ("5×5", 2, "1 → 4", "4×127×215")
    shortcut = rows["blocks.4.shortcut.0"]
    assert (shortcut.kernel, shortcut.stride, shortcut.channels, shortcut.output) == ("1×1", 1, "4 → 8", "8×15×26")

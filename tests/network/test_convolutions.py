import pytest
import torch
from torch import nn
from torch.nn import functional

from repro.network.convolutions import DampedConv2d, conv_layer, damping_kernel, used_weight


@pytest.mark.parametrize(
    ("size", "minimum", "rows"),
    [
        (1, 0.1, [1.0]),
        (3, 0.1, [0.1, 1.0, 0.1]),
        (5, 0.1, [0.1, 0.55, 1.0, 0.55, 0.1]),
        (3, 0.01, [0.01, 1.0, 0.01]),  # the group's other constant
        (7, 0.25, [0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25]),
        (5, 1.0, [1.0] * 5),
    ],
)
def test_damping_literals(size, minimum, rows):
    kernel = damping_kernel(size, minimum)
    assert kernel.dtype == torch.float32
    assert kernel.tolist() == pytest.approx(rows)


@pytest.mark.parametrize(("size", "stride", "padding"), [(5, 2, 1), (3, 1, 1), (1, 1, 0)])
def test_damped_convolution_against_weights_scaled_by_hand(size, stride, padding):
    conv = conv_layer(True, 0.1)(3, 4, size, stride=stride, padding=padding)
    assert isinstance(conv, DampedConv2d) and conv.bias is None
    rows = {1: [1.0], 3: [0.1, 1.0, 0.1], 5: [0.1, 0.55, 1.0, 0.55, 0.1]}[size]
    scaled = conv.weight.detach().clone()
    for row, constant in enumerate(rows):
        scaled[:, :, row, :] *= constant
    x = torch.randn(2, 3, 12, 15)
    expected = functional.conv2d(x, scaled, stride=stride, padding=padding)
    torch.testing.assert_close(conv(x), expected)
    torch.testing.assert_close(used_weight(conv), scaled)


def test_frequency_is_damped_and_time_is_not():
    conv = DampedConv2d(1, 1, 5, padding=2, bias=False, damping_min=0.1)
    nn.init.ones_(conv.weight)
    impulse = torch.zeros(1, 1, 9, 9)  # (clips, channels, frequency, time)
    impulse[..., 4, 4] = 1
    response = conv(impulse)[0, 0].detach()
    assert response[2:7, 4].tolist() == pytest.approx([0.1, 0.55, 1.0, 0.55, 0.1])  # along frequency
    assert response[4, 2:7].tolist() == pytest.approx([1.0] * 5)  # along time


def test_gradient_is_damped_and_the_constant_is_not_trained():
    conv = DampedConv2d(2, 2, 3, padding=1, bias=False, damping_min=0.1)
    assert [name for name, _ in conv.named_parameters()] == ["weight"]
    assert conv.state_dict()["damping"].shape == (1, 1, 3, 1)
    plain = nn.Conv2d(2, 2, 3, padding=1, bias=False)
    plain.weight.data = used_weight(conv).detach().clone()
    x = torch.randn(1, 2, 8, 8)
    conv(x).square().sum().backward()
    plain(x).square().sum().backward()
    torch.testing.assert_close(conv.weight.grad, plain.weight.grad * conv.damping)


def test_the_base_network_is_not_damped():
    conv = conv_layer(False, 0.1)(3, 4, 3, padding=1)
    assert type(conv) is nn.Conv2d and conv.bias is None
    assert used_weight(conv) is conv.weight

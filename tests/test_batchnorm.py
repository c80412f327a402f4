"""Batch normalisation in few passes, against PyTorch's own in double precision."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from repro import batchnorm
from repro.batchnorm import BatchNorm2d

SHAPE = (3, 5, 7, 11)
"""Clips, channels, frequency, time; no two alike."""


def double(x, other, layer, relu):
    """y, the gradients of a weighted sum of y with respect to x, other, weight and bias; running mean and variance."""
    inputs = [t.detach().double().requires_grad_() for t in (x, other, layer.weight, layer.bias) if t is not None]
    weight, bias = inputs[-2:]
    mean, variance = torch.zeros(x.shape[1], dtype=torch.float64), torch.ones(x.shape[1], dtype=torch.float64)
    y = functional.batch_norm(inputs[0], mean, variance, weight, bias, training=True, momentum=0.1, eps=1e-5)
    y = y + inputs[1] if other is not None else y
    y = functional.relu(y) if relu else y
    return [y.detach(), *torch.autograd.grad((y * weights(y)).sum(), inputs), mean, variance]


def ours(x, other, layer):
    inputs = [t.detach().clone().requires_grad_() for t in (x, other) if t is not None]
    y = layer(*inputs)
    gradients = torch.autograd.grad((y * weights(y)).sum(), [*inputs, layer.weight, layer.bias])
    return [y.detach(), *gradients, layer.running_mean, layer.running_var]


def weights(y):
    return torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(y.dtype)


def example(shape=SHAPE, memory_format=torch.channels_last, mean=3.0):
    generator = torch.Generator().manual_seed(0)
    x, other = (torch.randn(shape, generator=generator) + mean for _ in range(2))
    layer = BatchNorm2d(shape[1])
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-1, 2, shape[1]))
        layer.bias.copy_(torch.linspace(-0.5, 0.5, shape[1]))
    return x.contiguous(memory_format=memory_format), (other - mean).contiguous(memory_format=memory_format), layer


@pytest.mark.parametrize(
    ("relu", "added", "memory_format"),
    product([False, True], [False, True], [torch.channels_last, torch.contiguous_format]),
)
def test_forward_backward_and_running_statistics(relu, added, memory_format):
    x, other, layer = example(memory_format=memory_format)
    layer.relu = relu
    other = other if added else None
    for found, expected in zip(ours(x, other, layer), double(x, other, layer, relu), strict=True):
        assert found.dtype == torch.float32
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=2e-5, atol=1e-5)
    assert layer.num_batches_tracked == 1


@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (1, 3, 1, 2), (1, 1, 4, 4), (2, 6, 5, 1), (10, 64, 3, 2)])
def test_degenerate_shapes(shape):
    x, other, layer = example(shape)
    layer.relu = True
    for found, expected in zip(ours(x, other, layer), double(x, other, layer, True), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=2e-4, atol=1e-4)


def test_the_variance_of_a_channel_far_from_zero_is_not_lost():
    x, _, layer = example(mean=10_000.0)
    layer(x)
    expected = x.double().var(dim=(0, 2, 3)) * 0.1 + 0.9
    np.testing.assert_allclose(layer.running_var.numpy(), expected.numpy(), rtol=1e-5)


def test_two_statistics_by_hand():
    x = torch.tensor([1.0, 3.0, 5.0, 7.0]).view(1, 1, 2, 2)
    layer = BatchNorm2d(1, relu=True)
    y = layer(x)
    assert layer.running_mean.item() == pytest.approx(0.4)  # a tenth of 4
    assert layer.running_var.item() == pytest.approx(0.9 + 20 / 3 / 10)  # of a sample
    assert y.flatten().tolist() == pytest.approx([0, 0, 1 / math.sqrt(5), 3 / math.sqrt(5)], rel=1e-5)  # of the batch


def test_a_gradient_stops_where_relu_cuts_even_at_zero():
    x = torch.tensor([-1.0, 0.0, 1.0]).view(1, 1, 1, 3).requires_grad_()
    layer = BatchNorm2d(1, relu=True)
    other = torch.zeros(1, 1, 1, 3, requires_grad=True)
    layer(x, other).sum().backward()
    assert other.grad.flatten().tolist() == [0, 0, 1]
    assert layer.bias.grad.item() == 1
    layer.bias.grad = None
    layer(x).sum().backward()
    assert layer.bias.grad.item() == 1


def test_one_value_a_channel_has_no_variance():
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        BatchNorm2d(5)(torch.zeros(1, 5, 1, 1))


def test_nan_passes():
    x, other, layer = example()
    layer.relu = True
    x[1, 2, 3, 4] = math.nan
    assert layer(x)[:, 2].isnan().all() and not layer(x)[:, [0, 1, 3, 4]].isnan().any()
    x, _, _ = example()
    other[1, 2, 3, 4] = math.nan
    assert layer(x, other).isnan().sum() == 1


def test_a_gradient_in_another_order_of_memory_is_taken(monkeypatch):
    x, _, layer = example()
    x.requires_grad_()
    layer(x).mean(dim=(2, 3)).square().sum().backward()  # an expanded gradient
    expected = x.grad.clone()
    x.grad = None
    native = nn.BatchNorm2d(SHAPE[1])
    native.load_state_dict(layer.state_dict())
    native(x).mean(dim=(2, 3)).square().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), expected.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("prepare", "compiled"),
    [
        (lambda x: x, True),
        (lambda x: x.contiguous(), False),
        (lambda x: x.bfloat16(), False),
        (lambda x: x.double(), False),
    ],
)
def test_what_is_compiled_is_used_for_channels_last_maps_in_float32_alone(monkeypatch, prepare, compiled):
    calls = []
    forward = batchnorm._forward
    monkeypatch.setattr(batchnorm, "_forward", lambda *arguments: (calls.append(1), forward(*arguments)))
    x, _, layer = example()
    x = prepare(x)
    layer = layer.to(x.dtype)
    layer(x)
    layer.eval()(x)
    assert len(calls) == compiled

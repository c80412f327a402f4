import math

import numpy as np
import pytest
import torch
from scipy import signal
from torch import nn

from repro.erf.gradient import crop, effective_receptive_field, extent
from repro.errors import InputError
from repro.experiment import ModelConfig
from repro.network.cp_resnet import CPResNet, build


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Linear(nn.Module):
    """5x5 with stride 2 and padding 1 as in Table 1, then 3x5 and 1x1; three channels, nothing else."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 3, 5, stride=2, padding=1, bias=False),
            nn.Conv2d(3, 2, (3, 5), padding=(1, 2), bias=False),
            nn.Conv2d(2, 4, 1, bias=False),
        ).double()

    def penultimate(self, x):
        return self.layers(x)


def test_linear_network_gives_the_convolution_of_its_kernels():
    torch.manual_seed(0)
    model = Linear()
    first, second, third = (layer.weight.detach().numpy() for layer in model.layers)
    summed = third.sum(axis=0)[:, 0, 0]  # over the channels of the last map
    expected = np.zeros((9, 13))
    for c in range(3):
        for m in range(2):
            spread = np.zeros((5, 9))  # the second kernel, on the input's grid: two pixels a step
            spread[::2, ::2] = second[m, c]
            expected += summed[m] * signal.convolve2d(spread, first[c, 0], mode="full")
    # 20 x 30 -> 9 x 14; its pixel (4, 7) looks at input pixel 1 + 2 x (4, 7) = (9, 15)
    whole = np.zeros((20, 30))
    whole[9 - 4 : 9 + 5, 15 - 6 : 15 + 7] = np.abs(expected)
    erf = effective_receptive_field(model, torch.randn(5, 1, 20, 30, dtype=torch.float64).split(2))
    assert erf.dtype == torch.float64
    np.testing.assert_allclose(erf.numpy(), whole, atol=1e-12)


def small_network():
    """A network with every weight and every statistic away from its initial value, in float64."""
    model = build(ModelConfig(width=3, damped=True), generator()).double()
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if name.endswith(("running_mean", "running_var", ".bias")):
                value.uniform_(0.5, 1.5, generator=generator(1))  # a positive bias: about half of the ReLUs are open
            elif value.is_floating_point() and not name.endswith("damping"):
                value.add_(torch.randn(value.shape, dtype=torch.float64, generator=generator(2)) * 0.3)
    return model


def test_finite_differences():
    model = small_network()
    clips = torch.randn(2, 1, 24, 26, dtype=torch.float64, generator=generator(3))
    step = 1e-6
    nudges = step * torch.eye(24 * 26, dtype=torch.float64).view(-1, 1, 24, 26)
    differences = []
    with torch.no_grad():
        model.eval()
        for clip in clips:
            centres = [model.penultimate(clip + sign * nudges)[:, :, 0, 0].sum(1) for sign in (1, -1)]
            differences.append(((centres[0] - centres[1]) / (2 * step)).abs())
    expected = torch.stack(differences).mean(0).view(24, 26)
    assert (expected > 0).float().mean() > 0.2
    model.train()
    erf = effective_receptive_field(model, [clips])
    assert model.training and all(parameter.grad is None for parameter in model.parameters())
    torch.testing.assert_close(erf, expected, rtol=1e-5, atol=1e-8)


def test_clips_weigh_the_same_however_they_are_batched():
    model = small_network()
    clips = torch.randn(5, 1, 24, 40, dtype=torch.float64, generator=generator(4))
    state = {name: value.clone() for name, value in model.state_dict().items()}
    whole = effective_receptive_field(model, [clips])
    with torch.no_grad():  # a caller's no_grad does no harm
        torch.testing.assert_close(effective_receptive_field(model, clips.split(1)), whole)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_no_clips_is_refused():
    with pytest.raises(InputError, match="takes at least one clip"):
        effective_receptive_field(CPResNet(ModelConfig(width=1)), [])


@pytest.mark.parametrize(
    ("depth", "frames", "first", "shape", "centre"),
    [
        (1, 431, (37, 133), (167, 167), (83, 83)),  # 167 about (120, 216)
        (2, 431, (5, 101), (231, 231), (115, 115)),
        (4, 431, (0, 37), (256, 359), (120, 179)),  # 120 - 179 < 0 and 120 + 179 > 255
        (1, 87, (37, 0), (167, 87), (83, 40)),  # 5 columns in the last map: 8 + 16 x 2
    ],
)
def test_crop(depth, frames, first, shape, centre):
    erf = torch.arange(256 * frames, dtype=torch.float64).view(256, frames)
    cut = crop(erf, ModelConfig(depth=depth))
    assert (cut.first_band, cut.first_frame) == first
    assert tuple(cut.values.shape) == shape
    assert cut.centre == centre
    assert cut.values[0, 0] == erf[first]


def test_extent_of_a_known_array():
    # along frequency, about row 2: 1, 2, 4, 2, 1 of 10; along time, about column 1: 3, 4, 2, 1
    erf = torch.outer(torch.tensor([1.0, 2, 4, 2, 1]), torch.tensor([3.0, 4, 2, 1])) / 10
    result = extent(erf, (2, 1))
    # frequency: 4 within 0.5, 8 within 1.5, 10 within 2.5: 5 at 0.5 + 1/4, 9 at 1.5 + 1/2
    assert result.radius_50_bands == pytest.approx(0.75)
    assert result.radius_90_bands == pytest.approx(2.0)
    # time: 4 within 0.5, 9 within 1.5, 10 within 2.5 (of which only the right half exists): 5 at 0.5 + 1/5, 9 at 1.5
    assert result.radius_50_frames == pytest.approx(0.7)
    assert result.radius_90_frames == pytest.approx(1.5)
    assert result.radius_50_ms == pytest.approx(0.7 * 23.219954648526077)
    assert result.radius_90_ms == pytest.approx(1.5 * 23.219954648526077)


def test_extent_does_not_change_with_the_crop_or_the_scale():
    erf = torch.zeros(256, 431, dtype=torch.float64)
    erf[37:204, 133:300] = torch.rand(167, 167, dtype=torch.float64, generator=generator(5))
    cut = crop(erf, ModelConfig())
    whole, part = extent(erf, (120, 216)), extent(1e-20 * cut.values, cut.centre)
    assert vars(part) == pytest.approx(vars(whole))


def test_extent_of_a_single_pixel_and_of_nothing():
    erf = torch.zeros(7, 9)
    assert all(math.isnan(value) for value in vars(extent(erf, (3, 4))).values())
    erf[3, 4] = 2.0
    assert extent(erf, (3, 4)).radius_50_bands == pytest.approx(0.25)
    assert extent(erf, (3, 4)).radius_90_frames == pytest.approx(0.45)

import pytest
import torch
from torch import nn

from repro.erf.gradient import centre_input_pixel, effective_receptive_field
from repro.experiment import ModelConfig
from repro.network.cp_resnet import CPResNet, convolutions
from repro.network.receptive_field import maximum_receptive_field, published_receptive_field


@pytest.mark.parametrize(("depth", "exact", "published"), [(1, 167, 153), (2, 231, 217), (3, 295, 281), (4, 359, 345)])
@pytest.mark.parametrize("pointwise", [0, 1, 4])
def test_literals(depth, pointwise, exact, published):
    config = ModelConfig(depth=depth, pointwise=pointwise)
    assert maximum_receptive_field(config) == exact
    assert published_receptive_field(config) == published


def positive_network(config):
    """The network with everything positive, so that no gradient on a path to the centre pixel cancels or stops.

    Batch normalisation as it is built is the identity in evaluation mode, and every ReLU is open. A max pooling hands
    its gradient to one of its four inputs only; the average pooling of the same window reaches all that it can see.
    """
    model = CPResNet(config).double().eval()
    for conv in convolutions(model).values():
        nn.init.constant_(conv.weight, 1 / conv.weight[0].numel())
    for block in model.blocks:
        if isinstance(block.pool, nn.MaxPool2d):
            block.pool = nn.AvgPool2d(block.pool.kernel_size, block.pool.stride, block.pool.padding)
    return model


@pytest.mark.parametrize(("depth", "frames"), [(1, 431), (2, 400)])
@pytest.mark.parametrize("pointwise", [0, 1, 4])
@pytest.mark.parametrize("damped", [False, True])
def test_support_of_the_gradient_is_the_maximum_receptive_field_about_its_centre(depth, frames, pointwise, damped):
    config = ModelConfig(width=1, depth=depth, pointwise=pointwise, damped=damped)
    support = effective_receptive_field(positive_network(config), [torch.ones(1, 1, 256, frames).double()]) > 0
    size = maximum_receptive_field(config)
    band, frame = centre_input_pixel(config, frames)
    expected = torch.zeros(256, frames, dtype=torch.bool)
    expected[band - size // 2 : band + size // 2 + 1, frame - size // 2 : frame + size // 2 + 1] = True
    assert expected.sum() == size**2, "the field fits into the input"
    assert torch.equal(support, expected)


@pytest.mark.parametrize(("frames", "pixel"), [(431, (120, 216)), (87, (120, 40)), (216, (120, 104)), (17, (120, 8))])
def test_centre_input_pixel(frames, pixel):
    assert centre_input_pixel(ModelConfig(width=1, depth=3), frames) == pixel

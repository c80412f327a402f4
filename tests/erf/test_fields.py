import numpy as np
import pytest
import tiny
import torch

from repro.analysis.fields import field_of
from repro.erf.gradient import centre_input_pixel
from repro.experiment import ModelConfig


def test_a_field_is_the_runs_own_and_its_extent_that_inside_the_maximum_receptive_field():
    run = tiny.record()
    band, frame = centre_input_pixel(run.experiment.model, 431)
    run.erf[band, frame + 1] = 0.5
    run.erf[0, 0] = 1  # outside of the maximum receptive field of 167 pixels
    field = field_of(run)
    assert field.model == run.experiment.model
    assert field.erf.dtype == torch.float64 and field.erf.sum() == 2.5
    assert field.cropped().values.sum() == 1.5
    assert field.extent.radius_50_bands == pytest.approx(0.25)
    # along time 1 at the centre pixel and 0.5 beside it: half of 1.5 within 0.5 * 0.75, 90 % within 0.5 + 0.35 / 0.5
    assert field.extent.radius_50_frames == pytest.approx(0.375)
    assert field.extent.radius_90_frames == pytest.approx(1.2)


def test_a_field_may_be_cropped_as_that_of_another_depth():
    deep = tiny.field(5, ModelConfig(width=2, depth=2))
    assert tuple(deep.cropped().values.shape) == (231, 231)
    assert tuple(deep.cropped(depth=1).values.shape) == (167, 167)
    assert np.isclose(deep.cropped(depth=1).values.sum(), 11 * 11)

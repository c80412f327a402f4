"""The effective receptive field (Appendix C; Luo et al., 2016) and its extent as numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from repro.data.features import HOP, SAMPLE_RATE
from repro.errors import InputError
from repro.experiment import ModelConfig
from repro.network.cp_resnet import INPUT_BANDS, CPResNet
from repro.network.receptive_field import main_path, maximum_receptive_field

FRAME_MS = 1000 * HOP / SAMPLE_RATE  # time from one frame to the next: 23.2 ms


def effective_receptive_field(model: CPResNet, batches: Iterable[Tensor]) -> Tensor:
    """Mean over clips of the absolute gradient of the penultimate map's centre pixel with respect to the input.

    The centre pixel of a map (frequency, time) is (frequency // 2, time // 2), summed over channels; the gradient is
    taken in evaluation mode, clip by clip. The model's mode is restored afterwards.

    Args:
        model: the network.
        batches: standardised features, each (clips, 1, bands, frames), on the model's device and of its dtype.

    Returns:
        float64, on the CPU, (bands, frames).

    Raises:
        InputError: there are no clips.
    """
    was_training = model.training
    model.eval()
    total, clips = torch.zeros((), dtype=torch.float64), 0
    try:
        for batch in batches:
            inputs = batch.detach().requires_grad_()
            with torch.enable_grad():
                maps = model.penultimate(inputs)  # (clips, C, frequency, time)
                centre = maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2].sum()
            (gradient,) = torch.autograd.grad(centre, inputs)
            # of absolute values: opposite signs must not cancel between clips
            total = total + gradient.abs().sum(dim=(0, 1)).to("cpu", torch.float64)
            clips += len(batch)
    finally:
        model.train(was_training)
    if clips == 0:
        raise InputError("an effective receptive field takes at least one clip")
    return total / clips


def centre_input_pixel(config: ModelConfig, frames: int) -> tuple[int, int]:
    """The input pixel (mel band, frame) at the centre of the receptive field of the penultimate map's centre pixel.

    From kernels k, strides s and paddings p: the field's centre moves by ((k - 1) / 2 - p) times the stride so far
    with every layer, and by the stride of the map for every pixel from its edge; exact, and a whole number. For
    256 x 431 it is (120, 216), not the middle of the input: every halving of an odd size drops the last row.
    """
    bands, length, stride, twice_first = INPUT_BANDS, frames, 1, 0
    for kernel, step, padding in main_path(config):
        twice_first += (kernel - 1 - 2 * padding) * stride
        bands = (bands + 2 * padding - kernel) // step + 1
        length = (length + 2 * padding - kernel) // step + 1
        stride *= step
    first = twice_first // 2
    return first + (bands // 2) * stride, first + (length // 2) * stride


@dataclass(frozen=True)
class Crop:
    """An effective receptive field cut to the maximum receptive field, or to the part of that within the input.

    Attributes:
        values: (mel bands, frames).
        first_band: mel band of the first row.
        first_frame: frame of the first column.
        centre: the centre pixel (row, column) of `values`.
    """

    values: Tensor
    first_band: int
    first_frame: int
    centre: tuple[int, int]

    @property
    def corners(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The lower left and the upper right corner about the centre pixel, each (ms, mel bands)."""
        (bands, length), (band, frame) = self.values.shape, self.centre
        return ((-frame - 0.5) * FRAME_MS, -band - 0.5), ((length - frame - 0.5) * FRAME_MS, bands - band - 0.5)


def crop(erf: Tensor, config: ModelConfig) -> Crop:
    """Cut an effective receptive field (256, frames) to the exact maximum receptive field about its centre pixel."""
    band, frame = centre_input_pixel(config, erf.shape[1])
    size = maximum_receptive_field(config)
    reach = size // 2
    first_band, first_frame = max(0, band - reach), max(0, frame - reach)
    values = erf[first_band : band + reach + 1, first_frame : frame + reach + 1]
    centre = (band - first_band, frame - first_frame)
    return Crop(values, first_band, first_frame, centre)


@dataclass(frozen=True)
class Extent:
    """How far an effective receptive field reaches from its centre pixel along frequency and along time.

    A radius is half the width of the smallest interval, symmetric about the centre pixel, that holds 50 % (half) or
    90 % of the mean absolute gradient summed over the other axis. nan where that is zero everywhere.

    Attributes:
        radius_50_bands, radius_90_bands: along frequency, in mel bands.
        radius_50_frames, radius_90_frames: along time, in frames.
        radius_50_ms, radius_90_ms: along time, in milliseconds (hop 512 at 22,050 Hz).
    """

    radius_50_bands: float
    radius_90_bands: float
    radius_50_frames: float
    radius_90_frames: float
    radius_50_ms: float
    radius_90_ms: float


def extent(erf: Tensor, centre: tuple[int, int]) -> Extent:
    """The extent of an effective receptive field (bands, frames) about the pixel `centre`, whole or cropped alike."""
    along_frequency, along_time = erf.sum(dim=1), erf.sum(dim=0)
    half_frames, most_frames = (_radius(along_time, centre[1], share) for share in (0.5, 0.9))
    return Extent(
        radius_50_bands=_radius(along_frequency, centre[0], 0.5),
        radius_90_bands=_radius(along_frequency, centre[0], 0.9),
        radius_50_frames=half_frames,
        radius_90_frames=most_frames,
        radius_50_ms=half_frames * FRAME_MS,
        radius_90_ms=most_frames * FRAME_MS,
    )


def _radius(marginal: Tensor, centre: int, share: float) -> float:
    """Smallest radius about the middle of pixel `centre` that holds `share` of the total, in pixels.

    Interpolated: a pixel's value is spread evenly over its width, so a lone pixel has a 50 % radius of 0.25.
    """
    values: list[float] = marginal.to(torch.float64).tolist()
    sought = share * sum(values)
    if not sought > 0:
        return float("nan")
    held, radius = 0.0, 0.0
    for offset in range(max(centre, len(values) - 1 - centre) + 1):
        pair = {centre - offset, centre + offset}  # one pixel at the centre, two beyond
        ring = sum(values[place] for place in pair if 0 <= place < len(values))
        width = 0.5 if offset == 0 else 1.0
        if held + ring >= sought:
            return radius + width * (sought - held) / ring
        held += ring
        radius += width
    return radius  # only where rounding leaves the sum short of the share

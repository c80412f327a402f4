"""What the networks are trained and tested on: standardised features, from recordings kept where they are needed.

Nothing is done twice that can be done once. Features that fit into memory are computed once: those of the test clips,
and those of the training clips where augmentation only rolls them by whole hops (`Recipe.roll`). Where they do not
fit, they are computed again for every batch, with the same result: on a GPU from waveforms that are kept there or, if
these do not fit either, from batches that are read and copied one step ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repro.data import Clips, split_of
from repro.data.features import N_MELS, PerceptualMel, band_statistics, frames, rolled, to_float
from repro.training.augmentation import draw_shifts, roll
from repro.training.device import is_gpu

Roll = Literal["hops", "samples", "off"]
Item = TypeVar("Item")
Result = TypeVar("Result")

KEPT_BYTES = 2**30  # main memory that one kind of kept features may take

GPU_SHARE = 0.25  # share of a GPU's free memory that one kind of kept features, or the waveforms, may take


def batch_on(device: torch.device) -> int:
    """Clips a step outside training: more would fall out of a CPU's cache, fewer would not fill a GPU."""
    return 50 if is_gpu(device) else 10


class Inputs:
    """Recordings split and brought to a device once, for all runs that are trained on them there.

    Attributes:
        clips: the recordings.
        split: their split (Section 3).
        device: where inputs and labels are wanted.
        labels: int64, (clips,), the true class of every clip, on the device.
        frames: frames of a clip.
        batch: clips a step outside training.
        mean, deviation: float32, (256, 1), of every mel band over the training clips, on the device.
    """

    def __init__(self, clips: Clips, device: torch.device) -> None:
        self.clips, self.device = clips, device
        self.split = split_of(clips)
        self.labels = torch.from_numpy(clips.labels).to(device)
        self.frames = frames(clips.waveforms.shape[1])
        self.batch = batch_on(device)
        self._features = PerceptualMel().to(device)
        self._kept: dict[str, Tensor] = {}
        self._resident: Tensor | None = None
        if is_gpu(self.device) and self._fits(clips.waveforms.nbytes):
            self._resident = torch.from_numpy(np.array(clips.waveforms)).to(device)
        mean, deviation = band_statistics(
            self._features(to_float(waveforms)) for waveforms in self._waveforms(self._in_order(self.split.train))
        )
        self.mean, self.deviation = mean.to(device), deviation.to(device)

    def standardised(self, waveforms: Tensor) -> Tensor:
        """int16 (clips, samples) to the network's input, float32 (clips, 1, 256, frames)."""
        return self._standardise(self._features(to_float(waveforms)))

    def test_batches(self) -> Iterator[Tensor]:
        """The network's inputs for the test clips in order, the seen device's first."""
        return self._batches("test")

    def unseen_batches(self) -> Iterator[Tensor]:
        """The network's inputs for the test clips of unseen devices, in order."""
        seen = len(self.split.seen)
        for batch in self.test_batches():
            if seen < len(batch):
                yield batch[seen:]
            seen = max(0, seen - len(batch))

    def training_batches(self) -> Iterator[Tensor]:
        """The network's inputs for the training clips in the split's order, without augmentation."""
        return self._batches("train")

    def epoch(self, kind: Roll, batch_size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over the training clips in random order, every clip rolled by a random shift.

        Args:
            kind: `Recipe.roll`.
            batch_size: clips a step; the last batch may be smaller.
            generator: source of order and shifts, on the CPU.

        Yields:
            The clips' places in `split.train`, int64, (clips,), on the CPU, and their inputs, (clips, 1, 256, frames).
        """
        clips = len(self.split.train)
        order = torch.split(torch.randperm(clips, generator=generator), batch_size)
        length = self.frames if kind == "hops" else self.clips.waveforms.shape[1]
        shifts = torch.split(draw_shifts(clips, length, generator), batch_size)
        return zip(order, self._augmented(kind, order, shifts), strict=True)

    def _augmented(self, kind: Roll, order: tuple[Tensor, ...], shifts: tuple[Tensor, ...]) -> Iterator[Tensor]:
        if kind == "off" and self._keep("train"):
            return (self._kept["train"].index_select(0, places.to(self.device)) for places in order)
        if kind == "hops" and self._keep("periodic"):
            kept = self._kept["periodic"]
            return (
                self._by_hops([kept[place] for place in places.tolist()], hops)
                for places, hops in zip(order, shifts, strict=True)
            )
        waveforms = self._waveforms(self.split.train[places.numpy()] for places in order)
        return (self._rolled(kind, *batch) for batch in zip(waveforms, shifts, strict=True))

    def _rolled(self, kind: Roll, waveforms: Tensor, shifts: Tensor) -> Tensor:
        if kind == "off":
            return self.standardised(waveforms)
        if kind == "samples":
            return self.standardised(roll(waveforms, shifts.to(self.device)))
        periodic = self._standardise(self._features.periodic(to_float(waveforms)))
        return self._by_hops(periodic, shifts)

    def _by_hops(self, periodic: Iterable[Tensor], hops: Tensor) -> Tensor:
        clips = zip(periodic, hops.tolist(), strict=True)
        return torch.stack([clip[..., rolled(self.frames, shift)] for clip, shift in clips])

    def _standardise(self, mel: Tensor) -> Tensor:
        return mel.sub_(self.mean).div_(self.deviation).unsqueeze(1)

    def _batches(self, kind: Literal["train", "test"]) -> Iterator[Tensor]:
        if self._keep(kind):
            return iter(torch.split(self._kept[kind], self.batch))
        return (self.standardised(waveforms) for waveforms in self._waveforms(self._in_order(self._rows(kind))))

    def _rows(self, kind: str) -> NDArray[np.int64]:
        return self.split.test if kind == "test" else self.split.train

    def _in_order(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        return (rows[first : first + self.batch] for first in range(0, len(rows), self.batch))

    def _keep(self, kind: Literal["train", "test", "periodic"]) -> bool:
        """Whether the features of this kind are kept in memory; computes them when they are first asked for."""
        if kind not in self._kept:
            rows = self._rows(kind)
            length = 2 * self.frames - 1 if kind == "periodic" else self.frames
            if not self._fits(len(rows) * N_MELS * length * 4):
                return False
            kept = torch.empty(len(rows), 1, N_MELS, length, device=self.device)
            compute = self._features.periodic if kind == "periodic" else self._features
            parts = zip(torch.split(kept, self.batch), self._waveforms(self._in_order(rows)), strict=True)
            for part, waveforms in parts:
                part.copy_(self._standardise(compute(to_float(waveforms))))
            self._kept[kind] = kept
        return True

    def _fits(self, size: int) -> bool:
        if is_gpu(self.device):
            return size <= GPU_SHARE * torch.cuda.mem_get_info(self.device)[0]
        return size <= KEPT_BYTES

    def _waveforms(self, batches: Iterable[NDArray[np.int64]]) -> Iterator[Tensor]:
        """The waveforms of these rows of the clips, int16, (clips, samples), on the device."""
        if self._resident is not None:
            return (self._resident[torch.from_numpy(rows)] for rows in batches)
        if is_gpu(self.device):
            return (waves.to(self.device, non_blocking=True) for waves in one_ahead(self._read, batches))
        return map(self._read, batches)

    def _read(self, rows: NDArray[np.int64]) -> Tensor:
        waveforms = torch.from_numpy(self.clips.waveforms[rows])
        return waveforms.pin_memory() if is_gpu(self.device) else waveforms


def one_ahead(read: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`map(read, items)`, the next item being read in a thread while the caller works on the one before."""
    with ThreadPoolExecutor(1) as reader:
        coming: Future[Result] | None = None
        for item in items:
            ready, coming = coming, reader.submit(read, item)
            if ready is not None:
                yield ready.result()
        if coming is not None:
            yield coming.result()

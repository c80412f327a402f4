"""TensorBoard event files, written while a run trains: loss, learning rate, accuracies, and sparsity by layer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tqdm import tqdm

from repro.errors import InputError
from repro.files import atomic


def require_tensorboard() -> None:
    """Raise InputError unless the package tensorboard is installed."""
    if find_spec("tensorboard") is None:
        raise InputError("event files need the package tensorboard: pip install 'tensorboard>=2.18'")


class Events:
    """The event file of one run, alone in its folder.

    The file is new whenever a training starts or continues, and shows all epochs once. If it cannot be written, the
    training goes on without it, and a line on standard error says so.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._shown = folder, 0
        self._writer: Any = None
        with self._without_harm():
            from torch.utils.tensorboard import SummaryWriter

            atomic.remove(folder)
            self._writer = SummaryWriter(str(folder), flush_secs=10)

    def show(self, epochs: Sequence[Mapping[str, Any]], layer_sparsity: Sequence[Mapping[str, float]]) -> None:
        """Add the epochs that are not shown yet.

        Args:
            epochs: what was recorded of all epochs so far.
            layer_sparsity: per epoch and layer the share of weights removed; empty without sparsification.
        """
        if self._writer is None:
            return
        with self._without_harm():
            for epoch in epochs[self._shown :]:
                for name, tag in _TAGS.items():
                    if epoch[name] is not None:
                        self._writer.add_scalar(tag, epoch[name], epoch["epoch"])
            for number, shares in list(enumerate(layer_sparsity))[self._shown :]:
                for layer, share in shares.items():
                    self._writer.add_scalar(f"sparsity/{layer}", share, number)
            self._shown = len(epochs)

    def close(self) -> None:
        """End the file."""
        with self._without_harm():
            if self._writer is not None:
                self._writer.close()

    @contextmanager
    def _without_harm(self) -> Iterator[None]:
        """Give up the file at the first error of any kind: a training does not depend on it."""
        try:
            yield
        except Exception as error:
            self._writer = None
            tqdm.write(f"the event files in {self._folder} are incomplete: {error}", file=sys.stderr)


_TAGS = {
    "loss": "training/loss",
    "learning_rate": "training/learning rate",
    "seen": "accuracy/seen device",
    "unseen": "accuracy/unseen devices",
}

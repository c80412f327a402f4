"""TensorBoard event files, written while a run trains: loss, learning rate, accuracies, and sparsity by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from repro.errors import InputError
from repro.files import atomic
from repro.training.checkpoint import Checkpoints, State
from repro.training.loop import Outcome


def require_tensorboard() -> None:
    """See that event files can be written.

    Raises:
        InputError: the package tensorboard is not installed.
    """
    if find_spec("tensorboard") is None:
        raise InputError("event files need the package tensorboard: pip install 'tensorboard>=2.18'")


class WatchedCheckpoints(Checkpoints):
    """Checkpoints that also show every state they could save, in one event file below `events`.

    The file is made anew when a training starts or continues, from the first epoch on: no epoch is in it twice.
    """

    def __init__(self, folder: Path, events: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        super().__init__(folder)
        atomic.remove(events)
        self._writer = SummaryWriter(str(events), flush_secs=10)
        self._shown = 0

    @property
    def due(self) -> bool:
        """Always: every epoch is to be seen."""
        return True

    def save(self, state: State) -> None:
        """Show a state, and keep it when it is time to."""
        self._show(state.values["epochs"], state.values["layer_sparsity"])
        if super().due:
            super().save(state)

    def finish(self, outcome: Outcome) -> None:
        """Show the last epoch, which there is no state of."""
        self._show([asdict(epoch) for epoch in outcome.epochs], outcome.layer_sparsity)

    def close(self) -> None:
        """End the event file."""
        self._writer.close()

    def _show(self, epochs: Sequence[Mapping[str, Any]], layer_sparsity: Sequence[Mapping[str, float]]) -> None:
        for epoch in epochs[self._shown :]:
            for name, tag in _TAGS.items():
                if epoch[name] is not None:
                    self._writer.add_scalar(tag, epoch[name], epoch["epoch"])
        for number, shares in list(enumerate(layer_sparsity))[self._shown :]:
            for layer, share in shares.items():
                self._writer.add_scalar(f"sparsity/{layer}", share, number)
        self._shown = len(epochs)


_TAGS = {
    "loss": "training/loss",
    "learning_rate": "training/learning rate",
    "seen": "accuracy/seen device",
    "unseen": "accuracy/unseen devices",
}

"""Engines: what trains many runs at once, on one machine or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from repro.experiment import Experiment
from repro.store.record import Failure
from repro.store.store import Store

Report = Callable[[Experiment], None]  # called for every finished epoch of an Experiment

Endings = Generator[Failure | None, None, None]
"""One for each Experiment, when its training has ended: None if its run is in the store, else its failure."""


class Engine(Protocol):
    """Trains Experiments in the order given, several at once."""

    def __call__(self, experiments: Sequence[Experiment], store: Store, report: Report) -> Endings:
        """Train; what fails or is killed is saved as a failure, and the rest goes on. Closing it ends all trainings.

        Raises:
            InputError: an Experiment cannot be trained at all, or the store cannot be written to.
        """

"""Engines: what trains many runs at once, on one machine or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple, Protocol

from repro.experiment import Experiment
from repro.store.record import Failure
from repro.store.store import Store

Report = Callable[[Experiment], None]  # called for every finished epoch of an Experiment


class Finished(NamedTuple):
    """An Experiment that has been trained, or has failed; `failure` is None if its run is in the store."""

    experiment: Experiment
    failure: Failure | None


class Engine(Protocol):
    """Trains Experiments in the order given, several at once, and yields each when it has finished."""

    def __call__(
        self, experiments: Sequence[Experiment], store: Store, report: Report
    ) -> Generator[Finished, None, None]:
        """Train; what fails or is killed is saved as a failure, and the rest goes on. Closing it ends all trainings.

        Raises:
            InputError: an Experiment cannot be trained at all, or the store cannot be written to.
        """

"""An edition's runs: from the store or the shipped results, trained first where the edition says so."""

from __future__ import annotations

from collections.abc import Iterable

from repro.edition import Edition
from repro.experiment import Experiment
from repro.store.record import Record
from repro.store.store import Store
from repro.sweep.fetch import fetch

missing: list[Experiment] = []  # the Experiments that `runs_of` did not find in this process: a page names them


def runs_of(edition: Edition, *studies: str) -> list[Record]:
    """The runs of some studies of an edition, each once; of all studies where none is named.

    What is not there is trained first if the edition trains missing runs (`Edition.train_missing`); else it is left
    out, and stands in `missing`.

    Raises:
        InputError: the store cannot be used, or recordings are needed and cannot be used.
    """
    wanted = edition.experiments() if not studies else [run for name in studies for run in edition.study(name)]
    return fetch(dict.fromkeys(wanted)) if edition.train_missing else available(wanted, Store.default())


def available(experiments: Iterable[Experiment], store: Store, note: bool = True) -> list[Record]:
    """The runs of those of these Experiments that have one; the others are added to `missing`, unless `note` is off.

    The recordings are not needed: the runs themselves say on which they were trained.
    """
    found = store.find(experiments)
    if note:
        missing.extend(run for run, keys in found.items() if not keys and run not in missing)
    return [store.load(keys[0]) for keys in found.values() if keys]

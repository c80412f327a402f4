"""An edition's runs: from the store or the shipped results, trained first where the edition says so."""

from __future__ import annotations

from collections.abc import Iterable

from repro.edition import Edition
from repro.errors import InputError
from repro.experiment import Experiment
from repro.store.record import Record
from repro.store.store import Store
from repro.sweep.fetch import fetch
from repro.sweep.worker import keys_of

missing: list[Experiment] = []
"""The Experiments that `runs_of` was asked for in this process and did not find: a page names them."""


def runs_of(edition: Edition, *studies: str) -> list[Record]:
    """The runs of some studies of an edition, each once; of all studies where none is named.

    What is not there is trained first if the edition trains missing runs (`Edition.train_missing`); else it is left
    out, and stands in `missing`.

    Raises:
        InputError: the store cannot be used, or recordings are needed and cannot be used.
    """
    wanted = edition.experiments() if not studies else [run for name in studies for run in edition.study(name)]
    if edition.train_missing:
        return fetch(dict.fromkeys(wanted))
    return available(dict.fromkeys(wanted), Store.default())


def available(experiments: Iterable[Experiment], store: Store, note: bool = True) -> list[Record]:
    """The runs of those of these Experiments that have one; the others are added to `missing`, unless `note` is off."""
    wanted = list(experiments)
    try:
        keys = keys_of(wanted, store)
    except InputError:  # neither recordings nor runs that would name them
        keys = [""] * len(wanted)
    absent = [run for run, key in zip(wanted, keys, strict=True) if key not in store]
    if note:
        missing.extend(run for run in absent if run not in missing)
    return [store.load(key) for key in keys if key in store]

"""An edition's runs: from the store or the shipped results, trained first where the edition says so."""

from __future__ import annotations

from collections.abc import Collection

from repro.edition import Edition
from repro.experiment import Experiment
from repro.store.record import Record
from repro.store.store import Store
from repro.sweep.fetch import fetch

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


def available(experiments: Collection[Experiment], store: Store, note: bool = True) -> list[Record]:
    """The runs of those of these Experiments that have one; the others are added to `missing`, unless `note` is off.

    The recordings need not be at hand: the runs themselves say on which they were trained.
    """
    found: list[Record] = []
    known = {
        data: store.fingerprints(data) for data in {run.data.model_copy(update={"fold": 0}) for run in experiments}
    }
    for run in experiments:
        keys = [run.key(of) for of in sorted(known[run.data.model_copy(update={"fold": 0})])]
        key = next((key for key in keys if key in store), None)
        if key is not None:
            found.append(store.load(key))
        elif note and run not in missing:
            missing.append(run)
    return found

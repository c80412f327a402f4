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
    if edition.train_missing:
        return fetch(dict.fromkeys(wanted))
    return available(wanted, Store.default(), among=edition.experiments())


def available(
    experiments: Iterable[Experiment], store: Store, note: bool = True, among: Iterable[Experiment] = ()
) -> list[Record]:
    """The runs of those of these Experiments that have one; the others are added to `missing`, unless `note` is off.

    The recordings are not needed: the runs themselves say on which they were trained. Runs on different recordings are
    never mixed: those are taken that were trained on the recordings of which most of the Experiments `among` have a
    run, or most of these where no others are given.
    """
    wanted = list(dict.fromkeys(experiments))
    asked = list(among) or wanted
    known = {of for data in {run.data.all_folds for run in asked} for of in store.fingerprints(data)}
    recordings = max(sorted(known), key=lambda of: sum(run.key(of) in store for run in asked), default="")
    keys = {run: run.key(recordings) for run in wanted}
    if note:
        missing.extend(run for run, key in keys.items() if key not in store and run not in missing)
    return [store.load(key) for key in keys.values() if key in store]

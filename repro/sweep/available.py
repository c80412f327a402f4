"""An edition's runs: from the store or the shipped results, trained first where the edition says so."""

from __future__ import annotations

from collections import Counter
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

    The recordings are not needed: the runs themselves say on which they were trained. Runs on different recordings are
    never mixed: those on the recordings that most runs were trained on are taken.
    """
    found = {run: [store.load(key) for key in keys] for run, keys in store.find(experiments).items()}
    trained_on = Counter(record.data_fingerprint for records in found.values() for record in records)
    recordings = max(sorted(trained_on), key=trained_on.__getitem__, default="")
    taken = {run: [one for one in records if one.data_fingerprint == recordings] for run, records in found.items()}
    if note:
        missing.extend(run for run, records in taken.items() if not records and run not in missing)
    return [record for records in taken.values() for record in records]

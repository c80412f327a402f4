"""Runs that come with the repository, in a folder of `results` for each edition: read like a store's, never changed.

runs/<key>.zip     record.json and arrays.npz of a run, without its network (`repro.files.archive`)
recordings.json    which recordings all of them were trained on, and their fingerprint
runs.csv           what came out of each run, for readers
devices.csv        its accuracy on each device
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repro.experiment import RECIPE_VERSION, DataConfig
from repro.files import checksums
from repro.files.archive import read_archive
from repro.store.record import Record
from repro.store.record_format import record_of, recordings_of


class ShippedError(checksums.StoredError):
    """A file is not the one that came with the repository."""

    def __init__(self, fault: str, path: Path) -> None:
        super().__init__(fault, f"restore {path} from the repository")


class Shipped:
    """The runs of one folder of `results`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recordings_path = folder / "recordings.json"

    def path(self, key: str) -> Path:
        """Where the run of this key is, or would be."""
        return self.folder / "runs" / f"{key}.zip"

    def __contains__(self, key: str) -> bool:
        return self.path(key).is_file()

    def finished(self) -> list[str]:
        """The keys of all runs, sorted."""
        return sorted(path.stem for path in self.folder.glob("runs/[!.]*.zip"))

    def load(self, key: str) -> Record:
        """Read a run, after checking it.

        Raises:
            ShippedError: it was altered or lost, or it is of another schema or key.
            StoredError: it is of another recipe version.
        """
        path = self.path(key)
        try:
            record = record_of(key, read_archive(path), path)
        except checksums.StoredError as error:
            raise ShippedError(error.fault, path) from None
        if record.other_recipe:
            versions = f"version {record.recipe_version}; this package has {RECIPE_VERSION}"
            fault = f"{path} is of another recipe ({versions})"
            raise checksums.StoredError(fault, f"remove {path}, and ship the runs that this version trains")
        return record

    def recordings(self) -> dict[str, Any]:
        """What the runs were trained on: `recordings` as of `recordings_of`, and `data_fingerprint`.

        Raises:
            ShippedError: the file was altered or lost.
        """
        try:
            return checksums.read_json(self.recordings_path)
        except checksums.StoredError as error:
            raise ShippedError(error.fault, self.recordings_path) from None

    def fingerprints(self, data: DataConfig) -> set[str]:
        """The fingerprint of the recordings `data`, if the runs were trained on these; reads none of the runs."""
        if not self.recordings_path.exists() and not self.finished():
            return set()
        content = self.recordings()
        return {content["data_fingerprint"]} if content["recordings"] == recordings_of(data) else set()

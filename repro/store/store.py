"""The run store: one folder or file per Experiment key, whole or absent.

runs/<key>/record.json           experiment, per-epoch metrics, test clips, provenance
runs/<key>/arrays.npz            predictions of the reported epochs, effective receptive field
runs/<key>/weights.safetensors   the final network
runs/<key>/manifest.json         SHA-256 of the three
failures/<key>.json              a training that did not come to its end
checkpoints/<key>/<epoch>/       an unfinished training's state, with its manifest.json
data/                            prepared recordings (`repro.data.source`), summaries/ what pages show of them
tensorboard/<key>/               event files, where they are asked for
bench.json                       what `python -m benchmarks` measured
locks/                           empty files that processes lock

It also reads the runs that come with the repository (`repro.store.shipped`), after its own, and never changes these.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from repro.errors import InputError
from repro.experiment import DataConfig, Experiment
from repro.files import atomic, checksums
from repro.files.project import project_root
from repro.store.record import Failure, Record
from repro.store.record_format import RECORD, read_failure, read_run, recordings_of, write_failure
from repro.store.shipped import Shipped

STORE_VARIABLE = "REPRO_STORE"


class Store:
    """The folder in which finished runs, failures and prepared recordings are kept.

    Args:
        root: the folder.
        shipped: folders of runs that come with the repository, which are read, too.
    """

    def __init__(self, root: Path, shipped: Iterable[Path] = ()) -> None:
        self.root = root
        self.shipped = tuple(map(Shipped, shipped))

    @classmethod
    def default(cls) -> Store:
        """The folder named by the environment variable REPRO_STORE, else `_store` of the project; and its `results`.

        The project is searched for from the working directory upwards, since some tools run a notebook in its own
        folder; if there is none, it is the working directory. A relative REPRO_STORE is relative to it. Nothing is
        written, or checked, before there is something to keep: reading needs no more than the right to read.
        """
        try:
            home = project_root()
            shipped = sorted(path for path in home.glob("results/[!.]*") if path.is_dir())
        except InputError:
            home, shipped = Path.cwd(), []
        return cls(Path(home, os.environ.get(STORE_VARIABLE) or "_store").resolve(), shipped)

    def folder(self, key: str) -> Path:
        """Where the run of this key is, or will be."""
        return self.root / "runs" / key

    def checkpoints(self, key: str) -> Path:
        """Where an unfinished training of this run is saved."""
        return self.root / "checkpoints" / key

    def failure_path(self, key: str) -> Path:
        """Where the failure to train this run is, or would be."""
        return self.root / "failures" / f"{key}.json"

    def owns(self, key: str) -> bool:
        """Whether this folder itself holds the run of this key."""
        return os.path.isfile(self.folder(key) / checksums.MANIFEST)  # noqa: PTH113 - false for a name of any length

    def __contains__(self, key: str) -> bool:
        return self.owns(key) or any(key in shipped for shipped in self.shipped)

    def own(self) -> list[str]:
        """The keys of the finished runs that this folder itself holds, sorted."""
        return sorted(path.parent.name for path in self.root.glob(f"runs/[!.]*/{checksums.MANIFEST}"))

    def finished(self) -> list[str]:
        """The keys of all finished runs, shipped ones included, sorted."""
        return sorted({*self.own(), *(key for shipped in self.shipped for key in shipped.finished())})

    def failed(self) -> list[str]:
        """The keys of all trainings that failed and have not succeeded since, sorted."""
        return sorted(path.stem for path in self.root.glob("failures/[!.]*.json") if path.stem not in self)

    def fingerprints(self, data: DataConfig) -> set[str]:
        """The fingerprints of the recordings `data`, of any fold, that finished runs were trained on.

        Usually there is one: with it runs are found without the recordings. Damaged runs of the store itself are left
        out.

        Raises:
            InputError: a shipped file that names recordings is damaged.
        """
        found = {fingerprint for shipped in self.shipped for fingerprint in shipped.fingerprints(data)}
        recordings = recordings_of(data)
        for key in self.own():
            with suppress(ValueError, LookupError, TypeError):  # InputError is a ValueError
                content = json.loads(checksums.read(self.folder(key), RECORD))
                if {**content["experiment"]["data"], "fold": 0} == recordings:
                    found.add(content["data_fingerprint"])
        return found

    def find(self, experiments: Iterable[Experiment]) -> dict[Experiment, list[str]]:
        """The keys of the finished runs of each of these Experiments; the recordings themselves are not needed.

        There is one, or none. Only where recordings have changed there may be several, one for each fingerprint.
        """
        wanted = dict.fromkeys(experiments)
        known = {data: sorted(self.fingerprints(data)) for data in {run.data.all_folds for run in wanted}}
        return {run: [key for of in known[run.data.all_folds] if (key := run.key(of)) in self] for run in wanted}

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Hold the right to train the run of this key, against other processes on all machines that share the store.

        The lock is the kernel's (flock) and ends with the process that holds it: a file left in `locks` is not a lock.
        A file system without flock is refused, since lock files would outlive killed processes.

        Raises:
            InputError: the store cannot be written to, or its file system has no locks.
        """
        path = self.root / "locks" / f"{key}.lock"
        with self.writable():
            atomic.make_folder(path.parent)
            lock = FileLock(path, fallback_to_soft=False)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the right to change runs and failures. Short, and may be inside of `lock`.

        Raises:
            InputError: the store cannot be written to; what was being written is absent, or as it was before.
        """
        with self.lock("writing"), self.writable():
            yield

    @contextmanager
    def writable(self) -> Iterator[None]:
        """Turn an OSError into an InputError that names the store and the fix."""
        try:
            yield
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            raise InputError(
                f"the run store {self.root} cannot be written to ({error.strerror}): "
                f"{'make room there, or ' if full else ''}set {STORE_VARIABLE} to another folder"
            ) from None

    def save(self, key: str, files: Mapping[str, bytes]) -> bool:
        """Save a finished run; its folder appears with all its files or not at all.

        A run that is there already stays. An earlier failure to train it is removed.

        Args:
            key: of the run.
            files: their contents by name (`repro.store.record_format.run_files`).

        Returns:
            Whether the run is new.

        Raises:
            InputError: the store cannot be written to; nothing is kept.
        """
        with self.writing():
            new = not self.owns(key)
            if new:
                checksums.write_folder(self.folder(key), files)
            atomic.remove(self.failure_path(key))
        return new

    def load(self, key: str) -> Record:
        """Read a finished run, after checking its files against their checksums; the weights are checked when used.

        Raises:
            InputError: there is no such run, it was stored in another schema, or a file of it was altered.
        """
        if self.owns(key):
            return read_run(self.folder(key))
        for shipped in self.shipped:
            if key in shipped:
                return shipped.load(key)
        raise InputError(f"no run {key} in {self.root}: 'repro runs ls' lists those that exist")

    def save_failure(self, failure: Failure) -> Failure:
        """Save why a training failed, in place of an earlier failure; returns it as it is read back.

        Raises:
            InputError: the store cannot be written to.
        """
        with self.writing():
            write_failure(self.failure_path(failure.key), failure)
        return self.failure(failure.key)

    def failure(self, key: str) -> Failure:
        """Read why a training failed.

        Raises:
            InputError: the file was altered, or stored in another schema.
        """
        return read_failure(self.failure_path(key))

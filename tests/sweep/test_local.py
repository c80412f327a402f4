"""The local engine. Run as a script it sweeps a store until it is ended: see `sweeping`."""

import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import stored
import tiny

from repro.data.parallel import ordered_map
from repro.errors import InputError
from repro.experiment import Sparsity
from repro.store.store import Store
from repro.sweep import local, worker
from repro.sweep.fetch import sweep
from repro.sweep.local import local_engine
from repro.training import checkpoint

A, B = tiny.experiment(epochs=5), tiny.experiment(damped=True, seed=1, epochs=2)
DIVERGING = tiny.experiment(seed=2, epochs=2, max_lr=1e38)
LARGE = tiny.experiment(width=20_000, epochs=2)  # one layer of its weights is 14 GB
ENDLESS = tiny.experiment(epochs=10**5)
KILLED = "its process ended with signal SIGKILL, perhaps because memory ran out"


@pytest.fixture(scope="module")
def undisturbed(toy_store, tmp_path_factory) -> dict[str, tuple[Any, ...]]:
    """A and B, trained in this process."""
    alone = Store(tmp_path_factory.mktemp("alone") / "store")
    shutil.copytree(toy_store, alone.root)
    assert [worker.train_one(run, alone) for run in (A, B)] == [None, None]
    return {key: stored.bits(alone, key) for key in alone.finished()}


def test_workers_train_the_same_bits_as_this_process_and_a_failure_stops_no_other_run(store, undisturbed):
    reported = []

    def engine(experiments: Any, store: Store, report: Any) -> Any:
        return local_engine(2)(experiments, store, lambda run: (reported.append(run), report(run)))

    (failure,) = sweep([B, DIVERGING, A], store, engine)
    assert {key: stored.bits(store, key) for key in store.finished()} == undisturbed
    assert (failure.experiment, failure.kind) == (DIVERGING, "non-finite loss")
    assert store.failed() == [failure.key]
    assert [reported.count(run) for run in (A, B, DIVERGING)] == [5, 2, 0]
    assert children() == []


def test_a_killed_worker_is_a_failure_and_the_next_sweep_continues_its_run(store, undisturbed, monkeypatch):
    monkeypatch.setattr(local, "_work", dies_once)
    (store.root / "dies").touch()
    (failure,) = sweep([A, B], store, local_engine(1))
    assert (failure.experiment, failure.kind, failure.reason) == (A, "killed", KILLED)
    assert store.finished() == [key for key in sorted(undisturbed) if key != failure.key]
    state = checkpoint.Checkpoints(store.checkpoints(failure.key)).latest()
    assert state is not None and state.epoch == 2
    assert sweep([A, B], store, local_engine(1)) == []
    assert {key: stored.bits(store, key) for key in store.finished()} == undisturbed
    assert store.load(failure.key).epochs["seconds"][0] == state.values["epochs"][0]["seconds"]  # not trained again
    assert store.failed() == [] and not store.checkpoints(failure.key).exists()


def dies_once(pipe: Any, *arguments: Any) -> None:
    """A worker that is killed after the second epoch that it reports, if the file `dies` is in the store."""
    checkpoint.SECONDS = 0.0
    flag, send, told = arguments[0] / "dies", pipe.send, []

    class Pipe:
        recv = pipe.recv

        def send(self, message: object) -> None:
            told.append(message)
            if len(told) == 2 and flag.exists():
                flag.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
            send(message)

    local._work(Pipe(), *arguments)  # type: ignore[arg-type]


def test_a_worker_that_dies_when_its_run_is_kept_has_not_failed(store):
    assert worker.train_one(B, store) is None
    assert worker.keep_failure(B, store, KILLED, "killed") is None
    assert not (store.root / "failures").exists()
    failure = worker.keep_failure(A, store, KILLED, "killed")
    assert failure is not None and (failure.experiment, failure.kind, failure.reason) == (A, "killed", KILLED)


def test_a_run_without_enough_memory_is_a_failure_and_its_worker_goes_on(store, monkeypatch):
    monkeypatch.setattr(local, "_work", starved)
    (failure,) = sweep([LARGE, B], store, local_engine(1))
    assert (failure.experiment, failure.kind) == (LARGE, "out of memory")
    assert "allocate memory" in failure.reason
    assert [store.load(key).experiment for key in store.finished()] == [B]


def starved(pipe: Any, *arguments: Any) -> None:
    used = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**32, -1))
    local._work(pipe, *arguments)


def test_bad_input_ends_the_sweep_and_leaves_no_process(store):
    with pytest.raises(InputError, match=r"^sparsity.weights = 100000: the network has only"):
        sweep([tiny.experiment(sparsity=Sparsity(method="static", weights=100_000)), B], store, local_engine(2))
    assert store.failed() == [] and children() == []


@pytest.mark.parametrize(("coarse", "units", "said"), [(2, False, True), (1, False, False), (2, True, False)])
def test_a_sweep_in_a_precision_that_this_machine_is_slow_in_says_so(store, monkeypatch, capsys, coarse, units, said):
    def starts_nothing(*_: Any) -> None:
        raise InputError("nothing is trained")

    monkeypatch.setattr(local, "multiplies_bf16", lambda device: units)
    monkeypatch.setattr(local, "_Worker", starts_nothing)
    precisions = ["bf16"] * coarse + ["fp32"]
    with pytest.raises(InputError):
        sweep([tiny.experiment(seed=seed, precision=name) for seed, name in enumerate(precisions)], store)
    note = "2 of 3 runs use bfloat16, which is slow on this CPU: -p precision=fp32 is faster\n"
    assert capsys.readouterr().err == (note if said else "")


def test_a_training_whose_sweep_was_killed_ends_and_is_no_failure(store):
    """It may find the pipe broken before it hears that its parent has ended."""
    read, write = multiprocessing.Pipe(duplex=False)
    read.close()
    child = os.fork()
    if not child:
        try:
            local._tell(write)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_an_interrupted_sweep_keeps_what_is_finished_and_leaves_no_process(store):
    with sweeping(store) as process:
        while not store.finished():
            assert process.poll() is None
            time.sleep(0.05)
        left = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) != 0
    assert len(left) >= 2
    assert psutil.wait_procs(left, timeout=120)[1] == []
    (key,) = store.finished()
    assert store.load(key).experiment == B
    assert store.failed() == []


@contextmanager
def sweeping(store: Store) -> Iterator[subprocess.Popen[bytes]]:
    """A process that trains an endless run and B."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, __file__, str(store.root)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def children() -> list[str]:
    """The processes that this one has started and not ended, less what multiprocessing keeps for itself."""
    found = psutil.Process().children(recursive=True)
    return [" ".join(child.cmdline()) for child in found if "resource_tracker" not in " ".join(child.cmdline())]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have it ignored by what they start with "&"
    sweep([ENDLESS, B], Store(Path(sys.argv[1])), local_engine(2))


@pytest.mark.parametrize(
    ("given", "names"),
    [(None, ["0", "1"]), ("", ["0", "1"]), ("2,3", ["2", "3"]), ("GPU-aa, GPU-bb,-1,7", ["GPU-aa", "GPU-bb"])],
)
def test_workers_get_the_gpus_that_this_process_was_given(monkeypatch, given, names):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    if given is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert local._gpus() == names


def test_a_worker_may_start_processes_of_its_own(store, monkeypatch):
    """As it does where recordings have changed since the sweep began."""
    monkeypatch.setattr(local, "_work", prepares)
    assert sweep([B], store, local_engine(1)) == []
    assert [store.load(key).experiment for key in store.finished()] == [B]


def prepares(pipe: Any, *arguments: Any) -> None:
    assert list(ordered_map(abs, [-1, 2])) == [1, 2]
    local._work(pipe, *arguments)

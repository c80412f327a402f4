"""Kernels for the pages: of the running interpreter, quick to start, and stopped all at once.

Importing torch, matplotlib and the rest takes a page longer than its own work. On Linux a server imports them once, and
every kernel is a fork of it. That is safe because the server does nothing but import: it has one thread, and no GPU is
in use in it. On macOS, whose frameworks do not survive a fork, a kernel is a process of its own.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

_FORKED = sys.platform == "linux"

_READ_AT_IMPORT = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OPENBLAS_NUM_THREADS": "1",  # it would start its threads at once
}
"""What the server's imports take from its environment for good."""


class Kernels:
    """Starts the kernels of a build; at the end of the `with` block those that still run are killed.

    Attributes:
        threads: of torch in every kernel; a person's own OMP_NUM_THREADS comes first.
        stopped: whether no kernel is started any more.
    """

    def __init__(self, sockets: Path, **variables: str) -> None:
        """`sockets` is an empty folder, its path short; `variables` are added to the kernels' environment."""
        self.threads = 1
        self.stopped = False
        self._sockets, self._variables = sockets, variables
        self._lock = Lock()
        self._started: list[AsyncKernelManager] = []
        if _FORKED:
            _start_server(variables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            self.stopped = True
            for manager in self._started:
                if isinstance(manager.provisioner, LocalProvisioner) and manager.provisioner.pid and manager.has_kernel:
                    _kill(manager.provisioner.pid)

    def manager(self, log: Path) -> type[AsyncKernelManager]:
        """Return what starts a kernel; what it says outside of cells goes to `log`, a path of its own."""
        kernels = self

        class Manager(AsyncKernelManager):
            transport = "ipc"  # over TCP, ipykernel warns, others on the machine could listen

            def _ip_default(self) -> str:  # else all sockets had the same names, in the working directory
                return str(kernels._sockets / log.stem)

            def _kernel_spec_manager_default(self) -> KernelSpecManager:
                return KernelSpecManager(parent=self, kernel_dirs=[])  # no 'python3' that a person registered elsewhere

            async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
                options["env"] = {"OMP_NUM_THREADS": str(kernels.threads)} | options["env"] | kernels._variables
                with kernels._lock:
                    if kernels.stopped:
                        raise RuntimeError("no kernel is started any more")
                    if _FORKED:
                        self._fork(options["env"])
                    else:
                        with log.open("wb") as stderr:
                            await super()._async_launch_kernel(kernel_cmd, stderr=stderr, **options)
                    kernels._started.append(self)

            def _fork(self, env: Mapping[str, str]) -> None:
                provisioner: Any = self.provisioner
                provisioner.process = _Fork(self.connection_file, env, log)
                provisioner.pid = provisioner.pgid = provisioner.process.pid
                self._reconcile_connection_info(provisioner.connection_info)

        return Manager


class _Fork:
    """A forked kernel, with those methods of `subprocess.Popen` that jupyter_client asks for."""

    stdin = stdout = stderr = None

    def __init__(self, connection_file: str, env: Mapping[str, str], log: Path) -> None:
        arguments = (connection_file, Path.cwd(), dict(env), log)
        self._process: BaseProcess = multiprocessing.get_context("forkserver").Process(target=_serve, args=arguments)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _serve(connection_file: str, cwd: Path, env: dict[str, str], log: Path) -> None:
    """Become a kernel, as the forked process: in a session of its own, which the terminal's Ctrl-C does not reach."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    with log.open("wb") as file:
        os.dup2(file.fileno(), sys.__stderr__.fileno() if sys.__stderr__ else 2)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    import torch
    from ipykernel.kernelapp import IPKernelApp

    torch.set_num_threads(int(env["OMP_NUM_THREADS"]))
    Thread(target=_end_with_build, daemon=True).start()
    IPKernelApp.launch_instance(argv=["-f", connection_file, f"--IPKernelApp.parent_handle={os.getppid()}"])


def _end_with_build() -> None:
    """End the kernel and all that it has started when the build was killed and could not."""
    build = multiprocessing.parent_process()
    assert build is not None
    build.join()
    os.killpg(0, signal.SIGKILL)


def _start_server(variables: Mapping[str, str]) -> None:
    """Start the server that forks; it imports while the build goes on."""
    multiprocessing.set_forkserver_preload(["repro.build.preloaded"])
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # nor does Ctrl-C reach the server
    try:
        # Locks of killed kernels are cleared away by the tracker that is started here, too; it need not warn of them.
        warnings = ",".join(filter(None, [variables.get("PYTHONWARNINGS"), "ignore:resource_tracker"]))
        with _environment({**variables, **_READ_AT_IMPORT, "PYTHONWARNINGS": warnings}):
            multiprocessing.forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _kill(pid: int) -> None:
    """Kill a kernel's session; the kernel alone where it was born just now and has none yet."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)

"""Kernels for the pages: the running interpreter, one kernel a page, all ended with the build."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines


class Kernels:
    """Executes notebooks, each in its own kernel.

    A kernel also ends by itself, within a second, when the process that started it is gone.

    Args:
        variables: environment variables of the kernels, added to those of this process.
    """

    def __init__(self, **variables: str) -> None:
        self._environment = os.environ | variables
        self._managers: list[KernelManager] = []
        logging.getLogger("papermill").setLevel(logging.CRITICAL)  # its errors are raised, too

    def execute(self, notebook: nbformat.NotebookNode, parameters: dict[str, Any], target: Path, log: Path) -> None:
        """Execute a notebook with these parameters in the working directory.

        Args:
            notebook: not executed yet.
            parameters: injected below the cell tagged `parameters`.
            target: where the notebook is written, after every cell.
            log: where the kernel writes what belongs to no cell.
        """
        # The path of a socket may have about 100 characters: a project's folder can be longer.
        with tempfile.TemporaryDirectory(prefix="repro-") as sockets, log.open("wb") as stderr:
            manager = KernelManager(
                client_class="jupyter_client.asynchronous.AsyncKernelClient",
                transport="ipc",  # TCP can be reached by other users of the machine, and ipykernel warns of it
                connection_file=str(Path(sockets) / "kernel.json"),
                kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # no kernel that someone has registered
            )
            self._managers.append(manager)
            papermill.execute_notebook(
                notebook,
                target,
                parameters,
                engine_name=_NAME,
                kernel_name="python3",
                progress_bar=False,
                manager=manager,
                start={"env": self._environment, "stderr": stderr},
            )

    def kill(self) -> None:
        """Kill the kernels that run, and the processes that these have started."""
        for manager in self._managers:
            with suppress(RuntimeError):  # it has ended in between
                if manager.has_kernel:
                    manager.signal_kernel(signal.SIGKILL)


class _Engine(Engine):  # type: ignore[misc]
    """papermill's own engine, but that a kernel is started with options, and ended with all that it has started."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        manager: KernelManager,
        start: dict[str, Any],
        **_: Any,
    ) -> None:
        """Execute the notebook in a kernel of this manager."""
        client = PapermillNotebookClient(
            nb_man,
            km=manager,
            kernel_name=kernel_name,
            startup_timeout=600,  # seconds; on a busy machine, with the environment on a network's disk
            iopub_timeout=60,
            shutdown_kernel="immediate",
        )
        client.execute(cleanup_kc=True, **start)


_NAME = "repro"
papermill_engines.register(_NAME, _Engine)

"""Executing an edition's pages: missing runs are trained first, then the pages are executed side by side."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextlib import chdir, suppress
from itertools import count
from pathlib import Path
from typing import Any

import click
import nbformat
import torch
from joblib import cpu_count
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from repro.build.kernels import Kernels
from repro.build.pages import BuildError, Page, fingerprint, is_current, present_runs, stamp_path, write_stamp
from repro.edition import Edition
from repro.errors import InputError
from repro.progress import TERMINAL_VARIABLE
from repro.store.store import Store
from repro.sweep.fetch import fetch

MOST_AT_ONCE = 8  # pages that are executed side by side at most: each takes some hundred megabytes of memory


def execute_pages(
    root: Path,
    folder: Path,
    edition: Edition,
    notebooks: Sequence[Page],
    values: Mapping[str, Mapping[str, Any]],
    fresh: bool,
) -> None:
    """Execute the pages that have changed since their last execution, and all of them if `fresh`.

    A page that fails does not stop the others; an interrupt stops all of them at once.

    Args:
        root: the book's folder.
        folder: the edition's in `_build`; executed pages go to `source` in it.
        edition: its missing runs are trained first, where it trains missing runs and several pages are executed.
        notebooks: the pages, in the order of the book.
        values: by page, the parameters to execute it with.
        fresh: whether to execute unchanged pages, too.

    Raises:
        InputError: a page refused a parameter's value, or the recordings or the store cannot be used.
        BuildError: a cell failed; the message has a line for every page that failed.
    """
    with chdir(root):  # which the folders of recordings and store are relative to
        store = Store.default()
        executed = {page: page.executed(folder / "source") for page in notebooks}
        made_from = {page: fingerprint(page, values[page.name], root, edition, store) for page in notebooks}
        stale = [page for page in notebooks if fresh or not is_current(executed[page], made_from[page], store)]
        if len(stale) > 1 and edition.train_missing:  # together, so that no core waits between the pages
            fetch(edition.experiments(), store)
        present = present_runs(store)

        numbers, width = count(1), max((len(page.name) for page in notebooks), default=0)

        def tell(page: Page, outcome: str) -> None:
            click.echo(f"[{next(numbers)}/{len(notebooks)}] {page.name:<{width}}  {outcome}")

        for page in notebooks:
            if page not in stale:
                tell(page, "unchanged")

        at_once = _at_once(len(stale))
        kernels = Kernels(**_variables(folder, threads=max(1, cpu_count() // at_once)))

        def run(page: Page) -> float:
            start = time.monotonic()
            execute(page, values[page.name], executed[page], folder / "executing", kernels)
            write_stamp(executed[page], made_from[page], present)
            return time.monotonic() - start

        with ThreadPoolExecutor(at_once) as threads:
            executions = {threads.submit(run, page): page for page in stale}
            try:
                for done in as_completed(executions):
                    tell(executions[done], "failed" if done.exception() else f"executed in {done.result():.1f} s")
            except BaseException:  # an interrupt
                for execution in executions:
                    execution.cancel()
                kernels.kill()
                while wait(executions, timeout=0.1).not_done:  # a kernel was just being started
                    kernels.kill()
                raise
        _raise_errors(executions)


def execute(page: Page, values: Mapping[str, Any], target: Path, aside: Path, kernels: Kernels) -> None:
    """Execute a page with these parameters and move the result to `target`.

    It is written under the folder `aside` first: `target` changes only when every cell has succeeded.

    Raises:
        InputError: a cell refused a parameter's value, or what it names.
        BuildError: a cell failed; the partly executed notebook then lies in `aside`.
    """
    aside.mkdir(parents=True, exist_ok=True)
    partial, log = aside / f"{page.name}.ipynb", aside / f"{page.name}.log"
    try:
        kernels.execute(page.notebook, dict(values), partial, log)
    except PapermillExecutionError as error:
        if error.ename in _names(InputError):  # what was given or stored, not the page, is at fault
            partial.unlink(missing_ok=True)
            log.unlink(missing_ok=True)
            raise InputError(f"page '{page.name}': {error.evalue}") from None
        last = f"{error.ename}: {error.evalue}".strip().splitlines()[0]
        raise BuildError(
            f"page '{page.name}' failed in code cell {error.exec_count}: {last} (executed so far: {partial})"
        ) from None
    except (DeadKernelError, RuntimeError) as error:  # the latter while it starts
        raise BuildError(f"page '{page.name}': {error}; perhaps memory ran out (log: {log})") from None
    notebook = nbformat.read(partial, as_version=4)
    # papermill records paths of this machine, which no reader of the page needs.
    for path in ("input_path", "output_path"):
        notebook.metadata.get("papermill", {}).pop(path, None)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "parameters" in tags:
            cell.metadata.mystnb = {"code_prompt_show": "Parameters", "code_prompt_hide": "Parameters"}
        if "injected-parameters" in tags:  # the edition's line at the top of the page says what it does
            tags.append("remove-input")
    nbformat.write(notebook, partial)
    target.parent.mkdir(parents=True, exist_ok=True)
    stamp_path(target).unlink(missing_ok=True)  # that of the old notebook must not vouch for the new one
    partial.replace(target)
    log.unlink()


def _names(error: type[Exception]) -> set[str]:
    """The names of an exception and of those derived from it."""
    return {error.__name__}.union(*map(_names, error.__subclasses__()))


def _raise_errors(executions: Iterable[Future[float]]) -> None:
    """Raise what the executions raised: one error that names all failed pages, or the first where none failed."""
    errors = [error for execution in executions if (error := execution.exception()) is not None]
    told = [str(error) for error in errors if isinstance(error, (BuildError, InputError))]
    if len(told) > 1 and any(isinstance(error, BuildError) for error in errors):
        raise BuildError("\n  ".join([f"{len(told)} pages failed:", *told]))
    if errors:
        raise errors[0]


def _variables(folder: Path, threads: int) -> dict[str, str]:
    """The environment variables of the kernels."""
    return {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # not what the shell has set
        TERMINAL_VARIABLE: _terminal(),
        "IPYTHONDIR": str(folder / "ipython"),  # not a person's own profile and start-up files
        "TQDM_DISABLE": "1",  # a bar's hundred states would stay in the page
        "PYTHONWARNINGS": f"{os.environ.get('PYTHONWARNINGS', '')},ignore:IProgress not found".lstrip(","),
    }


def _terminal() -> str:
    with suppress(OSError):  # a container may have no name for it
        if sys.stderr.isatty():
            return os.ttyname(2)
    return ""


def _at_once(pages: int) -> int:
    """How many pages are executed side by side; on a GPU one: kernels that race for its memory fail."""
    return 1 if torch.cuda.is_available() else max(1, min(cpu_count(), MOST_AT_ONCE, pages))

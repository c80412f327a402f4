"""Executing an edition's pages: what they need is trained first, all together; then they are executed side by side."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import chdir
from pathlib import Path
from threading import Lock
from typing import Any

import click
from joblib import cpu_count

from repro.build.kernels import Kernels
from repro.build.pages import Page, execute, fingerprint, is_current, write_stamp
from repro.edition import Edition
from repro.store.store import Store

MOST_AT_ONCE = 8
"""Pages that are executed side by side at most: each takes some hundred megabytes."""


def execute_pages(
    root: Path,
    folder: Path,
    edition: Edition,
    notebooks: Sequence[Page],
    values: Mapping[str, Mapping[str, Any]],
    fresh: bool,
) -> None:
    """Execute the pages that have changed since their last execution, and all of them if `fresh`.

    When a page fails, those beside it are finished and no other is begun. An interrupt stops all of them at once.

    Args:
        root: the book's folder.
        folder: the edition's in `_build`; executed pages go to `source` in it.
        edition: whose runs are trained first, where it trains missing runs and several pages ask for them.
        notebooks: the pages, in the order of the book.
        values: by page, the parameters to execute it with.
        fresh: whether to execute unchanged pages, too.

    Raises:
        InputError: a parameter's value was refused, or the recordings or the store cannot be used.
        BuildError: a cell failed; of several failed pages the first in the book is named.
    """
    with chdir(root):
        store = Store.default()
    executed = {page.name: folder / "source" / f"{page.docname}.ipynb" for page in notebooks}
    fingerprints = {page.name: fingerprint(page, values[page.name], root, edition, store.root) for page in notebooks}
    stale = [p for p in notebooks if fresh or not is_current(executed[p.name], fingerprints[p.name], store)]
    width = max((len(page.name) for page in notebooks), default=0)
    lock, told = Lock(), 0

    def tell(page: Page, outcome: str) -> None:
        nonlocal told
        with lock:
            told += 1
            click.echo(f"[{told}/{len(notebooks)}] {page.name:<{width}}  {outcome}")

    def run(page: Page) -> None:
        try:
            seconds = execute(page, values[page.name], executed[page.name], folder / "executing", root, kernels)
        except BaseException:
            tell(page, "stopped" if kernels.stopped else "failed")
            raise
        write_stamp(executed[page.name], fingerprints[page.name])
        tell(page, f"executed in {seconds:.1f} s")

    for page in notebooks:
        if page not in stale:
            tell(page, "unchanged")
    if not stale:
        return
    # Sockets lie in a short path on a local disk, which a home folder on a cluster need not be.
    with chdir(root), tempfile.TemporaryDirectory(prefix="repro-") as sockets:
        kernels = Kernels(
            Path(sockets),
            JUPYTER_RUNTIME_DIR=sockets,
            REPRO_STORE=str(store.root),
            REPRO_TERMINAL=os.ttyname(2) if sys.stderr.isatty() else "",
            IPYTHONDIR=str(folder / "ipython"),  # not a person's own profile and start-up files
            PYDEVD_DISABLE_FILE_VALIDATION="1",  # the debugger's start-up warning, of no use here
            TQDM_DISABLE="1",  # a bar's hundred states would stay in the page
            PYTHONWARNINGS=f"{os.environ.get('PYTHONWARNINGS', '')},ignore:IProgress not found".lstrip(","),
        )
        if len(stale) > 1:
            _train(edition)
        at_once = _at_once(len(stale))
        kernels.threads = max(1, cpu_count() // at_once)
        with ThreadPoolExecutor(at_once) as threads, kernels:
            executions = [threads.submit(run, page) for page in stale]
            try:
                wait(executions, return_when=FIRST_EXCEPTION)
            finally:
                begun = [execution for execution in executions if not execution.cancel()]
            for execution in begun:
                execution.exception()  # waits until it has finished
            for execution in begun:
                execution.result()


def _train(edition: Edition) -> None:
    """Train what the edition's pages need and the store lacks, all together."""
    from repro.sweep.fetch import fetch

    if edition.train_missing:
        fetch(edition.experiments(), Store.default())


def _at_once(pages: int) -> int:
    """How many pages are executed side by side; on a GPU one: kernels that race for its memory fail."""
    import torch

    return 1 if torch.cuda.is_available() else min(cpu_count(), MOST_AT_ONCE, pages)

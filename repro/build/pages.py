"""The pages of the book: reading a page's source, executing it, and knowing when its last execution still stands."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml

from repro.build.kernels import Kernels
from repro.build.parameters import Parameters, read_parameters
from repro.edition import EDITIONS, Edition
from repro.errors import InputError
from repro.figures.page import RUNS_MIME
from repro.store.provenance import code_fingerprint
from repro.store.store import Store

# A page is executed anew when the version of one of these changes, even where a person does without the lock.
_PACKAGES = ("ipykernel", "librosa", "matplotlib", "numpy", "pandas", "scipy", "torch", "torchaudio")


class BuildError(RuntimeError):
    """The book could not be built from sound input; the message says which page and where to look."""


@dataclass(frozen=True)
class Page:
    """One entry of `_toc.yml`: `docname` as Sphinx has it (`book/01-introduction`), `path` its source."""

    docname: str
    path: Path

    @property
    def name(self) -> str:
        """The name on the command line and in edition files: the docname without its folder."""
        return Path(self.docname).name

    @property
    def is_notebook(self) -> bool:
        """Whether the page is executed; a Markdown page is only copied."""
        return self.path.suffix == ".py"

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        """The source as an unexecuted notebook."""
        return jupytext.read(self.path, fmt="py:percent")

    def parameters(self) -> Parameters:
        """Return the page's parameters, in the order of its parameters cell.

        Raises:
            InputError: the page has code but not exactly one parameters cell, or the cell is malformed.
        """
        if not self.is_notebook:
            return {}
        code = [cell for cell in self.notebook.cells if cell.cell_type == "code"]
        tagged = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
        if code and len(tagged) != 1:
            raise InputError(f"{self.path.name}: one cell must be tagged 'parameters', here are {len(tagged)}")
        return read_parameters(tagged[0].source, self.path.name) if tagged else {}


def read_pages(root: Path) -> dict[str, Page]:
    """Return the pages of `<root>/_toc.yml` by name, in the order of the table of contents.

    Raises:
        InputError: the table is malformed or names a file that does not exist.
    """
    try:
        docnames = list(parse_toc_yaml(root / "_toc.yml"))
    except MalformedError as error:
        raise InputError(f"_toc.yml: {error}") from None
    pages = {}
    for docname in docnames:
        found = [path for suffix in (".py", ".md") if (path := root / f"{docname}{suffix}").is_file()]
        if not found:
            raise InputError(f"_toc.yml names {docname}, but there is no {docname}.py or {docname}.md")
        page = Page(docname, found[0])
        pages[page.name] = page
    return pages


def execute(page: Page, values: Mapping[str, Any], target: Path, aside: Path, cwd: Path, kernels: Kernels) -> float:
    """Execute a page with these parameter values and move the result to `target`; return the seconds it took.

    It is written under the folder `aside` first: `target` changes only when every cell has succeeded.

    Raises:
        InputError: a cell refused a parameter's value, or what it names.
        BuildError: a cell failed; the partly executed notebook then lies in `aside`.
    """
    aside.mkdir(parents=True, exist_ok=True)
    partial = aside / f"{page.name}.ipynb"
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # its errors are raised, too
    log = aside / f"{page.name}.log"
    start = time.monotonic()
    try:
        papermill.execute_notebook(
            page.notebook,
            partial,
            parameters=dict(values),
            kernel_name="python3",
            progress_bar=False,
            cwd=cwd,
            kernel_manager_class=kernels.manager(log),
        )
    except PapermillExecutionError as error:
        if error.ename == InputError.__name__:  # what the person gave, not the page, is at fault
            partial.unlink(missing_ok=True)
            log.unlink(missing_ok=True)
            raise InputError(f"page '{page.name}': {error.evalue}") from None
        last = f"{error.ename}: {error.evalue}".strip().splitlines()[0]
        raise BuildError(
            f"page '{page.name}' failed in code cell {error.exec_count}: {last} (executed so far: {partial})"
        ) from None
    except DeadKernelError:
        raise BuildError(
            f"page '{page.name}': the kernel died, perhaps for want of memory (its last words: {log})"
        ) from None
    notebook = nbformat.read(partial, as_version=4)
    # papermill records paths of this machine, which no reader of the page needs.
    for path in ("input_path", "output_path"):
        notebook.metadata.get("papermill", {}).pop(path, None)
    nbformat.write(notebook, partial)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(target)
    log.unlink()
    return time.monotonic() - start


def fingerprint(page: Page, values: Mapping[str, Any], root: Path, edition: Edition, store: Path) -> str:
    """Return a SHA-256 over all that a page's outputs depend on, save its runs in the store."""
    from repro.data.source import folder_state

    files = [root / "requirements.lock", root / EDITIONS / f"{edition.name}.yml"]
    if "measurement" in page.parameters():  # the page shows what `python -m benchmarks` measured
        files.append(Path(values.get("measurement") or store / "bench.json"))
    folders = [root / edition.data_root, root / edition.impulse_responses, root / "results" / edition.name]
    content = {
        "page": _digest(page.path),
        "parameters": dict(values),
        "files": [_digest(file) if file.is_file() else None for file in files],
        "folders": [folder_state(str(folder)) for folder in folders if folder != root],
        "code": code_fingerprint(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def stamp_path(executed: Path) -> Path:
    """Where the stamp of an executed notebook lies: beside it."""
    return executed.with_suffix(".stamp.json")


def write_stamp(executed: Path, page_fingerprint: str) -> None:
    """Record what the executed notebook was made from, and the runs that it says it used."""
    runs = {kind: sorted(recorded_runs(executed, kind)) for kind in ("runs", "missing")}
    stamp = {"fingerprint": page_fingerprint} | runs
    stamp_path(executed).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")


def is_current(executed: Path, page_fingerprint: str, store: Store) -> bool:
    """Whether the executed notebook still stands: made from the same input, and its runs are still in the store."""
    try:
        stamp = json.loads(stamp_path(executed).read_text(encoding="utf-8"))
        whole = all(key in store for key in stamp["runs"]) and not stamp["missing"]
        return executed.is_file() and stamp["fingerprint"] == page_fingerprint and whole
    except (OSError, ValueError, KeyError, TypeError):
        return False  # no stamp, or half of one


def recorded_runs(executed: Path, kind: str = "runs") -> set[str]:
    """Collect the keys of all runs that an executed notebook's outputs name; of kind "missing": that it lacked."""
    keys: set[str] = set()
    for cell in nbformat.read(executed, as_version=4).cells:
        for output in cell.get("outputs", []):
            keys.update(output.get("data", {}).get(RUNS_MIME, {}).get(kind, []))
    return keys


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

"""The pages of the book: reading their sources, and telling which must be executed again."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import yaml
from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml

from repro.build.parameters import Parameters, read_parameters
from repro.data.source import folder_state
from repro.edition import EDITIONS, Edition
from repro.errors import InputError
from repro.figures.markup import RUNS_MIME
from repro.store.provenance import code_fingerprint, revision
from repro.store.store import Store

# A page is executed again when the version of one of these changes, even where a person does not use the lock.
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
        """The name on the command line: the docname without its folder."""
        return Path(self.docname).name

    @property
    def is_notebook(self) -> bool:
        """Whether the page is executed; a Markdown page is only copied."""
        return self.path.suffix == ".py"

    def executed(self, source: Path) -> Path:
        """Where the executed notebook is: in the folder `source` of an edition."""
        return source / f"{self.docname}.ipynb"

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        """The source as an unexecuted notebook.

        Raises:
            InputError: the file is not UTF-8.
        """
        try:
            notebook = jupytext.read(self.path, fmt="py:percent")
        except UnicodeDecodeError:
            raise InputError(f"{self.path.name} is not UTF-8: save it as that") from None
        notebook.metadata.setdefault(
            "kernelspec", {"name": "python3", "display_name": "Python 3", "language": "python"}
        )
        return notebook

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
    except (MalformedError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"_toc.yml: {' '.join(str(error).split())}") from None
    pages = {}
    for docname in docnames:
        found = [path for suffix in (".py", ".md") if (path := root / f"{docname}{suffix}").is_file()]
        if not found:
            raise InputError(f"_toc.yml names {docname}, but there is no {docname}.py or {docname}.md")
        page = Page(docname, found[0])
        pages[page.name] = page
    return pages


def fingerprint(page: Page, values: Mapping[str, Any], root: Path, edition: Edition, store: Store) -> str:
    """Return a SHA-256 over all that a page's outputs depend on, but for its own edition's runs in the store."""
    files = [root / "requirements.lock", *sorted((root / EDITIONS).glob("*.yml"))]  # a page may show two editions
    if "measurement" in page.parameters():  # the page shows what `python -m benchmarks` measured
        files.append(root / (values.get("measurement") or store.root / "bench.json"))
    beside = values.get("beside", page.parameters()["beside"].default) if "beside" in page.parameters() else ""
    folders = [root / folder for folder in (edition.data_root, edition.impulse_responses, "results") if folder]
    content = {
        "page": _digest(page.path),
        "parameters": dict(values),
        "files": [_digest(file) if file.is_file() else None for file in files],
        "folders": [folder_state(str(folder)) for folder in folders],
        "code": code_fingerprint(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "revision": revision() if "measurement" in page.parameters() else None,  # the status page shows both
        "runs of another edition": present_runs(store) if beside not in ("", edition.name) else None,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def stamp_path(executed: Path) -> Path:
    """Where the stamp of an executed notebook is: beside it."""
    return executed.with_suffix(".stamp.json")


def write_stamp(executed: Path, page_fingerprint: str, present: str) -> None:
    """Record what an executed notebook was made from, its runs and, where it lacks some, those there were (`present`).

    Args:
        executed: the notebook.
        page_fingerprint: `fingerprint` of its page.
        present: `present_runs` from before it was executed: a run that came meanwhile may be missing in it.
    """
    gaps = any(_GAP in str(data.get("text/html", "")) for data in _outputs(executed))
    runs = sorted(recorded_runs(executed))
    stamp = {"fingerprint": page_fingerprint, "runs": runs, "gaps": present if gaps else None}
    stamp_path(executed).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")


def is_current(executed: Path, page_fingerprint: str, store: Store) -> bool:
    """Whether an executed notebook need not be executed again.

    It was made from the same input, its runs are still in the store and, where it lacked some, no other run is there.
    """
    try:
        stamp = json.loads(stamp_path(executed).read_text(encoding="utf-8"))
        whole = all(key in store for key in stamp["runs"])
        as_it_was = stamp["gaps"] is None or stamp["gaps"] == present_runs(store)
        return executed.is_file() and stamp["fingerprint"] == page_fingerprint and whole and as_it_was
    except (OSError, ValueError, KeyError, TypeError):
        return False  # no stamp, or half of one


def present_runs(store: Store) -> str:
    """A digest of which runs a store has, and which failed."""
    return hashlib.sha256(" ".join([*store.finished(), "failed", *store.failed()]).encode()).hexdigest()


def recorded_runs(executed: Path) -> set[str]:
    """Collect the keys of all runs that an executed notebook's outputs name."""
    return {key for data in _outputs(executed) for key in data.get(RUNS_MIME, [])}


_GAP = 'class="repro-missing"'  # what the HTML of a page has where runs are missing (`repro.figures.page.provenance`)


def _outputs(executed: Path) -> Iterator[dict[str, Any]]:
    """What the cells of an executed notebook show, by type."""
    for cell in nbformat.read(executed, as_version=4).cells:
        for output in cell.get("outputs", []):
            yield output.get("data", {})


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

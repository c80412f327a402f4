"""The book's pipeline: pages are executed into `_build/<edition>/source`; Jupyter Book makes the HTML from there."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import yaml
from filelock import FileLock, Timeout

from repro.build.executed import fill_in
from repro.build.execution import execute_pages
from repro.build.gate import check_book
from repro.build.links import resolve_targets
from repro.build.pages import BuildError, Page, read_pages, stamp_path
from repro.build.parameters import resolve
from repro.edition import open_edition
from repro.errors import InputError

_JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"  # the package cannot be run with -m


def build(
    root: Path,
    edition_name: str = "quick",
    only: str | None = None,
    given: Sequence[tuple[str, Any]] = (),
    fresh: bool = False,
) -> Path:
    """Build an edition of the book in `root` and return the path of its first HTML page.

    A page whose source, parameters, code and runs are those of its last execution is not executed again, unless
    `fresh`. With `only`, that page alone is executed; the others stay as they were last executed, and those that
    never were are left out. The HTML of the previous build stays until the new one has passed every check.

    Raises:
        InputError: an unknown edition, page or parameter, a value of the wrong type, or no permission to write.
        BuildError: a cell failed, Jupyter Book warned, or the result has faults.
    """
    pages = read_pages(root)
    if only is not None:
        only = Path(only).name.removesuffix(".py").removesuffix(".md")
        if only not in pages:
            raise InputError(f"no page '{only}'; there are: {', '.join(pages)}")
    parameters = {name: page.parameters() for name, page in pages.items()}
    edition, values = resolve(parameters, root, edition_name, given, only)

    folder = root / "_build" / edition_name
    with locked(folder, f"edition '{edition_name}'"):
        notebooks = [page for page in pages.values() if page.is_notebook and only in (None, page.name)]
        execute_pages(root, folder, edition, notebooks, values, fresh)
        _stage(root, folder / "source", pages)
        return _render(folder) / "index.html"


def render(root: Path, edition_name: str = "quick") -> Path:
    """Make the HTML from notebooks that were executed before, perhaps on another machine; return its first page.

    Raises:
        InputError: the edition is unknown, or a page of `_toc.yml` was never executed.
        BuildError: Jupyter Book warned, or the result has faults.
    """
    open_edition(edition_name, root)
    missing = never_executed(root, edition_name)
    if missing:
        raise InputError(f"edition '{edition_name}': never executed: {', '.join(missing)}")
    pages, folder = read_pages(root), root / "_build" / edition_name
    with locked(folder, f"edition '{edition_name}'"):
        _stage(root, folder / "source", pages)
        return _render(folder) / "index.html"


def never_executed(root: Path, edition_name: str) -> list[str]:
    """The pages that were never executed for an edition, without which its book cannot be rendered."""
    source = root / "_build" / edition_name / "source"
    notebooks = [page for page in read_pages(root).values() if page.is_notebook]
    return [page.name for page in notebooks if not page.executed(source).is_file()]


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Create a folder of `_build` and hold its lock: two builds must not write there.

    Raises:
        InputError: another process holds the lock, or something cannot be written or read.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock").acquire(timeout=0):
            yield
    except Timeout:
        raise InputError(f"{what} is being built by another process") from None
    except shutil.Error as error:  # of many files: the first one's
        raise InputError(f"{what} cannot be built in {folder}: {error.args[0][0][-1]}") from None
    except OSError as error:
        place = f" ({error.filename})" if error.filename not in (None, str(folder)) else ""
        raise InputError(f"{what} cannot be built in {folder}: {error.strerror or error}{place}") from None


def _stage(root: Path, source: Path, pages: dict[str, Page]) -> None:
    """Lay everything that is not executed beside the executed notebooks, and remove what no longer belongs there."""
    notebooks = {page.executed(source) for page in pages.values() if page.is_notebook}
    keep = notebooks | {stamp_path(notebook) for notebook in notebooks}
    for path in source.rglob("*"):
        if path.is_file() and path not in keep:
            path.unlink()
    executed = shutil.ignore_patterns("*.py", "*.ipynb", "__pycache__", "editions", ".*")
    shutil.copytree(root / "book", source / "book", ignore=executed, copy_function=shutil.copyfile, dirs_exist_ok=True)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    config["execute"] = {**config.get("execute", {}), "execute_notebooks": "off"}
    (source / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")

    present = [page.docname for page in pages.values() if not page.is_notebook or page.executed(source).is_file()]
    if len(present) == len(pages):
        shutil.copyfile(root / "_toc.yml", source / "_toc.yml")
        return
    click.echo(f"{len(pages) - len(present)} of {len(pages)} pages have never been executed and are left out.")
    table: dict[str, Any] = {"format": "jb-book", "root": present[0]}
    if chapters := [{"file": docname} for docname in present[1:]]:  # an empty list is none to Jupyter Book
        table["chapters"] = chapters
    (source / "_toc.yml").write_text(yaml.safe_dump(table, sort_keys=False), encoding="utf-8")
    # Links to the missing pages are not faults.
    (source / "partial").touch()


def _render(folder: Path) -> Path:
    """Make the HTML from `folder/source` and return its folder; nothing is done where nothing has changed."""
    source, html, stamp, log = folder / "source", folder / "html", folder / "html.stamp", folder / "jupyter-book.log"
    content = _content(source)
    if stamp.is_file() and stamp.read_text() == content and not check_book(source, html):
        click.echo("HTML unchanged")
        return html
    start = time.monotonic()
    work = folder / "rendering"
    shutil.rmtree(work, ignore_errors=True)
    command = [sys.executable, "-c", _JUPYTER_BOOK, "build", str(source), "--path-output", str(work)]
    if not (source / "partial").exists():
        command += ["-W", "--keep-going"]
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        lines = click.unstyle(log.read_text(encoding="utf-8", errors="replace")).splitlines()
        told = [line.replace(f"{source}/", "") for line in lines if "WARNING" in line or "ERROR" in line]
        raise BuildError("\n  ".join(["Jupyter Book failed:", *(told or lines[-5:]), f"all of it: {log}"]))
    built = work / "_build" / "html"
    dangling = resolve_targets(built)
    fill_in(built, source)
    faults = check_book(source, built) + ([] if (source / "partial").exists() else dangling)
    if faults:
        raise BuildError("\n  ".join(["the built book has faults:", *faults, f"to look at: {built}"]))
    stamp.unlink(missing_ok=True)
    previous = folder / "html.previous"
    shutil.rmtree(previous, ignore_errors=True)
    if html.exists():
        html.rename(previous)
    built.rename(html)
    shutil.rmtree(previous, ignore_errors=True)
    shutil.rmtree(work)
    stamp.write_text(content)
    click.echo(f"HTML made in {time.monotonic() - start:.1f} s")
    return html


def _content(source: Path) -> str:
    """A SHA-256 over every file that the HTML is made from, and the tools' versions."""
    tools = ("jupyter-book", "sphinx", "sphinx-book-theme", "myst-nb")
    digest = hashlib.sha256(" ".join(map(version, tools)).encode())
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.name.endswith(".stamp.json"):
            digest.update(f"{path.relative_to(source)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()

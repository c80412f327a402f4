"""Where the project lies."""

from __future__ import annotations

from pathlib import Path

from repro.errors import InputError


def project_root() -> Path:
    """The folder of the book, which holds `_toc.yml`: the working directory, or the nearest above it.

    Raises:
        InputError: there is none.
    """
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "_toc.yml").is_file():
            return folder
    raise InputError(f"{here} is not in the book's folder: go to the folder that holds _toc.yml")

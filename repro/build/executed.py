"""The status page's table of pages: when each was executed and how long it took, which only the build knows."""

from __future__ import annotations

import json
from pathlib import Path

from sphinx_external_toc.parsing import parse_toc_yaml

from repro.build.pages import recorded_runs
from repro.figures.markup import EXECUTED, row, table


def fill_in(html: Path, source: Path) -> None:
    """Put the table where a page of the built book has a place for it (`EXECUTED`).

    Args:
        html: the folder of the built book; its pages are rewritten.
        source: the folder of `_toc.yml` with the executed notebooks.
    """
    notebooks = [source / f"{docname}.ipynb" for docname in parse_toc_yaml(source / "_toc.yml")]
    rows = [_row(notebook) for notebook in notebooks if notebook.is_file()]
    filled = table("dataframe", ("page", "executed (UTC)", "seconds", "runs"), rows)
    for path in html.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if EXECUTED in text:
            path.write_text(text.replace(EXECUTED, filled), encoding="utf-8")


def _row(notebook: Path) -> str:
    told = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["papermill"]
    start = told["start_time"][:16].replace("T", " ")
    return row((notebook.stem, start, f"{told['duration']:.0f}", len(recorded_runs(notebook))))

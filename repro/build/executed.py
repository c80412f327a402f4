"""The status page's table of pages: when each was executed and how long it took, which only the build knows."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from sphinx_external_toc.parsing import parse_toc_yaml

from repro.build.pages import recorded_runs

PLACE = '<table class="repro-pages"></table>'
"""What a page has where the table goes."""


def fill_in(html: Path, source: Path) -> None:
    """Put the table where a page of the built book has a place for it.

    Args:
        html: the folder of the built book; its pages are rewritten.
        source: the folder of `_toc.yml` with the executed notebooks.
    """
    rows = [_row(docname, source / f"{docname}.ipynb") for docname in parse_toc_yaml(source / "_toc.yml")]
    head = "".join(f"<th>{name}</th>" for name in ("page", "executed (UTC)", "seconds", "runs"))
    table = f'<table class="dataframe"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    for path in html.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if PLACE in text:
            path.write_text(text.replace(PLACE, table), encoding="utf-8")


def _row(docname: str, notebook: Path) -> str:
    """A page's row; nothing for one that is not executed."""
    if not notebook.is_file():
        return ""
    told = json.loads(notebook.read_text(encoding="utf-8"))["metadata"].get("papermill", {})
    start, seconds = str(told.get("start_time") or "")[:16].replace("T", " "), told.get("duration")
    cells = [start, "" if seconds is None else f"{seconds:.0f}", str(len(recorded_runs(notebook)))]
    return f"<tr><th>{escape(Path(docname).name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"

"""The gate: what a built book must fulfil before it counts as built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
from bs4 import BeautifulSoup
from sphinx_external_toc.parsing import parse_toc_yaml

# Markup that a reader must never see: it stands in a page where a role or a reference was not resolved.
_RAW_MARKUP = re.compile(r"\{(?:cite|numref|ref|eq|doc|term|glue|math|figure|note|table)(?::[a-z]+)?\}|\?\?\?|\(\?\)")
_OBJECT = re.compile(r"<[\w.]+ (?:object|at)\b[^>]*>")  # what Python prints of an object that has nothing to show
_HIDDEN = {"remove-output", "remove-cell", "remove_output", "remove_cell"}


def check_book(source: Path, html: Path) -> list[str]:
    """Return one line for every fault of a built book; an empty list means that the book is whole.

    `source` is the folder of `_toc.yml` with the executed notebooks, `html` that of the pages made from it.
    """
    docnames = parse_toc_yaml(source / "_toc.yml")
    return [f"{docname}: {fault}" for docname in docnames for fault in _check_document(docname, source, html)]


def _check_document(docname: str, source: Path, html: Path) -> Iterator[str]:
    notebook, page = source / f"{docname}.ipynb", html / f"{docname}.html"
    if notebook.is_file():
        yield from check_notebook(notebook)
        if not (html / "_sources" / f"{docname}.ipynb").is_file():
            yield "the executed notebook is not offered for download"
    elif not (source / f"{docname}.md").is_file():
        yield "there is no executed notebook"
    if page.is_file():
        yield from check_page(page)
    else:
        yield "the page is missing in the HTML"


def check_notebook(path: Path) -> Iterator[str]:
    """Yield the faults of an executed notebook: failed or unexecuted cells, warnings and objects that a reader sees."""
    number = 0
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        number += 1
        if cell.execution_count is None:
            yield f"code cell {number} was not executed"
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"code cell {number} failed: {output.ename}: {output.evalue}"
            visible = _HIDDEN.isdisjoint(cell.metadata.get("tags", []))
            warns = output.output_type == "stream" and output.name == "stderr"
            if visible and warns and "remove-stderr" not in cell.metadata.get("tags", []):
                yield f"code cell {number} wrote to stderr: {output.text.strip().splitlines()[-1]}"
            data = {kind: content for kind, content in output.get("data", {}).items() if content}
            if visible and data.keys() == {"text/plain"} and _OBJECT.fullmatch(data["text/plain"]):
                yield f"code cell {number} shows {data['text/plain']}"


def check_page(path: Path) -> Iterator[str]:
    """Yield the faults of an HTML page: missing files, images without alternative text, markup left raw."""
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    for element in page.find_all(["img", "audio", "source", "video", "script", "link"]):
        address = str(element.get("src") or (element.get("href") if element.name == "link" else "") or "")
        parts = urlsplit(address)
        if address and not parts.scheme and not parts.netloc and not (path.parent / unquote(parts.path)).is_file():
            yield f"{address} is missing"
    article = page.find("article") or page
    for image in article.find_all("img"):
        alt, address = str(image.get("alt") or "").strip(), str(image.get("src"))
        # docutils uses the file's address where an image has no alternative text.
        if not alt or Path(alt).name == Path(address).name:
            yield f"image {address[:60]} has no alternative text"
    for reference in article.find_all(class_="xref"):
        if reference.find_parent("a") is None:
            yield f"unresolved reference: {reference.get_text(strip=True)}"
    for verbatim in [*article.find_all(["pre", "code", "script", "style"]), *article.find_all(class_="math")]:
        verbatim.extract()
    for match in _RAW_MARKUP.finditer(article.get_text(" ")):
        yield f"markup left raw: {match.group()}"

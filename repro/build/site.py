"""One site of several editions: their books side by side, each page with a switch to the same page of the others."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from html import escape
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from repro.build.book import locked
from repro.build.links import relative
from repro.files.atomic import new_file

_PLACE = '<div class="bd-article-container">'
"""In this element of the theme, which holds what a page says, the switch comes first."""

_FIRST = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="refresh" content="0; url={target}"><link rel="canonical" href="{target}"></head>
<body><p><a href="{target}">{title}</a></p></body></html>
"""


def assemble(books: Mapping[str, Path], titles: Mapping[str, str], site: Path, archive: Path) -> Path:
    """Copy built books into one folder, link their pages, and pack the whole as a ZIP that opens from a folder.

    Args:
        books: the folder of the HTML by edition; the first one is in front.
        titles: of the editions.
        site: the folder that is replaced.
        archive: the ZIP.

    Returns:
        The site's first page.

    Raises:
        InputError: another process builds the site or one of the books, or the site cannot be written.
    """
    folders = {html.parent: f"edition '{edition}'" for edition, html in books.items()} | {
        site.with_name(".site"): "the site"
    }
    with ExitStack() as locks:
        for folder, what in folders.items():
            locks.enter_context(locked(folder, what))
        return _assemble(books, titles, site, archive)


def _assemble(books: Mapping[str, Path], titles: Mapping[str, str], site: Path, archive: Path) -> Path:
    aside = site.with_name(f"{site.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    for edition, html in books.items():
        shutil.copytree(html, aside / edition)
    names = list(books)
    for edition in names:
        for path in sorted((aside / edition).rglob("*.html")):
            text = path.read_text(encoding="utf-8")
            if len(names) > 1 and _PLACE in text:
                switch = _switch(path, edition, names, titles, aside)
                path.write_text(text.replace(_PLACE, _PLACE + switch, 1), encoding="utf-8")
    first = f"{names[0]}/book/index.html"
    page = _FIRST.format(target=first, title=escape(titles[names[0]]))
    (aside / "index.html").write_text(page, encoding="utf-8")
    (aside / ".nojekyll").touch()  # GitHub Pages leaves out folders that begin with "_" otherwise
    shutil.rmtree(site, ignore_errors=True)
    aside.rename(site)
    _pack(site, archive)
    return site / first


def _switch(page: Path, edition: str, names: Sequence[str], titles: Mapping[str, str], root: Path) -> str:
    """Links from a page to itself in the other editions; to their first page where they do not have it."""
    inside = page.relative_to(root / edition)
    items = []
    for name in names:
        if name == edition:
            items.append(f'<span aria-current="true">{escape(titles[name])}</span>')
            continue
        target = root / name / inside
        target = target if target.is_file() else root / name / "book" / "index.html"
        items.append(f'<a href="{relative(target, page)}">{escape(titles[name])}</a>')
    return f'<nav class="repro-editions" aria-label="Editions">{" ".join(items)}</nav>'


def _pack(site: Path, archive: Path) -> None:
    with new_file(archive) as content, ZipFile(content, "w", ZIP_DEFLATED) as file:
        for path in sorted(site.rglob("*")):
            if path.is_file():
                file.write(path, Path(site.name) / path.relative_to(site))

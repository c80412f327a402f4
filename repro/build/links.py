"""Links of a built book that its pages cannot know: to each other, to their images and to their notebooks."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TARGET = re.compile(r'href="target:([\w-]+)"')
_IMAGE = re.compile(r'href="image:([\w-]+)"')
_ID = re.compile(r'<[^<>]*\bid="([\w-]+)"')


def resolve_targets(html: Path) -> list[str]:
    """Resolve the links that the pages' outputs hold.

    `target:NAME` leads to the element with that id, on whichever page it is; `image:NAME` to the image of the figure
    with that id on the same page; `notebook:` to the page's executed notebook.

    Args:
        html: the folder of the built book; its pages are rewritten.

    Returns:
        A line for every link whose element is not there, or on several pages; it leads nowhere, and its text stays.
    """
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(html.rglob("*.html"))}
    places: dict[str, set[Path]] = {}
    for path, text in pages.items():
        for name in _ID.findall(text):
            places.setdefault(name, set()).add(path)
    faults = []
    for path, text in pages.items():

        def link(match: re.Match[str], path: Path = path) -> str:
            name = match[1]
            found = places.get(name, set())
            if len(found) != 1:
                where = f"{len(found)} pages" if found else "no page"
                faults.append(f"{path.relative_to(html)}: a link to '{name}', which is on {where}")
                return ""
            (place,) = found
            target = "" if place == path else relative(place, path)
            return f'href="{target}#{name}"'

        def image(match: re.Match[str], path: Path = path, text: str = text) -> str:
            found = re.search(rf'id="{match[1]}".*?<img[^>]*\bsrc="([^"]+)"', text, re.DOTALL)
            if found is None:
                faults.append(f"{path.relative_to(html)}: a link to the image of '{match[1]}', which is not there")
                return ""
            return f'href="{found[1]}"'

        notebook = (html / "_sources" / path.relative_to(html)).with_suffix(".ipynb")
        resolved = _IMAGE.sub(image, _TARGET.sub(link, text))
        resolved = resolved.replace('href="notebook:"', f'href="{relative(notebook, path)}"')
        if resolved != text:
            path.write_text(resolved, encoding="utf-8")
    return faults


def relative(target: Path, page: Path) -> str:
    """The address of a file in a link on a page."""
    return Path(os.path.relpath(target, page.parent)).as_posix()

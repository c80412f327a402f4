"""Links between the pages of a built book that the pages themselves cannot know."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TARGET = re.compile(r'href="target:([\w-]+)"')
_ID = re.compile(r'<[^<>]*\bid="((?:fig|claim|table)-[\w-]+)"')


def resolve_targets(html: Path) -> list[str]:
    """Make every link `target:NAME` lead to the element with that id, on any page of the book.

    Args:
        html: the folder of the built book; its pages are rewritten.

    Returns:
        A line for every link whose element is on no page; it leads nowhere then, and its text stays.
    """
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(html.rglob("*.html"))}
    places = {name: path for path, text in pages.items() for name in _ID.findall(text)}
    faults = []
    for path, text in pages.items():

        def link(match: re.Match[str], path: Path = path) -> str:
            name = match[1]
            if name not in places:
                faults.append(f"{path.relative_to(html)}: a link to '{name}', which is on no page")
                return ""
            target = "" if places[name] == path else Path(os.path.relpath(places[name], path.parent)).as_posix()
            return f'href="{target}#{name}"'

        resolved = _TARGET.sub(link, text)
        if resolved != text:
            path.write_text(resolved, encoding="utf-8")
    return faults

"""A Sphinx extension: the pages carry MathJax with them, so that they can be read without a network.

Jupyter Book loads MathJax from a content delivery network. The wheel `sphinx-mathjax-offline` ships the same files; its
own extension copies all 15 MB of them, while the one-file build (fonts as paths, every TeX extension inside) is enough.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SCRIPT = "tex-svg-full.js"


def script_path() -> Path:
    """Where the installed MathJax script lies.

    Raises:
        FileNotFoundError: the distribution `sphinx-mathjax-offline` is not installed, or ships no such file.
    """
    # The wheel's module has hyphens in its name: it can be found, but not named in an import statement.
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("sphinx-mathjax-offline is not installed: pip install -r requirements.lock")
    path = Path(spec.origin).parent / "static" / "mathjax" / SCRIPT
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: this version of sphinx-mathjax-offline has no {SCRIPT}")
    return path


def _copy_script(app: Sphinx, error: Exception | None) -> None:
    from sphinx.util.fileutil import copy_asset

    if error is None and app.builder.format == "html":
        copy_asset(str(script_path()), str(Path(app.outdir) / "_static" / "mathjax"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Point Sphinx at the copied script and copy it when the pages are written."""
    app.connect("config-inited", lambda _app, config: setattr(config, "mathjax_path", f"mathjax/{SCRIPT}"))
    app.connect("build-finished", _copy_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

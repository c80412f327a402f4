"""A tiny book with the project's own configuration, and `repro book` run on it in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
REPRO = [sys.executable, "-c", "from repro.cli import main; main()"]
HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

"""
EDITION = """\
title: Tiny
dataset: synthetic
clip_seconds: 0.4
clips: 1
epochs: 2
warmup_epochs: 1
max_lr: 1.0e-3
batch_size: 4
seeds: [0]
widths: [2]
plateau_width: 2
depth_width: 2
depths: []
pointwise: []
compound: []
fit_widths: []
random_label_epochs: 2
reference_width: 2
sparse_widths: []
sparse_epochs: 2
erf_width: 2
erf_pointwise: 1
erf_deep_width: 2
erf_deep_pointwise: [0, 1]
erf_narrow: 2
erf_wide: 3
"""
"""An edition of ten runs of a second each; it does not train them by itself."""

WIDTHS = """\
# %% tags=["parameters"]
edition: str = "quick"
widths: list[int] = []
settings: dict = {}

# %%
from repro.edition import open_edition
from repro.sweep.available import runs_of

edition = open_edition(edition, widths=widths, **settings)
print(len(runs_of(edition, "width")), "runs")
"""
"""A page that shows the width study."""


def write_book(root: Path, pages: dict[str, str], edition: str = EDITION) -> Path:
    """Write a book of these pages; a name with a suffix is a file as it is, such as `references.md`."""
    (root / "book" / "editions").mkdir(parents=True)
    (root / "book" / "editions" / "quick.yml").write_text(edition)
    shutil.copy(ROOT / "_config.yml", root)
    shutil.copytree(ROOT / "book" / "_static", root / "book" / "_static")
    shutil.copy(ROOT / "book" / "references.bib", root / "book")
    for name, source in pages.items():
        path = root / "book" / (name if "." in name else f"{name}.py")
        path.write_text(source if "." in name else HEADER + source)
    first, *others = [name.partition(".")[0] for name in pages]
    chapters = "".join(f"- file: book/{name}\n" for name in others)
    table = f"format: jb-book\nroot: book/{first}\n" + (f"chapters:\n{chapters}" if chapters else "")
    (root / "_toc.yml").write_text(table)
    return root


def repro(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `repro book` in the folder of a book, for the edition `quick` unless another one is named."""
    edition = [] if "--edition" in arguments else ["--edition", "quick"]
    command = [*REPRO, "book", *edition, *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment(root))


def environment(root: Path) -> dict[str, str]:
    """Of a person who has a 'python3' in Jupyter that does not even start, and a start-up file in IPython."""
    home = root.parent / "home"
    kernel, startup = home / "kernels" / "python3", home / "ipython" / "profile_default" / "startup"
    for folder in (kernel, startup):
        folder.mkdir(parents=True, exist_ok=True)
    spec = {"argv": ["/nonexistent/python", "{connection_file}"], "display_name": "Another", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    (startup / "00-own.py").write_text("import builtins\n\nbuiltins.of_the_person = True\n")
    own = {name: value for name, value in os.environ.items() if not name.startswith(("REPRO_", "OMP_"))}
    own["LOKY_MAX_CPU_COUNT"] = "2"  # pages are executed side by side on any machine
    own["MPLBACKEND"] = "agg"
    return own | {"JUPYTER_PATH": str(home), "JUPYTER_DATA_DIR": str(home), "IPYTHONDIR": str(home / "ipython")}

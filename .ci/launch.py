"""Prepare what is pushed to the branch for Colab and Binder: `python3 .ci/launch.py OWNER/NAME BRANCH FOLDER`.

The executed notebooks of every edition in `_build`, each with a first cell that makes Colab ready, a README with their
launch links, and what Binder runs once the packages of `environment.yml` are installed. The same links are added to the
pages of `_build/site`: only here is it known where they lead. Needs Python only.
"""

import json
import sys
from pathlib import Path

COLAB = """\
import sys

if "google.colab" in sys.modules:  # elsewhere the package is installed already
    !git clone --quiet --depth 1 --branch {branch} https://github.com/{name} /content/book
    !pip install --quiet /content/book
    %cd -q /content/book
"""
PLACE = '<div class="bd-article-container">'
BUTTONS = (
    '<nav class="repro-launch" aria-label="This page as a notebook">Run this page: '
    '<a href="{colab}">Colab</a> <a href="{binder}">Binder</a></nav>'
)
README = """\
# The executed notebooks

Pushed by the workflow that published the book; replaced as a whole the next time.

| edition | page | | |
| --- | --- | --- | --- |
"""


def prepare(name: str, branch: str, build: Path, folder: Path) -> int:
    """Write the notebooks of `build` for the repository `name` into `folder`; return how many there are."""
    rows = []
    for path in sorted(build.glob("*/source/book/*.ipynb")):
        edition, page = path.parts[-4], path.stem
        notebook = json.loads(path.read_text("utf-8"))
        source = COLAB.format(name=name, branch=branch)
        cell = {"cell_type": "code", "id": "on-colab", "execution_count": None, "metadata": {"tags": ["remove-cell"]}}
        notebook["cells"].insert(0, cell | {"outputs": [], "source": source})
        place = f"executed/{edition}/{page}.ipynb"
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
        here = f"https://github.com/{name}/blob/{branch}/{place}"
        colab = f"https://colab.research.google.com/github/{name}/blob/{branch}/{place}"
        binder = f"https://mybinder.org/v2/gh/{name}/{branch}?labpath={place}"
        html = build / "site" / edition / "book" / f"{page}.html"
        if html.is_file():
            text = html.read_text("utf-8")
            html.write_text(text.replace(PLACE, PLACE + BUTTONS.format(colab=colab, binder=binder), 1), "utf-8")
        rows.append(f"| {edition} | [{page}]({here}) | [Colab]({colab}) | [Binder]({binder}) |\n")
    if not rows:
        sys.exit(f"{build} has no executed notebooks")
    (folder / "executed" / "README.md").write_text(README + "".join(rows), "utf-8")
    binder_setup = folder / "postBuild"
    binder_setup.write_text("#!/bin/bash\nexec pip install --no-deps .\n", "utf-8")
    binder_setup.chmod(0o755)
    return len(rows)


if __name__ == "__main__":
    print(prepare(sys.argv[1], sys.argv[2], Path("_build"), Path(sys.argv[3])), "notebooks")

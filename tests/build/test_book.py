"""The pipeline on a tiny book: two notebooks and a Markdown page, built once, then changed in copies."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
import tiny
from bs4 import BeautifulSoup
from filelock import FileLock

from repro.build.pages import fingerprint, read_pages

ROOT = Path(__file__).parents[2]
REPRO = [sys.executable, "-c", "from repro.cli import main; main()"]
HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

"""
INDEX = """\
# %% [markdown]
# # A tiny book
#
# As {cite:t}`golubeva2021are` say of {ref}`the line <fig-line>`: $W \\to \\infty$.

# %% tags=["parameters"]
seed: int = 1  # where the numbers start

# %%
import os
import sys

print(sys.executable)
print(os.environ["REPRO_STORE"], os.getcwd())

# Progress is not for the page; neither this nor tqdm's warning about it may fail the gate.
from tqdm.auto import tqdm

for _ in tqdm(range(3)):
    pass
"""
NUMBERS = """\
# %% [markdown]
# # Numbers

# %% tags=["parameters"]
widths: list[int] = [1, 2]  # the line
seed: int = 1

# %% mystnb={"figure": {"caption": "A line.", "name": "fig-line"}, "image": {"alt": "A rising line"}}
import matplotlib.pyplot as plt

fig, ax = plt.subplots()
_ = ax.plot(widths)

# %%
from IPython.display import display

display({"application/x-repro-runs+json": {"runs": ["abc"], "data": []}, "text/html": "from 1 run"}, raw=True)
print("widths", widths)
"""

WIDTH_STUDY = """\
# %% [markdown]
# # Width

# %% tags=["parameters"]
dataset: str = "synthetic"
data_root: str = ""
impulse_responses: str = ""
microphones: int = 0
split: str = "paper"
clip_seconds: float = 0.4
clips: int = 1
seeds: list[int] = [0, 1]
epochs: int = 2
warmup_epochs: int = 1
max_lr: float = 1e-3
batch_size: int = 4
roll: str = "hops"
precision: str = "fp32"
widths: list[int] = [2]

# %%
import os
from pathlib import Path

print(len(list(Path(os.environ["REPRO_STORE"]).glob("runs/*/manifest.json"))), "runs")
"""
"""A page whose runs the build knows by its name; it trains nothing itself."""


def write_book(root: Path) -> Path:
    """Write the tiny book's sources with the project's own configuration."""
    (root / "book" / "editions").mkdir(parents=True)
    shutil.copy(ROOT / "_config.yml", root)
    shutil.copytree(ROOT / "book" / "_static", root / "book" / "_static")
    for name in ("references.bib", "references.md"):
        shutil.copy(ROOT / "book" / name, root / "book")
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n- file: book/02-numbers\n- file: book/references\n"
    )
    (root / "book" / "index.py").write_text(HEADER + INDEX)
    (root / "book" / "02-numbers.py").write_text(HEADER + NUMBERS)
    (root / "book" / "editions" / "quick.yml").write_text("title: Quick\n")
    (root / "book" / "editions" / "wide.yml").write_text("title: Wide\npages:\n  02-numbers: {widths: [8, 16]}\n")
    (root / "_store" / "runs" / "abc").mkdir(parents=True)
    return root


def repro(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*REPRO, "book", *arguments], cwd=root, capture_output=True, text=True, env=environment(root))


def environment(root: Path) -> dict[str, str]:
    """The person running this has a 'python3' of their own in Jupyter, which does not even start."""
    kernel = root.parent / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True, exist_ok=True)
    spec = {"argv": ["/nonexistent/python", "{connection_file}"], "display_name": "Another", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REPRO_")}
    kept["LOKY_MAX_CPU_COUNT"] = "2"  # pages are executed side by side on any machine
    return kept | {"JUPYTER_PATH": str(root.parent / "jupyter"), "JUPYTER_DATA_DIR": str(root.parent / "jupyter")}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_book(tmp_path_factory.mktemp("built") / "tiny")
    done = repro(root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = re.sub(r"\d+\.\d s", "N s", done.stdout).splitlines()
    # Side by side, whichever is the first to finish.
    assert sorted(re.sub(r"^\[[12]/2\] ", "", line) for line in lines[:2]) == [
        "02-numbers  executed in N s",
        "index       executed in N s",
    ]
    assert [line[:6] for line in lines[:2]] == ["[1/2] ", "[2/2] "]
    assert lines[2:] == [
        "HTML made in N s",
        f"The book: {root}/_build/quick/html/index.html",
    ]
    return root


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built, tmp_path / "tiny")


def outputs(root: Path, page: str, edition: str = "quick") -> str:
    notebook = nbformat.read(root / "_build" / edition / "source" / "book" / f"{page}.ipynb", as_version=4)
    return "".join(o.text for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "stream")


def test_kernels_are_the_running_interpreter_at_the_root_with_the_store(built: Path):
    assert outputs(built, "index").splitlines() == [sys.executable, f"{built}/_store {built}"]


def test_the_pages_are_whole(built: Path):
    html = built / "_build" / "quick" / "html"
    page = BeautifulSoup((html / "book" / "index.html").read_text(), "html.parser")
    text = page.find("article").get_text(" ", strip=True)
    assert "As Golubeva et al. [ 2021 ] say of the line" in text
    assert page.find("article").find("span", class_="math").get_text() == "\\(W \\to \\infty\\)"
    image = BeautifulSoup((html / "book" / "02-numbers.html").read_text(), "html.parser").find("article").find("img")
    assert image["alt"] == "A rising line"
    assert (html / "index.html").read_text() == '<meta http-equiv="Refresh" content="0; url=book/index.html" />\n'


def test_the_pages_ask_for_nothing_from_elsewhere(built: Path):
    html = built / "_build" / "quick" / "html"
    for path in html.glob("**/*.html"):
        page = BeautifulSoup(path.read_text(), "html.parser")
        addresses = [e.get("src") or "" for e in page.find_all(["script", "img", "iframe"])]
        addresses += [e.get("href") or "" for e in page.find_all("link")]
        assert [address for address in addresses if address.startswith(("http", "//"))] == []
    assert (html / "_static" / "mathjax" / "tex-svg-full.js").stat().st_size > 1_000_000


def test_the_executed_notebook_is_offered_without_paths_of_this_machine(built: Path):
    source = built / "_build" / "quick" / "html" / "_sources" / "book" / "02-numbers.ipynb"
    notebook = nbformat.read(source, as_version=4)
    assert [c.execution_count for c in notebook.cells if c.cell_type == "code"] == [1, 2, 3]
    assert "input_path" not in notebook.metadata.papermill
    assert str(built) not in source.read_text()


def test_what_pages_need_is_trained_before_they_are_executed(copy: Path):
    tiny.store(copy / "_store")
    (copy / "book" / "05-1-width.py").write_text(HEADER + WIDTH_STUDY)
    (copy / "_toc.yml").write_text("format: jb-book\nroot: book/05-1-width\n")
    done = repro(copy, "-p", "seeds=[5]", "-p", "widths=[2, 3]")
    assert done.returncode == 0, done.stderr
    assert outputs(copy, "05-1-width") == "4 runs\n"
    assert "training 4 runs: 100%" in done.stderr.splitlines()[-1]  # a log, not a terminal: whole lines
    assert "\r" not in done.stderr


def test_a_page_that_fails_lets_the_page_beside_it_finish(copy: Path):
    slow = "\n# %%\nimport time\n\nopen('begun', 'w').close()\ntime.sleep(3)\nprint('slept')\n"
    failing = "\n# %%\nimport os\nimport time\n\nwhile not os.path.exists('begun'):\n    time.sleep(0.1)\n1 / 0\n"
    for name, more in (("index", slow), ("02-numbers", failing)):
        source = copy / "book" / f"{name}.py"
        source.write_text(source.read_text() + more)
    done = repro(copy)
    assert done.returncode == 1
    assert done.stderr.startswith("repro: page '02-numbers' failed in code cell 4: ZeroDivisionError")
    assert done.stdout.startswith("[1/2] 02-numbers  failed\n[2/2] index       executed in ")
    assert outputs(copy, "index").endswith("slept\n")


def test_nothing_changed_nothing_done(copy: Path):
    done = repro(copy)
    assert done.stdout.splitlines() == [
        "[1/2] index       unchanged",
        "[2/2] 02-numbers  unchanged",
        "HTML unchanged",
        f"The book: {copy}/_build/quick/html/index.html",
    ]


def test_a_page_whose_run_is_gone_is_executed_again_and_a_missing_html_page_made_again(copy: Path):
    (copy / "_store" / "runs" / "abc").rmdir()
    page = copy / "_build" / "quick" / "html" / "book" / "index.html"
    page.unlink()
    done = repro(copy)
    assert "index       unchanged" in done.stdout
    assert "02-numbers  executed" in done.stdout
    assert page.is_file()


def test_the_page_that_shows_the_last_measurement_depends_on_it_and_no_other_does(tmp_path: Path):
    pages = read_pages(ROOT)
    states = []
    for content in (None, "{}", "{} "):
        if content is not None:
            (tmp_path / "bench.json").write_text(content)
        states.append([fingerprint(pages[name], {}, ROOT, tmp_path) for name in ("E-speed", "index")])
    speed, index = zip(*states, strict=True)
    assert (len(set(speed)), len(set(index))) == (3, 1)
    named = [fingerprint(pages["E-speed"], {"measurement": path}, ROOT, tmp_path) for path in ("README.md", "absent")]
    assert len({*speed, *named}) == 5


def test_a_value_that_a_cell_refuses_is_bad_input(copy: Path):
    source = copy / "book" / "02-numbers.py"
    refusal = "\n# %%\nfrom repro.experiment import ModelConfig\n\nModelConfig(width=widths[0])\n"
    source.write_text(source.read_text() + refusal)
    done = repro(copy, "--only", "02-numbers", "-p", "widths=[0]")
    assert done.stderr == (
        "repro: page '02-numbers': ModelConfig.width = 0: input should be greater than or equal to 1\n"
    )
    assert done.returncode == 2
    assert list((copy / "_build" / "quick" / "executing").iterdir()) == []


def test_a_failing_cell_is_named_and_leaves_the_previous_book(copy: Path):
    page = copy / "_build" / "quick" / "html" / "book" / "02-numbers.html"
    before = page.read_bytes()
    source = copy / "book" / "02-numbers.py"
    source.write_text(source.read_text() + "\n# %%\n1 / 0\n")
    done = repro(copy)
    assert done.returncode == 1
    partial = copy / "_build" / "quick" / "executing" / "02-numbers.ipynb"
    assert done.stderr == (
        "repro: page '02-numbers' failed in code cell 4: ZeroDivisionError: division by zero "
        f"(executed so far: {partial})\n"
    )
    assert partial.is_file()
    assert page.read_bytes() == before


def test_a_warning_of_jupyter_book_fails_the_build_and_leaves_the_previous_book(copy: Path):
    before = (copy / "_build" / "quick" / "html" / "book" / "references.html").read_bytes()
    (copy / "book" / "references.md").write_text("# References\n\nSee {ref}`a figure <fig-none>`.\n")
    done = repro(copy)
    assert done.returncode == 1
    assert "book/references.md:3: WARNING: " in done.stderr
    assert "fig-none" in done.stderr
    assert (copy / "_build" / "quick" / "html" / "book" / "references.html").read_bytes() == before


def test_a_page_that_warns_its_reader_fails_the_gate(copy: Path):
    source = copy / "book" / "index.py"
    source.write_text(source.read_text() + '\n# %%\nimport warnings\n\nwarnings.warn("old", stacklevel=1)\n')
    done = repro(copy)
    assert done.returncode == 1
    assert "repro: the built book has faults:\n  book/index: code cell 3 wrote to stderr: " in done.stderr


def test_one_page_alone_with_other_parameters(copy: Path):
    done = repro(copy, "--only", "02-numbers", "-p", "widths=[8, 16, 32]")
    assert done.returncode == 0, done.stderr
    assert "index" not in done.stdout.splitlines()[0]
    assert outputs(copy, "02-numbers") == "widths [8, 16, 32]\n"
    assert (copy / "_build" / "quick" / "html" / "book" / "index.html").is_file()


def test_one_page_of_an_edition_that_was_never_built(copy: Path):
    done = repro(copy, "--edition", "wide", "--only", "book/02-numbers.py")
    assert done.returncode == 0, done.stderr
    assert "1 of 3 pages have never been executed and are left out." in done.stdout
    assert outputs(copy, "02-numbers", "wide") == "widths [8, 16]\n"
    html = copy / "_build" / "wide" / "html" / "book"
    assert sorted(path.name for path in html.glob("*.html")) == ["02-numbers.html", "references.html"]

    # Rendering alone takes what was executed as it is, and executes nothing.
    refused = repro(copy, "--edition", "wide", "--no-execute")
    assert (refused.returncode, refused.stderr) == (2, "repro: edition 'wide': never executed: index\n")


def test_a_page_without_a_parameters_cell_is_refused(copy: Path):
    (copy / "book" / "index.py").write_text(HEADER + "# %%\nprint(1)\n")
    done = repro(copy)
    assert (done.returncode, done.stderr) == (2, "repro: index.py: one cell must be tagged 'parameters', here are 0\n")


def test_a_table_of_contents_that_names_no_file_is_refused(copy: Path):
    (copy / "book" / "index.py").unlink()
    done = repro(copy)
    message = "repro: _toc.yml names book/index, but there is no book/index.py or book/index.md\n"
    assert (done.returncode, done.stderr) == (2, message)


def test_two_builds_of_an_edition_do_not_run_at_once(copy: Path):
    with FileLock(copy / "_build" / "quick" / ".lock"):
        done = repro(copy)
    assert (done.returncode, done.stderr) == (2, "repro: edition 'quick' is being built by another process\n")


def test_an_interrupted_build_ends_with_130_and_leaves_the_previous_book(copy: Path):
    source = copy / "book" / "index.py"
    source.write_text(source.read_text() + "\n# %%\nimport time\n\nopen('sleeping', 'w').close()\ntime.sleep(60)\n")
    process = subprocess.Popen([*REPRO, "book"], cwd=copy, stderr=subprocess.PIPE, text=True, env=environment(copy))
    deadline = time.monotonic() + 30
    while not (copy / "sleeping").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[1] == "repro: interrupted\n"
    assert process.returncode == 130
    assert (copy / "_build" / "quick" / "html" / "book" / "index.html").is_file()


def test_plain_papermill_executes_a_page_with_other_parameters(copy: Path):
    """The way that README describes, without the `repro` command."""
    run = {"cwd": copy, "check": True, "capture_output": True, "text": True}
    bin_ = Path(sys.executable).parent
    subprocess.run([bin_ / "jupytext", "--to", "ipynb", "-o", "page.ipynb", "book/02-numbers.py"], **run)
    subprocess.run([bin_ / "papermill", "page.ipynb", "executed.ipynb", "-y", "widths: [5, 6]"], **run)
    assert "widths [5, 6]" in (copy / "executed.ipynb").read_text()


def test_plain_jupyter_book_executes_the_defaults(copy: Path):
    source = copy / "book" / "index.py"
    source.write_text(
        HEADER + '# %% [markdown]\n# # T\n\n# %% tags=["parameters"]\nseed: int = 1\n\n# %%\nprint(seed + 41)'
    )
    (copy / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    shutil.rmtree(copy / "_build")
    command = [Path(sys.executable).parent / "jupyter-book", "build", "-W", "--keep-going", "."]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "42" in BeautifulSoup((copy / "_build/html/book/index.html").read_text(), "html.parser").get_text()

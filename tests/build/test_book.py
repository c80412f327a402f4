"""The pipeline on a tiny book: two notebooks and a Markdown page, built once, then changed in copies."""

import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import chdir
from pathlib import Path

import nbformat
import pytest
import tiny
from bs4 import BeautifulSoup
from click.testing import CliRunner
from filelock import FileLock
from tiny_book import EDITION, HEADER, REPRO, WIDTHS, environment, repro, write_book

from repro.build import execution
from repro.build.pages import fingerprint, read_pages, stamp_path
from repro.cli import main
from repro.edition import open_edition
from repro.errors import InputError
from repro.store.store import Store

ROOT = Path(__file__).parents[2]
INDEX = """\
# %% [markdown]
# # A tiny book
#
# As {cite:t}`golubeva2021are` say of {ref}`the line <fig-line>`: $W \\to \\infty$.

# %% tags=["parameters"]
seed: int = 1  # where the numbers start

# %%
import builtins
import os
import sys

print(sys.executable, os.getcwd())
print("threads:", os.environ["OMP_NUM_THREADS"])
print("start-up file of the person:", hasattr(builtins, "of_the_person"))

# Progress is not for the page; neither this nor tqdm's warning about it may fail the gate.
from tqdm.auto import tqdm

for _ in tqdm(range(3)):
    pass

# %%
from IPython.display import HTML

HTML('<a href="target:fig-line">the line</a>')
"""
NUMBERS = """\
# %% [markdown]
# # Numbers

# %% tags=["parameters", "hide-input"]
edition: str = "quick"
widths: list[int] = [1, 2]  # the line
settings: dict = {}

# %% mystnb={"figure": {"caption": "A line.", "name": "fig-line"}, "image": {"alt": "A rising line"}}
import matplotlib.pyplot as plt

fig, ax = plt.subplots()
_ = ax.plot(widths)

# %%
from IPython.display import display

display({"application/x-repro-runs+json": ["abc"], "text/html": "from 1 run"}, raw=True)
print(edition, widths, settings)
"""
PAGES = {"index": INDEX, "02-numbers": NUMBERS, "references.md": "# References\n\n```{bibliography}\n:all:\n```\n"}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_book(tmp_path_factory.mktemp("built") / "tiny", PAGES)
    (root / "book" / "editions" / "wide.yml").write_text(EDITION.replace("widths: [2]", "widths: [4]"))
    (root / "_store" / "runs" / "abc").mkdir(parents=True)
    (root / "_store" / "runs" / "abc" / "manifest.json").touch()
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
    assert lines[2:] == ["HTML made in N s", f"The book: {root}/_build/quick/html/index.html"]
    return root


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built, tmp_path / "tiny")


def refused(root: Path, *arguments: str) -> tuple[int, str]:
    """Run `repro book` in this process, where it ends before any page is executed; its status and what it said."""
    with chdir(root):
        done = CliRunner().invoke(main, ["book", *arguments])
    return done.exit_code, done.stderr


def add(root: Path, page: str, cell: str) -> None:
    """Add a code cell to the end of a page."""
    with (root / "book" / f"{page}.py").open("a") as source:
        source.write(f"\n# %%\n{cell}")


def outputs(root: Path, page: str, edition: str = "quick") -> str:
    notebook = nbformat.read(root / "_build" / edition / "source" / "book" / f"{page}.ipynb", as_version=4)
    return "".join(o.text for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "stream")


def test_a_kernel_is_the_running_interpreter_with_nothing_of_the_persons_own(built: Path):
    assert outputs(built, "index").splitlines() == [
        f"{sys.executable} {built}",
        "threads: 1",  # of two cores, with two pages side by side
        "start-up file of the person: False",
    ]
    assert list((built / "_build" / "quick" / "executing").iterdir()) == []


def test_the_pages_are_whole(built: Path):
    html = built / "_build" / "quick" / "html"
    page = BeautifulSoup((html / "book" / "index.html").read_text(), "html.parser")
    text = page.find("article").get_text(" ", strip=True)
    assert "As Golubeva et al. [ 2021 ] say of the line" in text
    assert page.find("article").find("span", class_="math").get_text() == "\\(W \\to \\infty\\)"
    link = page.find("article").find("a", string="the line")
    assert link["href"] == "02-numbers.html#fig-line"
    numbers = BeautifulSoup((html / "book" / "02-numbers.html").read_text(), "html.parser").find("article")
    assert numbers.find("img")["alt"] == "A rising line"
    folded = [shown.get_text() for shown in numbers.select("details > summary > p")]
    assert folded == ["Parameters"] * 2  # while it is closed, and while it is open
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
    assert [c.execution_count for c in notebook.cells if c.cell_type == "code"] == [1, 2, 3, 4]
    assert "input_path" not in notebook.metadata.papermill
    assert str(built) not in source.read_text()


def test_what_several_pages_need_is_trained_once_before_they_are_executed(tmp_path: Path):
    pages = {"one": WIDTHS, "two": WIDTHS}
    root = write_book(tmp_path / "tiny", pages, EDITION + "train_missing: true\n")
    tiny.store(root / "_store")
    done = repro(root, "-p", "seeds=[5]", "-p", "widths=[2, 3]")
    assert done.returncode == 1, done.stdout  # the two pages have no title
    assert "training 10 runs: 100%" in done.stderr
    assert "\r" not in done.stderr  # a log, not a terminal: whole lines
    assert (outputs(root, "one"), outputs(root, "two")) == ("4 runs\n", "4 runs\n")
    runs = Store(root / "_store").finished()
    assert {Store(root / "_store").load(key).experiment.seed for key in runs} == {5}


def test_a_page_that_fails_lets_the_page_beside_it_finish_and_leaves_the_previous_book(copy: Path):
    page = copy / "_build" / "quick" / "html" / "book" / "02-numbers.html"
    before = page.read_bytes()
    waiting = """\
import time
from pathlib import Path

other = Path("_build/quick/executing/02-numbers.ipynb")
while not (other.exists() and "ZeroDivisionError" in other.read_text()):
    time.sleep(0.1)
print("it has failed")
"""
    add(copy, "index", waiting)
    add(copy, "02-numbers", "1 / 0\n")
    done = repro(copy)
    partial = copy / "_build" / "quick" / "executing" / "02-numbers.ipynb"
    fault = f"code cell 5: ZeroDivisionError: division by zero (executed so far: {partial})"
    assert (done.returncode, done.stderr) == (1, f"repro: page '02-numbers' failed in {fault}\n")
    assert partial.is_file() and page.read_bytes() == before
    told = re.sub(r"\[\d/2\] |\d+\.\d s", "", done.stdout).splitlines()
    assert sorted(told) == ["02-numbers  failed", "index       executed in "]
    assert outputs(copy, "index").endswith("it has failed\n")


def test_all_pages_that_fail_are_named(copy: Path):
    for name in ("index", "02-numbers"):
        add(copy, name, f"raise ValueError({name!r})\n")
    done = repro(copy)
    assert done.returncode == 1
    assert re.sub(r"executed so far: .*\)", "path)", done.stderr) == (
        "repro: 2 pages failed:\n"
        "  page 'index' failed in code cell 4: ValueError: index (path)\n"
        "  page '02-numbers' failed in code cell 5: ValueError: 02-numbers (path)\n"
    )


def test_a_kernel_that_dies_is_named_with_its_last_words(copy: Path):
    add(copy, "02-numbers", "import os\n\nos.kill(os.getpid(), 9)\n")
    done = repro(copy, "--only", "02-numbers")
    log = copy / "_build" / "quick" / "executing" / "02-numbers.log"
    told = f"repro: page '02-numbers': Kernel died; perhaps memory ran out (log: {log})\n"
    assert (done.returncode, done.stderr, log.is_file()) == (1, told, True)


def test_pages_are_executed_one_after_the_other_on_a_gpu(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert execution._at_once(13) == 1
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(execution, "cpu_count", lambda: 64)
    assert [execution._at_once(pages) for pages in (0, 1, 3, 13)] == [1, 1, 3, 8]


def test_nothing_changed_nothing_done(copy: Path):
    done = repro(copy)
    assert done.stdout.splitlines() == [
        "[1/2] index       unchanged",
        "[2/2] 02-numbers  unchanged",
        "HTML unchanged",
        f"The book: {copy}/_build/quick/html/index.html",
    ]


def test_a_page_whose_run_is_gone_is_executed_again_and_a_missing_html_page_made_again(copy: Path):
    shutil.rmtree(copy / "_store" / "runs" / "abc")
    page = copy / "_build" / "quick" / "html" / "book" / "index.html"
    page.unlink()
    done = repro(copy)
    assert "index       unchanged" in done.stdout
    assert "02-numbers  executed" in done.stdout
    assert page.is_file()


def test_the_page_that_shows_the_last_measurement_depends_on_it_and_no_other_does(copy: Path):
    speed = 'import os\n\n# %% tags=["parameters"]\nmeasurement: str = ""\n'
    (copy / "book" / "02-numbers.py").write_text(HEADER + speed)
    pages, edition, store = read_pages(copy), open_edition("quick", copy), Store(copy / "_store")

    def state(name: str, **values: str) -> str:
        return fingerprint(pages[name], values, copy, edition, store)

    states = []
    for content in (None, "{}", "{} "):
        if content is not None:
            (store.root / "bench.json").write_text(content)
        states.append((state("02-numbers"), state("index")))
    speed_states, index_states = zip(*states, strict=True)
    assert (len(set(speed_states)), len(set(index_states))) == (3, 1)
    named = [state("02-numbers", measurement=path) for path in ("_config.yml", "absent")]
    assert len({*speed_states, *named}) == 5


def test_a_page_that_shows_another_edition_depends_on_its_runs(copy: Path):
    (copy / "book" / "02-numbers.py").write_text('# %% tags=["parameters"]\nbeside: str = "wide"\n')
    page, edition, store = read_pages(copy)["02-numbers"], open_edition("quick", copy), Store(copy / "_store")

    def states() -> list[str]:
        return [fingerprint(page, values, copy, edition, store) for values in ({}, {"beside": "quick"}, {"beside": ""})]

    before = states()
    (store.root / "failures").mkdir(exist_ok=True)
    (store.root / "failures" / "other.json").write_text("{}")
    assert [now == then for now, then in zip(states(), before, strict=True)] == [False, True, True]


def test_a_page_without_a_header_is_python(copy: Path):
    (copy / "book" / "02-numbers.py").write_text('# %% tags=["parameters"]\nseed: int = 1\n')
    assert read_pages(copy)["02-numbers"].notebook.metadata["kernelspec"]["name"] == "python3"


def test_the_stamp_of_the_old_notebook_does_not_vouch_for_the_new_one(copy: Path, tmp_path: Path):
    class Kernels:
        def execute(self, notebook, values, partial, log):
            nbformat.write(notebook, partial)
            log.touch()

    page = read_pages(copy)["02-numbers"]
    target = page.executed(copy / "_build" / "quick" / "source")
    assert stamp_path(target).is_file()
    execution.execute(page, {}, target, tmp_path / "aside", Kernels())
    assert target.is_file() and not stamp_path(target).exists()  # until it is written anew


def test_damaged_runs_are_no_faults_of_a_page():
    names = {"InputError", "StoredError", "DamagedError", "ShippedError", "OutdatedError", "ArchiveError"}
    assert execution._names(InputError) >= names and "ValueError" not in execution._names(InputError)


@pytest.mark.parametrize("path", ["results/quick/runs.csv", "book/editions/wide.yml", "requirements.lock"])
def test_a_page_depends_on_the_shipped_runs_the_editions_and_the_lock(copy: Path, path: str):
    page, edition, store = read_pages(copy)["02-numbers"], open_edition("quick", copy), Store(copy / "_store")
    before = fingerprint(page, {}, copy, edition, store)
    (copy / path).parent.mkdir(parents=True, exist_ok=True)
    with (copy / path).open("a") as file:
        file.write("\n# more")
    assert fingerprint(page, {}, copy, edition, store) != before


def test_a_value_that_a_cell_refuses_is_bad_input(copy: Path):
    add(copy, "02-numbers", "from repro.experiment import ModelConfig\n\nModelConfig(width=widths[0] - 8)\n")
    done = repro(copy, "--only", "02-numbers", "-p", "widths=[8]")
    assert done.stderr == (
        "repro: page '02-numbers': ModelConfig.width = 0: input should be greater than or equal to 1\n"
    )
    assert done.returncode == 2
    assert list((copy / "_build" / "quick" / "executing").iterdir()) == []


def test_a_warning_of_jupyter_book_fails_the_build_and_leaves_the_previous_book(copy: Path):
    before = (copy / "_build" / "quick" / "html" / "book" / "references.html").read_bytes()
    (copy / "book" / "references.md").write_text("# References\n\nSee {ref}`a figure <fig-none>`.\n")
    done = repro(copy)
    assert done.returncode == 1
    assert "book/references.md:3: WARNING: " in done.stderr
    assert "fig-none" in done.stderr
    assert (copy / "_build" / "quick" / "html" / "book" / "references.html").read_bytes() == before


def test_a_page_that_warns_its_reader_fails_the_gate(copy: Path):
    add(copy, "index", 'import warnings\n\nwarnings.warn("old", stacklevel=1)\n')
    done = repro(copy)
    assert done.returncode == 1
    assert "repro: the built book has faults:\n  book/index: code cell 4 wrote to stderr: " in done.stderr


def test_one_page_alone_with_other_parameters(copy: Path):
    done = repro(copy, "--only", "02-numbers", "-p", "widths=[8, 16, 32]", "-p", "epochs=7")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[1/1] 02-numbers")
    assert outputs(copy, "02-numbers") == "quick [8, 16, 32] {'epochs': 7}\n"
    assert (copy / "_build" / "quick" / "html" / "book" / "index.html").is_file()


def test_the_references_alone_of_an_edition_that_was_never_built(copy: Path):
    done = repro(copy, "--edition", "wide", "--only", "references")
    assert done.returncode == 0, done.stderr
    html = copy / "_build" / "wide" / "html" / "book"
    assert [path.name for path in html.glob("*.html")] == ["references.html"]


def test_one_page_of_an_edition_that_was_never_built(copy: Path):
    done = repro(copy, "--edition", "wide", "--only", "book/02-numbers.py")
    assert done.returncode == 0, done.stderr
    assert "1 of 3 pages have never been executed and are left out." in done.stdout
    assert outputs(copy, "02-numbers", "wide") == "wide [1, 2] {}\n"
    html = copy / "_build" / "wide" / "html" / "book"
    assert sorted(path.name for path in html.glob("*.html")) == ["02-numbers.html", "references.html"]

    # Rendering alone takes what was executed as it is, and executes nothing.
    assert refused(copy, "--edition", "wide", "--no-execute") == (
        2,
        "repro: edition 'wide': never executed: index\n",
    )


def test_a_page_without_a_parameters_cell_is_refused(copy: Path):
    (copy / "book" / "index.py").write_text(HEADER + "# %%\nprint(1)\n")
    message = "repro: index.py: one cell must be tagged 'parameters', here are 0\n"
    assert refused(copy, "--edition", "quick") == (2, message)


def test_a_table_of_contents_that_names_no_file_is_refused(copy: Path):
    (copy / "book" / "index.py").unlink()
    message = "repro: _toc.yml names book/index, but there is no book/index.py or book/index.md\n"
    assert refused(copy, "--edition", "quick") == (2, message)


def test_two_builds_of_an_edition_do_not_run_at_once(copy: Path):
    with FileLock(copy / "_build" / "quick" / ".lock"):
        found = refused(copy, "--edition", "quick")
    assert found == (2, "repro: edition 'quick' is being built by another process\n")


def test_an_interrupted_build_ends_with_130_and_leaves_the_previous_book(copy: Path):
    add(copy, "index", "import time\n\nopen('sleeping', 'w').close()\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [*REPRO, "book", "--edition", "quick"], cwd=copy, stderr=subprocess.PIPE, text=True, env=environment(copy)
    )
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
    subprocess.run(
        [bin_ / "papermill", "page.ipynb", "executed.ipynb", "-y", "{widths: [5], settings: {epochs: 20}}"], **run
    )
    assert "quick [5] {'epochs': 20}" in (copy / "executed.ipynb").read_text()


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


def test_without_an_edition_the_site_of_both_is_built(tmp_path: Path):
    root = write_book(tmp_path / "tiny", {"index.md": "# Book\n", "references.md": "# References\n"})
    (root / "book" / "editions" / "esc10.yml").write_text(EDITION.replace("title: Tiny", "title: Real"))
    done = subprocess.run([*REPRO, "book"], cwd=root, capture_output=True, text=True, env=environment(root))
    assert done.returncode == 0, done.stderr
    lines = re.sub(r"\d+\.\d s", "N s", done.stdout).splitlines()
    assert lines == [
        "Edition 'quick'",
        "HTML made in N s",
        "Edition 'esc10'",
        "HTML made in N s",
        f"The site: {root}/_build/site/esc10/book/index.html",
    ]
    page = BeautifulSoup((root / "_build" / "site" / "esc10" / "book" / "references.html").read_text(), "html.parser")
    switch = page.find("nav", class_="repro-editions")
    assert switch.get_text() == "Real Tiny"
    assert switch.find("a")["href"] == "../../quick/book/references.html"

    (root / "book" / "editions" / "wide.yml").write_text(EDITION.replace("title: Tiny", "title: Wide"))
    (root / "_build" / "wide" / "source").mkdir(parents=True)  # executed elsewhere: two pages of Markdown
    command = [*REPRO, "book", "--no-execute"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment(root))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"The site: {root}/_build/site/wide/book/index.html"
    assert sorted(path.name for path in (root / "_build/site").iterdir() if path.is_dir()) == ["esc10", "quick", "wide"]


def test_the_page_of_this_build_depends_on_the_commit(copy: Path, monkeypatch: pytest.MonkeyPatch):
    status = HEADER + '# %% tags=["parameters"]\nmeasurement: str = ""\n'
    (copy / "book" / "index.py").write_text(status)
    pages, edition, store = read_pages(copy), open_edition("quick", copy), Store(copy / "_store")
    before = {name: fingerprint(pages[name], {}, copy, edition, store) for name in ("index", "02-numbers")}
    monkeypatch.setattr("repro.build.pages.revision", lambda: "0123456789")
    changed = [name for name, found in before.items() if fingerprint(pages[name], {}, copy, edition, store) != found]
    assert changed == ["index"]

"""`make rehearse-ci`: the steps of book.yml, weekly.yml and alert.yml, carried out here with a tiny book.

The red paths come first: a missing GPU, a full disk, a killed sweep, a raising cell; then the green one, which goes on
with what the killed sweep has left, and dead links. `gh` and `curl` are stand-ins; the branch of notebooks is pushed to
a repository in the same temporary folder. What is in the working tree is rehearsed, committed or not.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import tiny_book
from workflow import Runner

from repro.store.store import Store

ROOT = Path(__file__).parents[2]
REPOSITORY = "someone/book"
STAND_INS = {
    "gh": """\
echo "$@" >> "$REHEARSAL/gh.log"
case "$1 $2" in
  "issue list") cat "$REHEARSAL/issue" 2>/dev/null || true ;;
  "issue create") echo 7 > "$REHEARSAL/issue" ;;
  "release view") [ -f "$REHEARSAL/released" ] ;;
  "release create") touch "$REHEARSAL/released" ;;
  "release upload") shift 4; ls "$@" > "$REHEARSAL/released" ;;
esac
""",
    "curl": """\
if [ -n "$DEAD" ] && [[ "${@: -1}" == *"$DEAD"* ]]; then echo 404; else echo 200; fi
""",
    "make": """\
case " $STAND_INS " in *" $1 "*) echo "a stand-in for make $1" ;; *) exec REAL "$@" ;; esac
""",
    "pipx": "",
}
PAGE = f"""\
# %% [markdown]
# # Width

{tiny_book.WIDTHS}
import os

assert "RAISING_CELL" not in os.environ
"""
OTHER = PAGE.replace("# Width", "# Other").replace('assert "RAISING_CELL"', 'assert "NOTHING"')


def write_origin(origin: Path) -> None:
    """A repository of this working tree with a tiny book, no shipped results, and a tag."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).is_file() and not name.startswith(("book/", "results/")):
            (origin / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, origin / name)
    tiny_book.write_book(origin, {"index.md": "# A tiny book\n", "05-1-width": PAGE, "other": OTHER})
    edition = tiny_book.EDITION.replace("title: Tiny", "title: Real")
    (origin / "book" / "editions" / "esc10.yml").write_text(edition)
    git = ["git", "-c", "user.name=r", "-c", "user.email=r@example.org", "-c", "init.defaultBranch=main"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "A tiny book"]):
        subprocess.run([*git, *command], cwd=origin, check=True)


class Rehearsal:
    """A folder with a repository, a home and stand-ins, in which workflows are run one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.origin = folder, folder / "origin"
        self.store = folder / "home" / "repro" / "store"
        write_origin(self.origin)
        (folder / "home" / "repro").mkdir(parents=True)
        (folder / "home" / "repro" / "env").symlink_to(sys.prefix)
        (folder / "bin").mkdir()
        for name, script in STAND_INS.items():
            path = folder / "bin" / name
            path.write_text("#!/bin/bash\n" + script.replace("REAL", shutil.which("make") or "make"))
            path.chmod(0o755)

    def run(self, name: str, event: str, stand_ins: str = "require-cuda", **faults: Any) -> Runner:
        """Run a workflow on an event, `tag` or `schedule`; faults are those of the runner, or variables in capitals."""
        variables = {key: value for key, value in faults.items() if key.isupper()}
        inside = {key: value for key, value in faults.items() if not key.isupper()}
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=self.origin, capture_output=True, text=True, check=True)
        github = {
            "event_name": "push" if event == "tag" else event,
            "ref_name": "v1" if event == "tag" else "main",
            "ref_type": "tag" if event == "tag" else "branch",
            "repository": REPOSITORY,
            "server_url": "https://github.com",
            "run_id": "1",
            "sha": head.stdout.strip(),
            "workflow": name,
        }
        shell = tiny_book.environment(self.folder / "home")
        environment = {key: value for key, value in shell.items() if key not in ("PYTHONPATH", "CONDA_DEFAULT_ENV")}
        environment |= {
            "PATH": f"{self.folder / 'bin'}:{environment['PATH']}",
            "REPRO_ENV": str(self.folder / "home" / "repro" / "env"),
            "REHEARSAL": str(self.folder),
            "STAND_INS": stand_ins,
            "DEAD": "",
            # The tiny book has none of the paper's figures.
            "PYTEST_ADDOPTS": "--ignore=tests/browser/test_completeness_built.py",
            **{f"GITHUB_{key.upper()}": value for key, value in github.items()},
            **variables,
        }
        shutil.rmtree(self.folder / "artifacts", ignore_errors=True)
        context = {"github": github, "vars": {"BOOK_WORKERS": "2"}}
        runner = Runner(self.origin, self.folder, context, environment, kept=("execute",), **inside)
        runner.run(name)
        return runner

    def kept(self) -> list[str]:
        """What the artifacts hold."""
        root = self.folder / "artifacts"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    def alerts(self) -> list[str]:
        """What was asked of `gh` about issues."""
        log = self.folder / "gh.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [" ".join(line.split()[:3]) for line in lines if line.startswith(("issue create", "issue comment"))]


def check(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise SystemExit(f"rehearsal: {what}: {found!r} instead of {wanted!r}")


def check_run(what: str, run: Runner, jobs: dict[str, str], failed: tuple[str, ...] = ()) -> None:
    """What became of the jobs, and the steps that failed; where it is not as wanted, what those steps printed."""
    if (run.results, tuple(run.failures)) != (jobs, failed):
        for step, printed in run.failures.items():
            print(f"== {step}", printed[-4000:], sep="\n", flush=True)
    check(f"{what}: jobs", run.results, jobs)
    check(f"{what}: failed steps", tuple(run.failures), failed)


STOPPED = {"execute": "failure", "render": "skipped", "publish": "skipped", "release": "skipped", "alert": "success"}
DONE = {"execute": "success", "render": "success", "publish": "success", "release": "success", "alert": "skipped"}


def stops(here: Rehearsal, what: str, step: str, kept: set[str], event: str = "schedule", **faults: Any) -> Runner:
    """A run that must fail in the job on the GPU, at this step, keep these artifacts and send one alert more."""
    alerts = len(here.alerts())
    run = here.run("book.yml", event, **faults)
    check_run(what, run, STOPPED, (step,))
    check(f"{what}: artifacts that are missing", kept - set(here.kept()), set())
    check(f"{what}: alerts", len(here.alerts()), alerts + 1)
    return run


def red(here: Rehearsal, tell: Callable[[str], None]) -> None:
    """What can go wrong on the machine with the GPU, one fault after the other."""
    cuda = "make require-cuda 2>&1 | tee _build/logs/cuda.log"
    stops(here, "no CUDA", cuda, {"executed/logs/cuda.log"}, stand_ins="")
    check("the first alert", here.alerts(), ["issue create --title"])
    tell("red: no CUDA device; an issue was opened")

    stops(here, "full disk", "Train", {"executed/logs/sweep.log"}, file_limit=("Train", 20_000))
    check("the second alert", here.alerts()[1:], ["issue comment 7"])
    tell("red: full disk; the issue was commented on")

    kept = {"executed/logs/sweep.log", "executed/results-esc10.zip"}
    stops(here, "killed sweep", "Train", kept, kill=("Train", lambda: bool(Store(here.store).own())))
    tell("red: killed sweep; its finished runs were kept")

    kept |= {"executed/esc10/source/book/other.ipynb", "executed/logs/05-1-width.log", "executed/logs/other.log"}
    stops(here, "raising cell", "Execute the pages one by one", kept, event="tag", RAISING_CELL="yes")
    log = (here.folder / "artifacts" / "executed" / "logs" / "sweep.log").read_text()
    before, trained = (int(number) for number in re.findall(r"(\d+) (?:done before|trained)", log))
    check("the sweep after the kill goes on", (before > 0, before + trained), (True, 10))
    tell("red: raising cell; the sweep went on, and the other page was kept")


def green(here: Rehearsal, tell: Callable[[str], None]) -> None:
    """Nothing goes wrong."""
    check_run("green", here.run("book.yml", "tag"), DONE)
    listed = ["git", "ls-tree", "-r", "--name-only", "executed", "executed", ".github"]
    branch = subprocess.run(listed, cwd=here.origin, capture_output=True, text=True, check=True).stdout.split()
    pages = [f"executed/{edition}/{page}.ipynb" for edition in ("esc10", "quick") for page in ("05-1-width", "other")]
    check("green: the branch", branch, ["executed/README.md", *pages])
    released = (here.folder / "released").read_text().split()
    files = ["SHA256SUMS", "manifest.json", "results-esc10.zip", "site.zip"]
    check("green: the release", released, [f"release/{name}" for name in files])
    editions = sorted(path.name for path in (here.folder / "pages").iterdir() if path.is_dir())
    check("green: the site", editions, ["esc10", "quick"])
    links = [link for page in pages for link in _launch_links(here, page)]
    check("green: launch links", links, [f"labpath={page}" for page in pages])
    tell("green: trained, executed, rendered, published, released")


def _launch_links(here: Rehearsal, page: str) -> list[str]:
    """Where the button that starts Binder leads on the published page of an executed notebook."""
    html = here.folder / "pages" / page.replace("executed/", "").replace("/", "/book/", 1).replace(".ipynb", ".html")
    return re.findall(r'<nav class="repro-launch".*(labpath=[^"]*)"', html.read_text())


def dead_links(here: Rehearsal, tell: Callable[[str], None]) -> None:
    """Links that do not answer: one to Binder after publishing, one in the documentation weekly."""
    run = here.run("book.yml", "tag", DEAD="labpath=executed/esc10/05-1-width")
    jobs = DONE | {"publish": "failure", "alert": "success"}
    check_run("dead launch link", run, jobs, ("Ask every launch link whether it answers",))
    tell("red: dead launch link; the release was made")

    made = "lock test book check-pages"
    run = here.run("weekly.yml", "schedule", made, DEAD="jupyterbook.org")
    jobs = {"newest": "success", "links": "failure", "alert": "success"}
    check_run("weekly, dead link", run, jobs, ("make check-links",))
    check("the alert", here.alerts()[-1:], ["issue comment 7"])
    tell("red: weekly dead link")


def rehearse(folder: Path) -> None:
    """All of it; ends the process at the first thing that is not as it must be."""
    start = time.monotonic()
    here = Rehearsal(folder)
    for part in (red, green, dead_links):
        part(here, lambda line: print(f"{time.monotonic() - start:5.0f} s  {line}", flush=True))


if __name__ == "__main__":
    temporary = Path(tempfile.mkdtemp(prefix="rehearsal-")).resolve()
    print(f"In {temporary}, which is removed when all is as it must be", flush=True)
    rehearse(temporary)
    shutil.rmtree(temporary)

"""The workflows' conditions, permissions and scripts, in seconds; `make rehearse-ci` carries all of it out."""

import json
import os
import re
import runpy
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from bs4 import BeautifulSoup
from rehearsal import STAND_INS
from workflow import Runner, evaluate, filled, holds, keep

from repro.build import site

ROOT = Path(__file__).parents[2]
WORKFLOWS = {path.name: yaml.safe_load(path.read_text()) for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}
BOOK = WORKFLOWS["book.yml"]["jobs"]


def github(event_name: str, **more: object) -> dict[str, object]:
    return {"github": {"event_name": event_name, "repository": "me/book", "ref_type": "branch", **more}}


def change(label: str, source: str) -> dict[str, object]:
    described = {"label": {"name": label}, "pull_request": {"head": {"repo": {"full_name": source}}}}
    return github("pull_request", event=described)


EVENTS = {
    "by hand": github("workflow_dispatch"),
    "weekly": github("schedule"),
    "tag": github("push", ref_type="tag"),
    "label": change("gpu", "me/book"),
    "another label": change("bug", "me/book"),
    "label on a change from elsewhere": change("gpu", "you/book"),
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("inputs.runner || vars.RUNNER || 'gpu'", "gpu"),
        ("github.event_name == 'schedule' && 'a' || 'b'", "a"),
        ("!cancelled() && github.event.number != '3'", True),
        ("contains(needs.*.result, 'failure')", True),
        ("contains(needs.*.result, 'cancelled')", False),
        ("(failure() || always()) && success()", False),
    ],
)
def test_expressions(expression: str, value: object):
    needs = {"a": {"result": "success"}, "b": {"result": "failure"}}
    context = {"github": {"event_name": "schedule", "event": {"number": "4"}}, "needs": needs}
    assert evaluate(expression, context, failed=True) == value


def test_an_expression_that_is_not_understood_is_refused():
    with pytest.raises(ValueError, match="not understood from '\\[0\\]'"):
        evaluate("github.event[0]", {}, failed=False)


def test_a_condition_that_names_no_status_asks_for_success():
    assert [holds(None, {}, failed) for failed in (False, True)] == [True, False]
    assert [holds("'yes'", {}, failed) for failed in (False, True)] == [True, False]
    assert [holds("${{ always() }}", {}, failed) for failed in (False, True)] == [True, True]
    assert filled("a ${{ github.sha }} ${{ inputs.none }}.", {"github": {"sha": "f0"}}) == "a f0 ."


@pytest.mark.parametrize(
    ("event", "jobs"),
    [
        ("by hand", ["execute", "render", "publish"]),
        ("weekly", ["execute", "render", "publish"]),
        ("tag", ["execute", "render", "publish", "release"]),
        ("label", ["execute", "render"]),
        ("another label", ["render"]),  # not without `execute`, which it needs
        ("label on a change from elsewhere", ["render"]),
    ],
)
def test_what_each_event_starts(event: str, jobs: list[str]):
    context = EVENTS[event] | {"needs": {"execute": {"result": "success"}}}
    assert [job for job, content in BOOK.items() if holds(content.get("if"), context, False)] == jobs


@pytest.mark.parametrize(("workflow", "job"), [("book.yml", "execute"), ("weekly.yml", "links")])
@pytest.mark.parametrize("result", ["failure", "cancelled", "success"])
def test_who_hears_of_a_failure(workflow: str, job: str, result: str):
    condition = WORKFLOWS[workflow]["jobs"]["alert"]["if"]
    bad = result != "success"
    heard = [
        name for name, event in EVENTS.items() if holds(condition, event | {"needs": {job: {"result": result}}}, bad)
    ]
    watched = {"book.yml": ["weekly", "tag"], "weekly.yml": ["weekly"]}[workflow]
    assert heard == (watched if bad else [])


def test_the_alert_waits_for_every_job():
    for name in ("book.yml", "weekly.yml"):
        *others, last = WORKFLOWS[name]["jobs"]
        assert (last, WORKFLOWS[name]["jobs"]["alert"]["needs"]) == ("alert", others)


def test_permissions_are_least():
    for workflow in WORKFLOWS.values():
        assert workflow["permissions"] in ({"contents": "read"}, {"issues": "write"})
    more = {
        (name, job): content.get("permissions")
        for name, file in WORKFLOWS.items()
        for job, content in file["jobs"].items()
    }
    assert {where: given for where, given in more.items() if given} == {
        ("book.yml", "publish"): {"contents": "write", "pages": "write", "id-token": "write"},
        ("book.yml", "release"): {"contents": "write"},
        ("book.yml", "alert"): {"issues": "write"},
        ("weekly.yml", "alert"): {"issues": "write"},
    }


def test_every_job_has_a_time_limit_and_every_action_its_digest():
    limits = {
        f"{name[:-4]}/{job}": content.get("timeout-minutes")
        for name, file in WORKFLOWS.items()
        for job, content in file["jobs"].items()
        if "uses" not in content
    }
    assert limits == {
        "alert/issue": 10,
        "book/execute": 7000,
        "book/publish": 30,
        "book/release": 30,
        "book/render": 60,
        "ci/book": 45,
        "weekly/links": 30,
        "weekly/newest": 90,
    }
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for line in re.findall(r"uses: (?!\./)(.*)", path.read_text()):
            assert re.match(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_superseded_runs_are_cancelled_and_publishing_waits_for_its_turn():
    assert WORKFLOWS["book.yml"]["concurrency"]["cancel-in-progress"] is True
    assert BOOK["publish"]["concurrency"] == {"group": "publish", "cancel-in-progress": False}


def stand_in(folder: Path, name: str, script: str) -> dict[str, str]:
    """The environment in which a command is this script; what it is asked goes to $REHEARSAL."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{script}")
    (folder / name).chmod(0o755)
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "REHEARSAL": str(folder), "DEAD": ""}


@pytest.mark.parametrize(
    ("edition", "asked"),
    [
        ("esc10", ["data get esc10 data/esc10", "data get micirp data/micirp"]),
        ("tau2020", ["data get tau2020 data/TAU-urban-acoustic-scenes-2020-mobile-development"]),
        ("quick", []),
    ],
)
def test_the_recordings_of_an_edition_are_fetched(tmp_path: Path, edition: str, asked: list[str]):
    (script,) = (step["run"] for step in BOOK["execute"]["steps"] if step.get("name") == "Fetch the recordings")
    environment = stand_in(tmp_path, "repro", 'echo "$@" >> "$REHEARSAL/asked"\n') | {"BOOK_EDITION": edition}
    (tmp_path / "asked").touch()
    subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=ROOT, env=environment, check=True)
    assert (tmp_path / "asked").read_text().splitlines() == asked


def test_an_alert_opens_an_issue_once_and_comments_on_it_then(tmp_path: Path):
    (tmp_path / "work").mkdir()
    context = github("schedule", workflow="Weekly", ref_name="main", server_url="https://github.com", run_id="5")
    environment = stand_in(tmp_path / "bin", "gh", STAND_INS["gh"])
    runner = Runner(ROOT, tmp_path, context, environment)
    assert [runner.run("alert.yml"), runner.run("alert.yml")] == 2 * [{"issue": "success"}]
    told = [line for line in (tmp_path / "bin" / "gh.log").read_text().splitlines() if " list " not in line]
    where = "Weekly, main: https://github.com/me/book/actions/runs/5"
    assert told == [
        f"issue create --title A scheduled or tagged run has failed --body {where}",
        f"issue comment 7 --body {where}",
    ]


def test_an_unknown_action_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="does not know: some/action"):
        Runner(ROOT, tmp_path, {}, {}).action("some/action", {}, tmp_path)


def test_dead_links_are_named(tmp_path: Path):
    text = tmp_path / "page.md"
    text.write_text(
        "[a](https://a.org/x). `https://b.org/?q=1`; <http://c.org>, and https://a.org/x again, https://d.org."
    )
    answers = 'case "${@: -1}" in *a.org*) echo 404;; *b.org*) echo 403;; *d.org) exit 6;; *) echo 200;; esac\n'
    environment = stand_in(tmp_path, "curl", answers)
    done = subprocess.run([ROOT / ".ci/links", text], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "dead: https://a.org/x (404)",
        "dead: https://d.org (no answer)",
        "4 links, 2 dead",
    ]
    environment = stand_in(tmp_path, "curl", "echo 200\n")
    assert subprocess.run([ROOT / ".ci/links", text], env=environment, capture_output=True).returncode == 0
    text.write_text("no link: then something is wrong with the files given")
    assert subprocess.run([ROOT / ".ci/links", text], env=environment, capture_output=True).returncode == 1


def test_the_notebooks_for_colab_and_binder(tmp_path: Path):
    page = tmp_path / "_build" / "esc10" / "source" / "book" / "05-1-width.ipynb"
    page.parent.mkdir(parents=True)
    page.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": "# Width"}], "nbformat": 4}))
    shown = tmp_path / "_build" / "site" / "esc10" / "book" / "05-1-width.html"
    shown.parent.mkdir(parents=True)
    shown.write_text(f"<main>{site._PLACE}<h1>Width</h1></div></main>")
    prepare = runpy.run_path(str(ROOT / ".ci" / "launch.py"))["prepare"]
    assert prepare("me/book", "executed", tmp_path / "_build", tmp_path / "out") == 1
    first, second = json.loads((tmp_path / "out/executed/esc10/05-1-width.ipynb").read_text())["cells"]
    assert "git clone --quiet --depth 1 --branch executed https://github.com/me/book /content/book" in first["source"]
    assert second["source"] == "# Width"
    place = "executed/executed/esc10/05-1-width.ipynb"
    assert (tmp_path / "out/executed/README.md").read_text().splitlines()[-1] == (
        f"| esc10 | [05-1-width](https://github.com/me/book/blob/{place}) | "
        f"[Colab](https://colab.research.google.com/github/me/book/blob/{place}) | "
        "[Binder](https://mybinder.org/v2/gh/me/book/executed?labpath=executed/esc10/05-1-width.ipynb) |"
    )
    buttons = BeautifulSoup(shown.read_text(), "html.parser").select(".bd-article-container > nav.repro-launch > a")
    assert {button.text: button["href"] for button in buttons} == {
        "Colab": f"https://colab.research.google.com/github/me/book/blob/{place}",
        "Binder": "https://mybinder.org/v2/gh/me/book/executed?labpath=executed/esc10/05-1-width.ipynb",
    }
    with pytest.raises(SystemExit, match="has no executed notebooks"):
        prepare("me/book", "executed", tmp_path / "nothing", tmp_path / "out")


def test_a_release_has_sums_and_a_manifest(tmp_path: Path):
    (tmp_path / "site" / "quick").mkdir(parents=True)
    (tmp_path / "lock").write_text("")
    for name in ("site.zip", "results-esc10.zip"):
        ZipFile(tmp_path / name, "w").close()
    bundle = runpy.run_path(str(ROOT / ".ci" / "bundle.py"))["bundle"]
    manifest = bundle(tmp_path, tmp_path / "lock", tmp_path / "release", {"commit": "f0"})
    empty_zip = "8739c76e681f900923b900c9df0ef75cf421d39cabb54650c4b9ad19b6a76d85"
    assert manifest == {
        "commit": "f0",
        "requirements.lock": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "editions": ["quick"],
        "sha256": {"site.zip": empty_zip, "results-esc10.zip": empty_zip},
        "bytes": {"site.zip": 22, "results-esc10.zip": 22},
    }
    names = [line.split()[1] for line in (tmp_path / "release" / "SHA256SUMS").read_text().splitlines()]
    assert names == ["site.zip", "results-esc10.zip", "manifest.json"]


def test_what_an_artifact_keeps(tmp_path: Path):
    for name in ("_build/a.log", "_build/.hidden/b", "_build/quick/html/c", "d"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    given = {"path": "_build\n!_build/*/html", "include-hidden-files": "true"}
    assert keep(tmp_path, given, tmp_path / "kept")
    assert sorted(path.name for path in (tmp_path / "kept").rglob("*") if path.is_file()) == ["a.log", "b"]
    assert keep(tmp_path, {"path": "d"}, tmp_path / "kept")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["d"]
    assert not keep(tmp_path, {"path": "nothing", "if-no-files-found": "error"}, tmp_path / "kept")

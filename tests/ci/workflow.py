"""Workflow files carried out on this machine: steps in their order, with their conditions; actions as folders.

It knows what the workflows of this repository use of GitHub's language, and refuses what it does not know.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Context = dict[str, Any]
TOKEN = re.compile(r"\s*('[^']*'|\|\||&&|==|!=|!|[(),]|[A-Za-z_][\w.*-]*)\s*")
PYTHON = {"||": " or ", "&&": " and ", "!": " not "}
STATUS = re.compile(r"\b(success|failure|always|cancelled)\(")


def evaluate(expression: str, context: Context, failed: bool) -> Any:
    """The value of an expression of GitHub's, less its `${{ }}`; `failed`: whether a step or a job before it did."""
    python, place = "", 0
    for token in TOKEN.finditer(expression):
        if token.start() != place:
            break
        place, text = token.end(), token[1]
        called = expression[place : place + 1] == "("
        name = text if called or not re.match(r"[A-Za-z_]", text) else f"look({text!r})"
        python += PYTHON.get(text, name)
    if place != len(expression):
        raise ValueError(f"not understood from {expression[place:]!r} on: {expression!r}")
    names = {
        "look": lambda path: _look(context, path.split(".")),
        "contains": lambda where, what: what in (where or ()),
        "success": lambda: not failed,
        "failure": lambda: failed,
        "always": lambda: True,
        "cancelled": lambda: False,
    }
    return eval(python, {"__builtins__": {}}, names)


def _look(value: Any, path: list[str]) -> Any:
    for number, name in enumerate(path):
        if name == "*":
            return [_look(item, path[number + 1 :]) for item in value.values()]
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def holds(condition: str | None, context: Context, failed: bool) -> bool:
    """Whether a job or step with this `if:` runs: where it names no status, only after success."""
    text = re.sub(r"^\s*\$\{\{(.*)\}\}\s*$", r"\1", condition or "success()", flags=re.DOTALL).strip()
    return bool(evaluate(text, context, failed)) and (bool(STATUS.search(text)) or not failed)


def filled(text: object, context: Context) -> str:
    """The text with the values of its `${{ }}`."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda match: str(evaluate(match[1].strip(), context, False) or ""), str(text))


@dataclass
class Runner:
    """A machine for jobs.

    Attributes:
        origin: the repository that is checked out.
        folder: artifacts, logs, the home folder and the jobs' workspaces lie here.
        context: github, inputs and vars, as in an expression.
        environment: of every step.
        kept: the jobs that find their workspace as they left it, as on a self-hosted machine.
        kill: the name of a step that is killed as soon as the condition holds.
        file_limit: the name of a step and the bytes that no file of it may exceed, as on a full disk.
        results: of the last workflow, the result of every job.
        failures: of the last workflow, the name of every step that failed and what it printed.
    """

    origin: Path
    folder: Path
    context: Context
    environment: dict[str, str]
    kept: tuple[str, ...] = ()
    kill: tuple[str, Callable[[], bool]] | None = None
    file_limit: tuple[str, int] | None = None
    results: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, prefix: str = "") -> dict[str, str]:
        """Carry out the workflow file of this name and return the result of every job."""
        workflow = yaml.safe_load((self.origin / ".github" / "workflows" / name).read_text())
        results: dict[str, str] = {}
        for job, described in workflow["jobs"].items():
            named = described.get("needs", [])
            needs = {need: {"result": results[need]} for need in ([named] if isinstance(named, str) else named)}
            context = {"vars": {}, "inputs": {}, **self.context, "needs": needs}
            failed = any(need["result"] != "success" for need in needs.values())
            if not holds(described.get("if"), context, failed):
                results[job] = "skipped"
            elif "uses" in described:
                called = self.run(Path(described["uses"]).name, f"{prefix}{job}-").values()
                results[job] = "success" if set(called) <= {"success", "skipped"} else "failure"
            else:
                results[job] = self._job(prefix + job, workflow, described, context)
        if not prefix:
            self.results = results
        return results

    def _job(self, job: str, workflow: dict[str, Any], described: dict[str, Any], context: Context) -> str:
        workspace, temp = self.folder / "work" / job, self.folder / "temp" / job
        for path in [temp] if job in self.kept else [temp, workspace]:
            shutil.rmtree(path, ignore_errors=True)
        for path in (workspace, temp):
            path.mkdir(parents=True, exist_ok=True)
        environment = self.environment | {"HOME": str(self.folder / "home"), "PYTHONPATH": str(workspace)}
        environment |= {"RUNNER_TEMP": str(temp), "GITHUB_WORKSPACE": str(workspace)}
        context = context | {"runner": {"temp": str(temp)}, "env": {}, "steps": {}}
        for given in (workflow.get("env", {}), described.get("env", {})):
            context["env"] |= {name: filled(value, context) for name, value in given.items()}
        strict = workflow.get("defaults", {}).get("run", {}).get("shell") == "bash"
        failed = False
        for number, step in enumerate(described["steps"]):
            name = step.get("name") or step.get("run", step.get("uses", "")).splitlines()[0].split("@")[0]
            if not holds(step.get("if"), context, failed):
                continue
            log = self.folder / "logs" / f"{job}-{number}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text("")
            if "uses" in step:
                given = {key: filled(value, context) for key, value in step.get("with", {}).items()}
                done = self.action(step["uses"].split("@")[0], given, workspace)
            else:
                own = {key: filled(value, context) for key, value in step.get("env", {}).items()}
                script = filled(step["run"], context)
                done = self._command(name, script, environment, context["env"] | own, workspace, temp, log, strict)
            if not done:
                failed = True
                self.failures[name] = log.read_text(errors="replace")
        return "failure" if failed else "success"

    def _command(
        self,
        name: str,
        script: str,
        environment: dict[str, str],
        own: dict[str, str],
        workspace: Path,
        temp: Path,
        log: Path,
        strict: bool,
    ) -> bool:
        """Run a step's script; what it writes to GITHUB_ENV and GITHUB_PATH changes the steps after it."""
        files = {variable: temp / variable for variable in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT")}
        for path in (*files.values(), temp / "script"):
            path.write_text("")
        (temp / "script").write_text(script)
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail"] if strict else ["bash", "-e"]
        limit = self.file_limit[1] if self.file_limit and self.file_limit[0] == name else None
        with log.open("w") as output:
            process = subprocess.Popen(
                [*shell, str(temp / "script")],
                cwd=workspace,
                env=environment | own | {variable: str(path) for variable, path in files.items()},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None,
            )
            while process.poll() is None:
                if self.kill and self.kill[0] == name and self.kill[1]():
                    os.killpg(process.pid, signal.SIGKILL)
                time.sleep(0.05)
        environment |= dict(line.split("=", 1) for line in files["GITHUB_ENV"].read_text().splitlines())
        for line in files["GITHUB_PATH"].read_text().splitlines():
            environment["PATH"] = f"{line}:{environment['PATH']}"
        return process.returncode == 0

    def action(self, name: str, given: dict[str, str], workspace: Path) -> bool:
        """What an action does, with folders; whether it succeeds."""
        artifacts = self.folder / "artifacts"
        if name == "actions/checkout":
            if (workspace / ".git").exists():  # as on a machine that keeps its folder
                for command in (["clean", "-ffdxq"], ["reset", "-q", "--hard"]):
                    subprocess.run(["git", *command], cwd=workspace, check=True)
            else:
                subprocess.run(["git", "clone", "-q", str(self.origin), str(workspace)], check=True)
            for file in ("requirements.lock", "pyproject.toml"):  # old: what they ask for is installed already
                os.utime(workspace / file, (0, 0))
        elif name == "actions/upload-artifact":
            return keep(workspace, given, artifacts / given["name"])
        elif name == "actions/download-artifact":
            if not (artifacts / given["name"]).is_dir():
                return False
            shutil.copytree(artifacts / given["name"], workspace / given["path"], dirs_exist_ok=True)
        elif name == "actions/upload-pages-artifact":
            return keep(workspace, given | {"include-hidden-files": "true"}, artifacts / "github-pages")
        elif name == "actions/deploy-pages":
            shutil.rmtree(self.folder / "pages", ignore_errors=True)
            shutil.copytree(artifacts / "github-pages", self.folder / "pages")
        elif name != "actions/setup-python":
            raise ValueError(f"an action that the rehearsal does not know: {name}")
        return True


def keep(workspace: Path, given: dict[str, str], artifact: Path) -> bool:
    """Copy what `path` names into a folder, as actions/upload-artifact; whether there was anything."""
    (base,), left_out = _split(given["path"].split())
    root = workspace / base
    excluded = {path for pattern in left_out for path in workspace.glob(pattern)}
    hidden_too = given.get("include-hidden-files", "").lower() == "true"
    shutil.rmtree(artifact, ignore_errors=True)
    found = False
    for path in [root] if root.is_file() else sorted(root.rglob("*")):
        inside = Path(path.name) if path == root else path.relative_to(root)
        hidden = any(part.startswith(".") for part in inside.parts)
        if not path.is_file() or excluded & {path, *path.parents} or (hidden and not hidden_too):
            continue
        (artifact / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, artifact / inside)  # an artifact does not keep permissions
        found = True
    return found or given.get("if-no-files-found") != "error"


def _split(paths: list[str]) -> tuple[list[str], list[str]]:
    return [path for path in paths if path[0] != "!"], [path[1:] for path in paths if path[0] == "!"]

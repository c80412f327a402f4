"""The pages' typed parameters: reading them, and checking the values that are given for them.

A page declares its parameters in the cell tagged `parameters`, one annotated literal a line:

    widths: list[int] = []  # channels W; empty: the edition's

papermill injects a misspelt name or a value of another type without complaint. Here both are refused by name before
any page is executed.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from repro.edition import SETTINGS, Edition, open_edition
from repro.errors import InputError

_NAMES = {"Any": Any, "Literal": Literal}  # what an annotation may use besides the builtins


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell; `annotation` as written there."""

    name: str
    annotation: str
    default: Any

    def check(self, value: Any) -> Any:
        """Return the value as the annotation has it (an int stands for a float, nothing else is converted).

        Raises:
            ValueError: the value is not of the annotated type; NaN and infinity are not numbers here.
        """
        adapter: TypeAdapter[Any] = TypeAdapter(
            eval(self.annotation, dict(_NAMES)), config=ConfigDict(strict=True, allow_inf_nan=False)
        )
        return adapter.validate_python(value)

    def __str__(self) -> str:
        return f"{self.name}: {self.annotation}"


Parameters = dict[str, Parameter]


def read_parameters(source: str, where: str) -> Parameters:
    """Read a parameters cell; `where` names the page's file in messages.

    Raises:
        InputError: a line is not `name: type = literal`, a type is unknown, or a default is of another type.
    """
    try:
        lines = ast.parse(source).body
    except SyntaxError as error:
        raise InputError(f"{where}: the parameters cell is not valid Python: {error}") from None
    parameters: Parameters = {}
    for line in lines:
        parameter = _read_line(line, source, where)
        if parameter.name in parameters:
            raise InputError(f"{where}: parameter '{parameter.name}' stands twice in the parameters cell")
        parameters[parameter.name] = parameter
    return parameters


def _read_line(line: ast.stmt, source: str, where: str) -> Parameter:
    if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None):
        text = (ast.get_source_segment(source, line) or "").splitlines()[0]
        raise InputError(f"{where}: a line of the parameters cell must be `name: type = value`, not `{text}`")
    name, annotation = line.target.id, ast.unparse(line.annotation)
    try:
        default = ast.literal_eval(line.value)
    except ValueError:
        raise InputError(
            f"{where}: the default of parameter '{name}' must be a literal, not `{ast.unparse(line.value)}`"
        ) from None
    parameter = Parameter(name, annotation, default)
    try:
        parameter.check(default)
    except ValidationError:
        raise InputError(f"{where}: the default of parameter '{name}' is {default!r}, not {annotation}") from None
    except (NameError, TypeError, PydanticSchemaGenerationError):
        raise InputError(f"{where}: parameter '{name}' has an unknown type: {annotation}") from None
    return parameter


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read `NAME=VALUE`; the value as JSON, else as YAML: `[8,16]`, `1e-4`, `true`, `esc10`.

    Raises:
        InputError: there is no name, no value, or the value is neither.
    """
    name, equals, value = text.partition("=")
    if not (equals and name.isidentifier()):
        raise InputError(f"-p takes NAME=VALUE, for example -p widths='[8,16]', not {text!r}")
    try:
        read = _read(value)
    except (yaml.YAMLError, ValueError, RecursionError):  # PyYAML raises the latter two, too
        raise InputError(f"-p {name}: the value is neither JSON nor YAML: {value!r}") from None
    if read is None or read == []:
        raise InputError(
            f"-p {name}: no value means the edition's own: leave -p {name} out; to leave a study out, write an edition "
            f"whose file has '{name}: []'"
        )
    return name, read


def _read(value: str) -> Any:
    with suppress(json.JSONDecodeError):
        return json.loads(value)  # before YAML, which takes 1e-4 for a string
    return yaml.safe_load(value)


def resolve(
    pages: Mapping[str, Parameters],
    root: Path,
    edition: str,
    given: Sequence[tuple[str, Any]] = (),
    only: str | None = None,
) -> tuple[Edition, dict[str, dict[str, Any]]]:
    """The edition with what was given on the command line, and by page the parameters to execute it with.

    What is given goes to every page that has a parameter of this name. To the other pages it goes as one of their
    `settings`, if the edition has a setting of this name.

    Args:
        pages: the parameters of every page.
        root: the project's folder.
        edition: its name.
        given: names and values.
        only: the page that gets what is given; None for all.

    Raises:
        InputError: an unknown edition or name, or a value of the wrong type.
    """
    values: dict[str, dict[str, Any]] = {
        page: {"edition": edition} if "edition" in parameters else {} for page, parameters in pages.items()
    }
    chosen = {page: parameters for page, parameters in pages.items() if only in (None, page)}
    for name, value in given:
        taken = False
        for page, parameters in chosen.items():
            if name in parameters and name not in _OF_THE_BUILD:
                values[page][name] = _checked(page, parameters[name], value)
                taken = True
            elif name in SETTINGS and "settings" in parameters:
                values[page].setdefault("settings", {})[name] = value
                taken = True
        if not taken:
            raise InputError(_unknown(name, chosen, only))
    changes = {name: value for name, value in given if name in SETTINGS}
    return open_edition(edition, root, **changes), values


_OF_THE_BUILD = ("edition", "settings")  # the parameters that the build itself fills


def _checked(page: str, parameter: Parameter, value: Any) -> Any:
    try:
        return parameter.check(value)
    except ValidationError:
        raise InputError(
            f"parameter '{parameter.name}' of page '{page}' must be {parameter.annotation}, not {value!r}"
        ) from None


def _unknown(name: str, pages: Mapping[str, Parameters], only: str | None) -> str:
    """The message for a name that is neither a parameter of these pages nor a setting."""
    every = [parameter for page in pages.values() for parameter in page.values()]
    parameters = dict.fromkeys(str(parameter) for parameter in every if parameter.name not in _OF_THE_BUILD)
    settings = SETTINGS if any(parameter.name == "settings" for parameter in every) else []
    where = f"page '{only}' has" if only is not None else "there is"
    return (
        f"{where} no parameter '{name}'; parameters: {', '.join(parameters) or 'none'}; "
        f"settings: {', '.join(settings) or 'none'}"
    )

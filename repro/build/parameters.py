"""The pages' typed parameters: reading them, and checking the values that a person gives.

A page declares its parameters in the cell tagged `parameters`, one annotated literal a line:

    widths: list[int] = []  # channels W; empty: the edition's

papermill itself would inject a misspelt name or a value of another type without complaint; here both are refused by
name before anything is executed.
"""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from repro.edition import Edition, open_edition
from repro.errors import InputError

# What an annotation may be made of, besides the builtins.
_NAMES = {"Any": Any, "Literal": Literal}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell; `annotation` as written there, `comment` without its hash."""

    name: str
    annotation: str
    default: Any
    comment: str = ""

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
    """Read the source of a parameters cell; `where` names the page's file in messages.

    Raises:
        InputError: a line is not `name: type = literal`, a type is unknown, or a default is not of its own type.
    """
    try:
        lines = ast.parse(source).body
    except SyntaxError as error:
        raise InputError(f"{where}: the parameters cell is not valid Python: {error}") from None
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    parameters: Parameters = {}
    for line in lines:
        parameter = _read_line(line, source, comments, where)
        if parameter.name in parameters:
            raise InputError(f"{where}: parameter '{parameter.name}' stands twice in the parameters cell")
        parameters[parameter.name] = parameter
    return parameters


def _read_line(line: ast.stmt, source: str, comments: Mapping[int, str], where: str) -> Parameter:
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
    rows = range(line.lineno, (line.end_lineno or line.lineno) + 1)
    comment = next((comments[row] for row in rows if row in comments), "")
    parameter = Parameter(name, annotation, default, comment)
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
        InputError: there is no name, or the value is neither.
    """
    name, equals, value = text.partition("=")
    if not (equals and name.isidentifier()):
        raise InputError(f"-p takes NAME=VALUE, for example -p widths='[8,16]', not {text!r}")
    try:
        return name, json.loads(value)  # before YAML, which takes 1e-4 for a string
    except json.JSONDecodeError:
        pass
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        raise InputError(f"-p {name}: the value is neither JSON nor YAML: {value!r}") from None


def resolve(
    pages: Mapping[str, Parameters],
    root: Path,
    edition: str,
    given: Sequence[tuple[str, Any]] = (),
    only: str | None = None,
) -> tuple[Edition, dict[str, dict[str, Any]]]:
    """The edition with what was given by hand, and for every page the values to execute it with.

    What is given goes to the page `only`, or else to every page that has a parameter of this name; a setting of the
    edition that is no parameter of a page goes into its parameter `settings`.

    Raises:
        InputError: an unknown edition or name, or a value of the wrong type.
    """
    values: dict[str, dict[str, Any]] = {page: {} for page in pages}
    chosen = [only] if only is not None else list(pages)
    for name, value in given:
        having = [page for page in chosen if name in pages[page] and name not in _OF_THE_BUILD]
        for page in having:
            values[page][name] = _checked(page, pages[page][name], value)
        others = [page for page in chosen if page not in having and "settings" in pages[page]]
        if name in Edition.model_fields and name != "name":
            for page in others:
                values[page].setdefault("settings", {})[name] = value
        elif not having:
            known = {str(p): p for page in chosen for p in pages[page].values() if p.name not in _OF_THE_BUILD}
            settings = ", ".join(name for name in Edition.model_fields if name != "name")
            where = f"page '{only}' has" if only is not None else "there is"
            raise InputError(
                f"{where} no parameter '{name}'; parameters: {_listed(known.values())}; settings: {settings}"
            )
    for page, parameters in pages.items():
        if "edition" in parameters:
            values[page]["edition"] = edition
            own = {name: value for name, value in values[page].items() if name in Edition.model_fields}
            try:
                open_edition(edition, root, **own, **values[page].get("settings", {}))
            except InputError as error:
                raise InputError(f"page '{page}': {error}" if own else str(error)) from None
    changes = {name: value for name, value in given if name in Edition.model_fields and name != "name"}
    return open_edition(edition, root, **changes), values


_OF_THE_BUILD = ("edition", "settings")


def _checked(page: str, parameter: Parameter, value: Any) -> Any:
    try:
        return parameter.check(value)
    except ValidationError:
        raise InputError(
            f"parameter '{parameter.name}' of page '{page}' must be {parameter.annotation}, not {value!r}"
        ) from None


def _listed(parameters: Iterable[Parameter]) -> str:
    return ", ".join(str(parameter) for parameter in parameters) or "none"

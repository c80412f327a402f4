"""The pages' typed parameters: reading them, and checking the values that an edition or a person gives.

A page declares its parameters in the cell tagged `parameters`, one annotated literal a line:

    widths: list[int] = [4, 8, 16]  # channels W; the paper: 32 to 512

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
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

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


class Edition(BaseModel):
    """One parameterisation of the whole book: `parameters` for every page that has them, `pages` for single pages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    description: str = ""
    parameters: dict[str, Any] = {}
    pages: dict[str, dict[str, Any]] = {}


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


def read_edition(folder: Path, name: str) -> Edition:
    """Read `<folder>/<name>.yml`.

    Raises:
        InputError: there is no such edition (the message lists those that exist), or the file is malformed.
    """
    known = sorted(path.stem for path in folder.glob("*.yml"))
    if name not in known:
        raise InputError(f"no edition '{name}'; there are: {', '.join(known) or 'none'}")
    try:
        return Edition.model_validate(yaml.safe_load((folder / f"{name}.yml").read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise InputError(f"edition '{name}' is not valid YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise InputError(f"edition '{name}': {field}: {fault['msg'].lower()}") from None


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
    edition: Edition,
    edition_name: str,
    given: Sequence[tuple[str, Any]] = (),
    only: str | None = None,
) -> dict[str, dict[str, Any]]:
    """Return for every page the values that differ from its own defaults.

    The edition's common parameters come first, then its parameters of single pages, then those given by hand, which
    go to the page `only`, or else to every page that has them.

    Raises:
        InputError: an unknown page or parameter, or a value of the wrong type.
    """
    source = f"edition '{edition_name}': "
    values: dict[str, dict[str, Any]] = {page: {} for page in pages}

    def put(page: str, name: str, value: Any, prefix: str) -> None:
        parameters = pages[page]
        if name not in parameters:
            raise InputError(f"{prefix}page '{page}' has no parameter '{name}'; it has: {_listed(parameters.values())}")
        try:
            values[page][name] = parameters[name].check(value)
        except ValidationError:
            raise InputError(
                f"{prefix}parameter '{name}' of page '{page}' must be {parameters[name].annotation}, not {value!r}; "
                f"the page has: {_listed(parameters.values())}"
            ) from None

    def put_everywhere(name: str, value: Any, prefix: str) -> None:
        having = [page for page, parameters in pages.items() if name in parameters]
        if not having:
            known = {str(p): p for parameters in pages.values() for p in parameters.values()}
            raise InputError(f"{prefix}no page has a parameter '{name}'; there are: {_listed(known.values())}")
        for page in having:
            put(page, name, value, prefix)

    for name, value in edition.parameters.items():
        put_everywhere(name, value, source)
    for page, own in edition.pages.items():
        if page not in pages:
            raise InputError(f"{source}no page '{page}'; there are: {', '.join(pages)}")
        for name, value in own.items():
            put(page, name, value, source)
    for name, value in given:
        if only is None:
            put_everywhere(name, value, "")
        else:
            put(only, name, value, "")
    return {
        page: {name: value for name, value in own.items() if value != pages[page][name].default}
        for page, own in values.items()
    }


def _listed(parameters: Iterable[Parameter]) -> str:
    return ", ".join(str(parameter) for parameter in parameters) or "none"

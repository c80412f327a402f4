from pathlib import Path

import pytest

from repro.build.parameters import parse_assignment, read_parameters, resolve
from repro.edition import Edition, open_edition
from repro.errors import InputError

ROOT = Path(__file__).parents[2]
CELL = """\
edition: str = "quick"  # a file of book/editions
widths: list[int] = []  # channels W; empty: the edition's
settings: dict = {}
data: Literal["synthetic", "esc10"] = "synthetic"
damped: bool | None = None  # both
share: float = 1e-3
"""
PAGES = {
    "03-one": read_parameters(CELL, "03-one.py"),
    "04-two": read_parameters('edition: str = "quick"\nsettings: dict = {}', "04-two.py"),
    "05-three": read_parameters("measurement: str = ''", "05-three.py"),
    "references": {},
}
EDITION = {"edition": "quick"}


def test_the_cell_gives_name_type_and_default():
    parameters = read_parameters(CELL, "x.py")
    assert list(parameters) == ["edition", "widths", "settings", "data", "damped", "share"]
    assert parameters["widths"].annotation == "list[int]"
    assert parameters["share"].default == 0.001
    assert str(parameters["data"]) == "data: Literal['synthetic', 'esc10']"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("a = 3", "x.py: a line of the parameters cell must be `name: type = value`, not `a = 3`"),
        ("a: int", "x.py: a line of the parameters cell must be `name: type = value`, not `a: int`"),
        ("a: int = 2 * b", "x.py: the default of parameter 'a' must be a literal, not `2 * b`"),
        ("a: int = '3'", "x.py: the default of parameter 'a' is '3', not int"),
        ("a: list[int] = [1, 2.5]", "x.py: the default of parameter 'a' is [1, 2.5], not list[int]"),
        ("a: nonsense = 3", "x.py: parameter 'a' has an unknown type: nonsense"),
        ("a: int = 3\na: int = 4", "x.py: parameter 'a' stands twice in the parameters cell"),
        ("a: int = ", "x.py: the parameters cell is not valid Python: invalid syntax (<unknown>, line 1)"),
    ],
)
def test_a_malformed_cell_is_refused(cell: str, message: str):
    with pytest.raises(InputError) as refused:
        read_parameters(cell, "x.py")
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=[8, 16]", [8, 16]),
        ("a=1e-4", 0.0001),
        ("a=true", True),
        ("a=esc10", "esc10"),
        ("a=/some/where=else", "/some/where=else"),
        ("a='12'", "12"),
    ],
)
def test_an_assignment_is_json_or_yaml(text: str, value: object):
    assert parse_assignment(text) == ("a", value)


@pytest.mark.parametrize("value", ["{", "2020-13-45", "!!int abc", "9" * 5000, "[" * 5000])
def test_a_value_that_cannot_be_read_is_bad_input(value: str):
    with pytest.raises(InputError) as refused:
        parse_assignment(f"a={value}")
    assert str(refused.value) == f"-p a: the value is neither JSON nor YAML: {value!r}"


@pytest.mark.parametrize("text", ["widths", "=3", "a b=3", ""])
def test_an_assignment_needs_a_name_and_a_value(text: str):
    with pytest.raises(InputError) as refused:
        parse_assignment(text)
    assert str(refused.value) == f"-p takes NAME=VALUE, for example -p widths='[8,16]', not {text!r}"


def values(*given: tuple[str, object], only: str | None = None) -> dict[str, dict[str, object]]:
    return resolve(PAGES, ROOT, "quick", given, only)[1]


def test_every_page_that_has_an_edition_gets_it():
    assert values() == {"03-one": EDITION, "04-two": EDITION, "05-three": {}, "references": {}}


def test_what_is_given_goes_to_every_page_that_has_the_parameter_and_else_into_the_settings():
    assert values(("widths", [8]), ("epochs", 20)) == {
        "03-one": EDITION | {"widths": [8], "settings": {"epochs": 20}},
        "04-two": EDITION | {"settings": {"widths": [8], "epochs": 20}},
        "05-three": {},
        "references": {},
    }
    assert values(("share", 1), ("damped", True))["03-one"] == EDITION | {"share": 1.0, "damped": True}
    assert values(("measurement", "x.json"))["05-three"] == {"measurement": "x.json"}
    assert values(("epochs", 20), ("epochs", 30))["04-two"] == EDITION | {"settings": {"epochs": 30}}


def test_one_page_alone_gets_what_is_given():
    assert values(("widths", [8]), ("epochs", 20), only="04-two") == {
        "03-one": EDITION,
        "04-two": EDITION | {"settings": {"widths": [8], "epochs": 20}},
        "05-three": {},
        "references": {},
    }


def test_the_edition_has_what_is_given():
    edition, _ = resolve(PAGES, ROOT, "esc10", [("widths", [8, 16]), ("epochs", 20), ("damped", True)])
    assert edition == open_edition("esc10", ROOT, widths=[8, 16], epochs=20)


PARAMETERS = "widths: list[int], data: Literal['synthetic', 'esc10'], damped: bool | None, share: float"
SETTINGS = ", ".join(field for field in Edition.model_fields if field != "name")


@pytest.mark.parametrize(
    ("name", "value", "only", "message"),
    [
        (
            "width",
            [8],
            None,
            f"there is no parameter 'width'; parameters: {PARAMETERS}, measurement: str; settings: {SETTINGS}",
        ),
        (
            "name",
            "mine",
            "03-one",
            f"page '03-one' has no parameter 'name'; parameters: {PARAMETERS}; settings: {SETTINGS}",
        ),
        (
            "edition",
            "esc10",
            "04-two",
            f"page '04-two' has no parameter 'edition'; parameters: none; settings: {SETTINGS}",
        ),
        (
            "epochs",
            3,
            "05-three",
            "page '05-three' has no parameter 'epochs'; parameters: measurement: str; settings: none",
        ),
        ("epochs", 3, "references", "page 'references' has no parameter 'epochs'; parameters: none; settings: none"),
        ("widths", 8, None, "parameter 'widths' of page '03-one' must be list[int], not 8"),
        ("widths", [8, "16"], None, "parameter 'widths' of page '03-one' must be list[int], not [8, '16']"),
        ("share", float("nan"), None, "parameter 'share' of page '03-one' must be float, not nan"),
        ("damped", 1, "03-one", "parameter 'damped' of page '03-one' must be bool | None, not 1"),
        ("widths", 8, "04-two", "Edition.widths = 8: input should be a valid list"),
        ("epochs", True, None, "Edition.epochs = True: input should be a valid integer"),
        ("epochs", "x", "04-two", "Edition.epochs = 'x': input should be a valid integer"),
        ("sparse_widths", [4], None, "sparse_widths, unguarded_widths: 4 must be larger than reference_width = 4"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, value: object, only: str | None, message: str):
    with pytest.raises(InputError) as refused:
        values((name, value), only=only)
    assert str(refused.value) == message


def test_an_unknown_edition_is_refused_with_those_that_exist():
    with pytest.raises(InputError, match=r"^no edition 'tau'; there are: esc10, quick, tau2020$"):
        resolve(PAGES, ROOT, "tau")

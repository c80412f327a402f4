import pytest

from repro.build.parameters import Edition, parse_assignment, read_edition, read_parameters, resolve
from repro.errors import InputError

CELL = """\
widths: list[int] = [4, 8]  # channels W; the paper: 32 to 512
max_lr: float = 1e-3
data: Literal["synthetic", "esc10"] = "synthetic"
damped: bool | None = None  # both
epochs: int = 20
"""
PAGES = {
    "03-one": read_parameters(CELL, "03-one.py"),
    "04-two": read_parameters("epochs: int = 30\nseed: int = 0", "04-two.py"),
    "references": {},
}
PLAIN = Edition(title="Plain")


def test_the_cell_gives_name_type_default_and_comment():
    parameters = read_parameters(CELL, "x.py")
    assert list(parameters) == ["widths", "max_lr", "data", "damped", "epochs"]
    assert parameters["widths"].annotation == "list[int]"
    assert parameters["widths"].default == [4, 8]
    assert parameters["widths"].comment == "channels W; the paper: 32 to 512"
    assert parameters["max_lr"].comment == ""
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
        ("a=null", None),
        ("a=esc10", "esc10"),
        ("a=/some/where=else", "/some/where=else"),
        ("a='12'", "12"),
    ],
)
def test_an_assignment_is_json_or_yaml(text: str, value: object):
    assert parse_assignment(text) == ("a", value)


@pytest.mark.parametrize("text", ["widths", "=3", "a b=3", ""])
def test_an_assignment_needs_a_name_and_a_value(text: str):
    with pytest.raises(InputError) as refused:
        parse_assignment(text)
    assert str(refused.value) == f"-p takes NAME=VALUE, for example -p widths='[8,16]', not {text!r}"


def test_only_values_that_differ_from_the_defaults_are_given():
    edition = Edition(
        title="E", parameters={"epochs": 30, "max_lr": 1}, pages={"03-one": {"widths": [4, 8], "epochs": 5}}
    )
    assert resolve(PAGES, edition, "e") == {
        "03-one": {"epochs": 5, "max_lr": 1.0},
        "04-two": {},
        "references": {},
    }


def test_given_values_go_to_every_page_that_has_them_or_to_one():
    given = [("epochs", 7)]
    assert resolve(PAGES, PLAIN, "e", given) == {"03-one": {"epochs": 7}, "04-two": {"epochs": 7}, "references": {}}
    assert resolve(PAGES, PLAIN, "e", given, "04-two") == {"03-one": {}, "04-two": {"epochs": 7}, "references": {}}


FIRST = "widths: list[int], max_lr: float, data: Literal['synthetic', 'esc10'], damped: bool | None, epochs: int"


@pytest.mark.parametrize(
    ("name", "value", "only", "message"),
    [
        ("width", [8], None, f"no page has a parameter 'width'; there are: {FIRST}, seed: int"),
        ("seed", 3, "03-one", f"page '03-one' has no parameter 'seed'; it has: {FIRST}"),
        ("seed", 3, "references", "page 'references' has no parameter 'seed'; it has: none"),
        ("widths", 8, None, f"parameter 'widths' of page '03-one' must be list[int], not 8; the page has: {FIRST}"),
        (
            "widths",
            [8, "16"],
            None,
            f"parameter 'widths' of page '03-one' must be list[int], not [8, '16']; the page has: {FIRST}",
        ),
        (
            "epochs",
            True,
            "04-two",
            "parameter 'epochs' of page '04-two' must be int, not True; the page has: epochs: int, seed: int",
        ),
        (
            "max_lr",
            float("nan"),
            None,
            f"parameter 'max_lr' of page '03-one' must be float, not nan; the page has: {FIRST}",
        ),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(name: str, value: object, only: str | None, message: str):
    with pytest.raises(InputError) as refused:
        resolve(PAGES, PLAIN, "e", [(name, value)], only)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "title: E\nparameters: {epoch: 3}",
            f"edition 'e': no page has a parameter 'epoch'; there are: {FIRST}, seed: int",
        ),
        ("title: E\npages: {05-x: {a: 3}}", "edition 'e': no page '05-x'; there are: 03-one, 04-two, references"),
        (
            "title: E\npages: {04-two: {seed: x}}",
            "edition 'e': parameter 'seed' of page '04-two' must be int, not 'x'; the page has: epochs: int, seed: int",
        ),
        ("title: E\nparameter: {}", "edition 'e': parameter: extra inputs are not permitted"),
        ("description: E", "edition 'e': title: field required"),
    ],
)
def test_an_edition_that_does_not_fit_is_refused(tmp_path, text: str, message: str):
    (tmp_path / "e.yml").write_text(text)
    with pytest.raises(InputError) as refused:
        resolve(PAGES, read_edition(tmp_path, "e"), "e")
    assert str(refused.value) == message


def test_an_unknown_edition_is_refused_with_those_that_exist(tmp_path):
    for name in ("quick", "esc10"):
        (tmp_path / f"{name}.yml").write_text("title: T")
    with pytest.raises(InputError, match=r"^no edition 'tau'; there are: esc10, quick$"):
        read_edition(tmp_path, "tau")

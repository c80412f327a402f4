import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from repro.cli import main
from repro.edition import Edition

ROOT = Path(__file__).parents[2]


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "book" / "editions").mkdir(parents=True)
    (tmp_path / "_config.yml").write_text("title: Tiny\n")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    shutil.copy(ROOT / "book" / "editions" / "quick.yml", tmp_path / "book" / "editions")
    cell = 'edition: str = "quick"\nwidths: list[int] = [4]\nlr: float = 1.0\nsettings: dict = {}\n'
    (tmp_path / "book" / "index.py").write_text(f'# %% tags=["parameters"]\n{cell}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


ALLOWED = "parameters: widths: list[int], lr: float; settings: " + ", ".join(
    field for field in Edition.model_fields if field != "name"
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--edition", "full"], "no edition 'full'; there are: quick"),
        (["--only", "09-none"], "no page '09-none'; there are: index"),
        (["-p", "width=[8]"], f"there is no parameter 'width'; {ALLOWED}"),
        (["--only", "index", "-p", "width=[8]"], f"page 'index' has no parameter 'width'; {ALLOWED}"),
        (["-p", "widths=8"], "parameter 'widths' of page 'index' must be list[int], not 8"),
        (["-p", "epochs=many"], "Edition.epochs = 'many': input should be a valid integer"),
        (["-p", "sparse_widths=[2]"], "sparse_widths, unguarded_widths: 2 must be larger than reference_width = 4"),
        (["-p", "widths"], "-p takes NAME=VALUE, for example -p widths='[8,16]', not 'widths'"),
        (["-p", "lr={"], "-p lr: the value is neither JSON nor YAML: '{'"),
        *(
            (
                ["-p", f"widths={empty}"],
                "-p widths: no value means the edition's own: leave -p widths out; to leave a study out, write an "
                "edition whose file has 'widths: []'",
            )
            for empty in ("[]", "null", "")
        ),
        (["--no-execute", "-p", "lr=1"], "--no-execute executes nothing: it goes without --only, -p and --fresh"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(book: Path, arguments: list[str], message: str):
    assert invoke("book", *arguments) == (2, "", f"repro: {message}\n")
    assert not (book / "_build").exists()


def test_a_folder_that_cannot_be_written_is_named(book: Path):
    (book / "_build").touch()
    assert invoke("book") == (
        2,
        "",
        f"repro: edition 'quick' cannot be built in {book}/_build/quick: Not a directory\n",
    )


def test_outside_of_a_book_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    message = f"repro: {tmp_path} is not in the book's folder: go to the folder that holds _toc.yml\n"
    assert invoke("book") == (2, "", message)


def test_the_book_is_found_from_a_folder_inside_it(book: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(book / "book" / "editions")
    assert invoke("book", "--edition", "full")[2] == "repro: no edition 'full'; there are: quick\n"


def test_help_loads_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "from repro.cli import main; main(['--help'])"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0
    assert "Execute the notebooks and make the HTML" in done.stdout
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert loaded.isdisjoint({"torch", "numpy", "pandas", "pydantic", "papermill", "sphinx", "matplotlib", "librosa"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["model", "--width", "2.5"],
            "Invalid value for '--width': '2.5' is not a valid integer: see 'repro model --help'",
        ),
        *((["model", "--seconds", s], f"--seconds {s}: must be from 0.4 to 60") for s in ("0.3", "nan", "inf")),
        (["model", "--width", "1000000"], "ModelConfig.width = 1000000: input should be less than or equal to 100000"),
        *(
            ([command, "--depth", "100000"], "ModelConfig.depth = 100000: input should be less than or equal to 1000")
            for command in ("model", "train")
        ),
        (["foo"], "No such command 'foo': see 'repro --help'"),
        (["runs", "show"], "Missing argument 'KEY': see 'repro runs show --help'"),
        (["--bogus"], "No such option '--bogus': see 'repro --help'"),
    ],
)
def test_a_command_that_cannot_be_read_is_told_in_one_line(arguments, message):
    assert invoke(*arguments) == (2, "", f"repro: {message}\n")


def test_an_estimate_takes_no_options_of_another_engine(book: Path):
    assert invoke("sweep", "--dry-run", "--address", "auto") == (2, "", "repro: --address belongs to --engine ray\n")


def test_an_experiment_of_a_file_takes_no_other_options(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    assert invoke("train", "--json", str(tmp_path / "run.json"), "--max-lr", "1") == (
        2, "", f"repro: --json holds the whole Experiment: leave --max-lr out, or set it in {tmp_path / 'run.json'}\n"
    )  # fmt: skip


def test_a_page_and_a_table_of_contents_that_cannot_be_read_are_named(book: Path):
    page = book / "book" / "index.py"
    page.write_bytes(page.read_bytes() + b"# caf\xe9\n")
    assert invoke("book") == (2, "", "repro: index.py is not UTF-8: save it as that\n")
    (book / "_toc.yml").write_text("format: [")
    assert invoke("book")[::2] == (2, invoke("book")[2]) and invoke("book")[2].startswith("repro: _toc.yml: ")
    assert invoke("book")[2].count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["runs"]])
def test_a_command_without_its_subcommand_prints_its_help(arguments):
    status, _, told = invoke(*arguments)
    assert status == 2 and told.startswith("Usage: ") and "Commands:" in told


def test_a_book_of_other_editions_asks_for_a_name(book: Path):
    (book / "book" / "editions" / "quick.yml").rename(book / "book" / "editions" / "mine.yml")
    message = "repro: book/editions has neither of quick and esc10: name an edition with --edition\n"
    assert invoke("book") == (2, "", message)


def test_an_edition_of_which_pages_were_never_executed_is_left_out_of_the_site(book: Path, monkeypatch):
    shutil.copy(book / "book" / "editions" / "quick.yml", book / "book" / "editions" / "tau2020.yml")
    (book / "_build" / "tau2020" / "source").mkdir(parents=True)
    monkeypatch.setattr("repro.build.book.render", lambda root, name: root / "_build" / name / "html" / "index.html")
    code, out, error = invoke("book", "--no-execute")
    assert (code, error) == (0, "")
    assert out.splitlines() == [
        "Edition 'tau2020' is left out, never executed: index",
        f"The book: {book}/_build/quick/html/index.html",
    ]


def test_a_path_that_the_system_refuses_is_one_line():
    code, out, err = invoke("data", "check", 300 * "x")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"repro: x{300}\S* cannot be used \(File name too long\): name another place\n", err)

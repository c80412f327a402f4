from pathlib import Path

import nbformat
import pytest

from repro.build.gate import check_book, check_notebook, check_page


def notebook(tmp_path: Path, **changes: object) -> Path:
    cell = nbformat.v4.new_code_cell("1 + 1", execution_count=1)
    cell.update(changes)
    path = tmp_path / "page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T"), cell]), path)
    return path


STDERR = nbformat.v4.new_output("stream", name="stderr", text="x.py:1: UserWarning: old\n  warn()\n")
OBJECT = {"text/plain": "<IPython.core.display.Markdown object>"}
EMPTY, SHOWN = (
    nbformat.v4.new_output("display_data", data)
    for data in (OBJECT | {"text/markdown": ""}, OBJECT | {"text/markdown": "x"})
)
EMPTY_SHOWN = "code cell 1 shows <IPython.core.display.Markdown object>"
ERROR = nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({}, []),
        ({"execution_count": None}, ["code cell 1 was not executed"]),
        ({"outputs": [ERROR]}, ["code cell 1 failed: ValueError: no"]),
        ({"outputs": [STDERR]}, ["code cell 1 wrote to stderr: warn()"]),
        ({"outputs": [STDERR], "metadata": {"tags": ["remove-output"]}}, []),
        ({"outputs": [STDERR], "metadata": {"tags": ["remove-stderr"]}}, []),
        ({"outputs": [EMPTY], "metadata": {"tags": ["remove-stderr"]}}, [EMPTY_SHOWN]),
        ({"outputs": [EMPTY]}, [EMPTY_SHOWN]),
        ({"outputs": [EMPTY], "metadata": {"tags": ["remove-output"]}}, []),
        ({"outputs": [SHOWN]}, []),
        ({"source": "", "execution_count": None}, []),
    ],
)
def test_notebooks(tmp_path: Path, changes: dict[str, object], faults: list[str]):
    assert [fault.replace("  ", "") for fault in check_notebook(notebook(tmp_path, **changes))] == faults


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ("<p>plain</p>", []),
        ('<img src="there.png" alt="A figure">', []),
        ('<img src="data:image/png;base64,AA" alt="A figure">', []),
        ('<img src="gone.png" alt="A figure">', ["gone.png is missing"]),
        ('<audio><source src="gone.wav"></audio>', ["gone.wav is missing"]),
        ('<img src="there.png">', ["image there.png has no alternative text"]),
        ('<img src="there.png" alt="../_images/there.png">', ["image there.png has no alternative text"]),
        ("<p>see {numref}`x`</p>", ["markup left raw: {numref}"]),
        ("<p>see {glue:text}`x`</p>", ["markup left raw: {glue:text}"]),
        ("<p>as shown by ???</p>", ["markup left raw: ???"]),
        ("<p>how to write it: <code>{numref}</code></p>", []),
        ('<span class="math">\\text{ref}</span>', []),
        ('<p><span class="xref std std-numref">fig-x</span></p>', ["unresolved reference: fig-x"]),
        ('<p><a href="#x"><span class="xref std std-ref">X</span></a></p>', []),
    ],
)
def test_pages(tmp_path: Path, body: str, faults: list[str]):
    (tmp_path / "there.png").touch()
    (tmp_path / "page.html").write_text(f"<html><body><article>{body}</article></body></html>")
    assert list(check_page(tmp_path / "page.html")) == faults


def test_a_book_needs_every_page_of_its_table_of_contents(tmp_path: Path):
    source, html = tmp_path / "source", tmp_path / "html"
    source.mkdir()
    (html / "_sources").mkdir(parents=True)
    (source / "_toc.yml").write_text("format: jb-book\nroot: page\nchapters:\n- file: second\n- file: third\n")
    notebook(source)
    (source / "third.md").touch()
    (html / "third.html").touch()
    assert check_book(source, html) == [
        "page: the executed notebook is not offered for download",
        "page: the page is missing in the HTML",
        "second: there is no executed notebook",
        "second: the page is missing in the HTML",
    ]

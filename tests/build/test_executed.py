import json
from pathlib import Path

from bs4 import BeautifulSoup

from repro.build.executed import fill_in
from repro.figures.markup import EXECUTED, RUNS_MIME


def executed(path: Path, start: str, duration: float, runs: list[str]) -> None:
    output = {"output_type": "display_data", "metadata": {}, "data": {RUNS_MIME: runs}}
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "source": "", "outputs": [output]}
    told = {"papermill": {"start_time": start, "duration": duration}}
    path.write_text(json.dumps({"cells": [cell], "metadata": told, "nbformat": 4, "nbformat_minor": 4}))


def test_the_status_page_says_when_each_page_was_executed(tmp_path: Path):
    source, html = tmp_path / "source", tmp_path / "html"
    (source / "book").mkdir(parents=True)
    html.mkdir()
    (source / "_toc.yml").write_text(
        "format: jb-book\nroot: book/status\nchapters:\n- file: book/width\n- file: book/references\n"
    )
    executed(source / "book/width.ipynb", "2026-11-26T22:39:55.925598+00:00", 12.445, ["a", "b"])
    executed(source / "book/status.ipynb", "2026-11-27T00:01:59.000000+00:00", 0.6, [])
    (html / "status.html").write_text(f"<main>{EXECUTED}</main>")
    (html / "width.html").write_text("<main></main>")
    fill_in(html, source)
    rows = BeautifulSoup((html / "status.html").read_text(), "html.parser").select("main > table.dataframe tr")
    assert [[cell.text for cell in row.select("th, td")] for row in rows] == [
        ["page", "executed (UTC)", "seconds", "runs"],
        ["status", "2026-11-27 00:01", "1", "0"],
        ["width", "2026-11-26 22:39", "12", "2"],
    ]
    assert (html / "width.html").read_text() == "<main></main>"

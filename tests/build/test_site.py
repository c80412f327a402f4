import errno
import shutil
from zipfile import ZipFile

import pytest
from filelock import FileLock

from repro.build.book import locked
from repro.build.site import assemble
from repro.errors import InputError

PAGE = '<html><body><main><div class="bd-article-container">{}</div></main></body></html>'


def book(folder, *pages):
    (folder / "book").mkdir(parents=True)
    for page in pages:
        (folder / "book" / f"{page}.html").write_text(PAGE.format(page))
    return folder


def test_two_editions_side_by_side_with_a_switch_to_the_same_page(tmp_path):
    books = {
        "esc10": book(tmp_path / "a", "index", "width", "microphones"),
        "quick": book(tmp_path / "b", "index", "width"),
    }
    titles = {"esc10": "Real & true", "quick": "Quick"}
    first = assemble(books, titles, tmp_path / "site", tmp_path / "site.zip")
    assert first == tmp_path / "site" / "esc10" / "book" / "index.html"
    width = (tmp_path / "site" / "esc10" / "book" / "width.html").read_text()
    assert (
        '<div class="bd-article-container"><nav class="repro-editions" aria-label="Editions">'
        '<span aria-current="true">Real &amp; true</span> '
        '<a href="../../quick/book/width.html">Quick</a></nav>width' in width
    )
    lone = (tmp_path / "site" / "esc10" / "book" / "microphones.html").read_text()
    assert '<a href="../../quick/book/index.html">Quick</a>' in lone
    assert 'url=esc10/book/index.html"' in (tmp_path / "site" / "index.html").read_text()
    with ZipFile(tmp_path / "site.zip") as archive:
        assert archive.testzip() is None
        assert "site/quick/book/width.html" in archive.namelist()
        assert not any(name.startswith("/") or ".." in name for name in archive.namelist())


@pytest.mark.parametrize(("held", "what"), [("a", "edition 'quick'"), (".site", "the site")])
def test_a_site_is_not_made_of_what_another_process_builds(held, what, tmp_path):
    html = book(tmp_path / "a" / "html", "index")
    (tmp_path / held).mkdir(exist_ok=True)
    with FileLock(tmp_path / held / ".lock"), pytest.raises(InputError) as refused:
        assemble({"quick": html}, {"quick": "Quick"}, tmp_path / "site", tmp_path / "site.zip")
    assert str(refused.value) == f"{what} is being built by another process"
    assert not (tmp_path / "site").exists()


def test_a_site_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("repro.build.site.shutil.copytree", full)
    with pytest.raises(InputError, match=r"^the site cannot be built in .*: No space left on device$"):
        assemble({"quick": tmp_path / "a" / "html"}, {"quick": "Quick"}, tmp_path / "site", tmp_path / "site.zip")


def test_a_new_site_takes_the_place_of_the_old_one(tmp_path):
    site = tmp_path / "site"
    assemble({"quick": book(tmp_path / "a", "index", "old")}, {"quick": "Quick"}, site, tmp_path / "site.zip")
    assemble({"quick": book(tmp_path / "b", "index")}, {"quick": "Quick"}, site, tmp_path / "site.zip")
    assert sorted(path.name for path in (site / "quick" / "book").iterdir()) == ["index.html"]
    assert "repro-editions" not in (site / "quick" / "book" / "index.html").read_text()  # nothing to switch to


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x.ipynb"), "No space left on device (x.ipynb)"),
        (
            shutil.Error([("a", "b", "[Errno 27] File too large: 'b'"), ("c", "d", "other")]),
            "[Errno 27] File too large: 'b'",
        ),
    ],
)
def test_what_cannot_be_written_while_a_folder_is_held_is_told_in_a_line(error, reason, tmp_path):
    with pytest.raises(InputError) as refused, locked(tmp_path, "edition 'quick'"):
        raise error
    assert str(refused.value) == f"edition 'quick' cannot be built in {tmp_path}: {reason}"

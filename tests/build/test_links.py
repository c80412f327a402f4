from repro.build.links import resolve_targets


def test_links_lead_to_the_page_that_has_the_element(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "index.html").write_text('<a href="target:fig-3">Fig. 3</a>')
    (tmp_path / "book" / "width.html").write_text(
        '<figure class="x" id="fig-3"></figure><a href="target:claim-3">3</a>'
    )
    (tmp_path / "book" / "claims.html").write_text(
        '<tr id="claim-3"></tr><a href="target:fig-3">f</a><a href="target:claim-3">c</a><a href="target:fig-9">g</a>'
    )
    assert resolve_targets(tmp_path) == ["book/claims.html: a link to 'fig-9', which is on no page"]
    assert (tmp_path / "index.html").read_text() == '<a href="book/width.html#fig-3">Fig. 3</a>'
    assert '<a href="claims.html#claim-3">3</a>' in (tmp_path / "book" / "width.html").read_text()
    assert (tmp_path / "book" / "claims.html").read_text() == (
        '<tr id="claim-3"></tr><a href="width.html#fig-3">f</a><a href="#claim-3">c</a><a >g</a>'
    )


def test_links_lead_to_any_named_place(tmp_path):
    (tmp_path / "setup.html").write_text('<section id="seeds"><span id="seed-and-machine"></span></section>')
    (tmp_path / "width.html").write_text('<a href="target:seed-and-machine">A.3</a>')
    assert resolve_targets(tmp_path) == []
    assert (tmp_path / "width.html").read_text() == '<a href="setup.html#seed-and-machine">A.3</a>'
    (tmp_path / "depth.html").write_text('<i id="seeds"></i><a href="target:seeds">which?</a>')
    assert resolve_targets(tmp_path) == ["depth.html: a link to 'seeds', which is on 2 pages"]


def test_figures_lead_to_their_image_and_their_notebook(tmp_path):
    (tmp_path / "book").mkdir()
    page = tmp_path / "book" / "width.html"
    page.write_text(
        '<img src="../_images/a.svg"><figure id="fig-3"><img alt="x" src="../_images/b.svg"></figure>'
        '<a href="image:fig-3">SVG</a><a href="notebook:">code</a><a href="image:fig-4">none</a>'
    )
    assert resolve_targets(tmp_path) == ["book/width.html: a link to the image of 'fig-4', which is not there"]
    assert page.read_text().endswith(
        '<a href="../_images/b.svg">SVG</a><a href="../_sources/book/width.ipynb">code</a><a >none</a>'
    )

import nbformat
import pandas as pd
import pytest
import tiny

from repro.build import pages
from repro.erf.gradient import FRAME_MS
from repro.experiment import DataConfig, ModelConfig, Recipe, Sparsity
from repro.figures import page as display
from repro.figures.page import RUNS_MIME, SYNTHETIC_NOTE, extents_table, provenance, start
from repro.store.provenance import code_fingerprint
from repro.store.record import Failure
from repro.studies import Setting

SYNTHETIC = DataConfig()
REAL = DataConfig(name="tau2020", root="/data/tau")


def html(output) -> str:
    return output._repr_mimebundle_()["text/html"]


@pytest.fixture(autouse=True)
def style(monkeypatch) -> list[bool]:
    """The style of this process's figures stays as it is."""
    used: list[bool] = []
    monkeypatch.setattr(display, "use_style", lambda: used.append(True))
    return used


def test_the_top_of_a_page_names_edition_recordings_and_recipe(style):
    output = start("tau <2020>", Setting(REAL, Recipe(), (0, 1, 2)))
    assert html(output) == (
        '<p class="repro-edition"><strong>Edition: tau &lt;2020&gt;</strong> · TAU Urban Acoustic Scenes 2020 Mobile '
        "· 10 s clips · 250 epochs · learning rate up to 0.0001 · batches of 10 · 3 seeds.</p>"
    )
    assert style == [True]
    assert RUNS_MIME not in output._repr_mimebundle_()


def test_synthetic_recordings_are_said_to_be_no_evidence():
    text = html(start("quick", Setting(SYNTHETIC, Recipe(), (0,))))
    assert text.endswith(f" · 1 seed. {SYNTHETIC_NOTE}</p>")
    esc10 = DataConfig(name="esc10", root="/data")
    for data in (REAL, esc10):
        assert SYNTHETIC_NOTE not in html(start("real", Setting(data, Recipe(), (0,))))


def test_every_data_set_has_a_name():
    assert set(display.DATA_NAMES) == {"synthetic", "esc10", "tau2020"}


def test_the_build_and_the_pages_agree_on_the_type_of_the_recorded_runs():
    assert display.RUNS_MIME == pages.RUNS_MIME


def test_provenance_names_every_run_once():
    first, second = tiny.record(), tiny.record(seed=1)
    output = provenance(iter([first, second, first]))
    assert output._repr_mimebundle_()[RUNS_MIME] == {
        "runs": sorted([first.key, second.key]),
        "missing": [],
        "data": ["f" * 64],
    }
    text = html(output)
    assert text.count(first.key) == text.count(second.key) == 1
    assert "Drawn from 2 runs (4 s of training)" in text
    assert "cpu: &lt;toy&gt;" in text and "<toy>" not in text
    table = text[text.index("<tbody>") :]
    assert table.index(first.key) < table.index(second.key)  # in the order of the figure


def test_runs_that_failed_are_named_in_sight_with_their_reasons(monkeypatch):
    reason = "the loss of epoch 1 is <nan>"
    failure = Failure("k" * 20, tiny.record(seed=1).experiment, "f" * 64, "non-finite loss", reason, {})
    monkeypatch.setattr(display, "failed", {failure.key: failure})
    text = html(provenance([tiny.record()]))
    assert text.startswith(
        '<p class="repro-missing"><strong>Not trained:</strong> W=2 D=1 K=0, base, seed 1: non-finite loss '
        "(the loss of epoch 1 is &lt;nan&gt;)</p><details"
    )
    monkeypatch.setattr(display, "failed", {})
    assert "repro-missing" not in html(provenance([tiny.record()]))


def test_runs_of_other_code_are_counted_and_marked():
    own, other = tiny.record(), tiny.record(seed=1)
    own.provenance["code"] = {"fingerprint": code_fingerprint()}
    other.provenance["code"] = {"fingerprint": "c" * 64}
    text = html(provenance([own, other]))
    assert text.count(" s of training); made by other code than this book’s: 1 of 2 runs</summary>") == 1
    rows = text[text.index("<tbody>") :].split("</tr>")
    assert own.key in rows[0] and rows[0].endswith("<td>this book’s</td>")
    assert other.key in rows[1] and rows[1].endswith("<td>other</td>")
    assert "other code" not in html(provenance([own]))


@pytest.mark.parametrize(
    ("run", "network"),
    [
        (tiny.record(ModelConfig(width=8, depth=2)), "W=8 D=2 K=1, base"),
        (tiny.record(ModelConfig(damped=True, pointwise=4)), "W=32 D=1 K=4, damped"),
        (
            tiny.record(ModelConfig(width=128), sparsity=Sparsity(method="static", weights=626_752)),
            "W=128 D=1 K=1, base, static to 626,752 weights",
        ),
        (tiny.record(labels="random"), "W=2 D=1 K=0, base, random labels"),
    ],
)
def test_provenance_describes_the_network(run, network):
    assert f"<td>{network}</td>" in html(provenance([run]))


def test_extents_and_their_ratio():
    # a constant square of side 2r + 1: within s of its middle lies the share 2s / (2r + 1)
    table = extents_table([tiny.field(10), tiny.field(5)], ["wide", "narrow"])
    expected = pd.DataFrame(
        {
            "wide": [5.25, 9.45, 5.25 * FRAME_MS, 9.45 * FRAME_MS],
            "narrow": [2.75, 4.95, 2.75 * FRAME_MS, 4.95 * FRAME_MS],
            "narrow / wide": [0.52] * 4,  # 11 / 21
        },
        index=["50 % radius / mel bands", "90 % radius / mel bands", "50 % radius / ms", "90 % radius / ms"],
    )
    pd.testing.assert_frame_equal(table, expected.round(2))
    gap = extents_table([None, tiny.field(5)], ["wide", "narrow"])
    assert gap["wide"].isna().all() and gap["narrow"].tolist() == table["narrow"].tolist()


@pytest.mark.parametrize(("missing", "current"), [([], True), (["b" * 20], False)])
def test_a_page_that_lacked_a_run_is_executed_again(tmp_path, missing, current):
    data = {RUNS_MIME: {"runs": ["a" * 20], "missing": missing, "data": []}, "text/html": "from 1 run"}
    cell = nbformat.v4.new_code_cell("start()", outputs=[nbformat.v4.new_output("display_data", data)])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "page.ipynb")
    (tmp_path / "store" / "runs" / ("a" * 20)).mkdir(parents=True)
    pages.write_stamp(tmp_path / "page.ipynb", "of its source")
    assert pages.is_current(tmp_path / "page.ipynb", "of its source", tmp_path / "store") is current
    assert not pages.is_current(tmp_path / "page.ipynb", "of another", tmp_path / "store")

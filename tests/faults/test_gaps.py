"""Every page of the book where all runs of some networks failed: it shows the gap, and no cell does."""

from collections.abc import Callable
from pathlib import Path

import jupytext
import matplotlib as mpl
import pytest
import stored
import tiny

from repro import editions
from repro.build.pages import read_pages
from repro.data import load
from repro.experiment import Experiment
from repro.figures import page as display
from repro.sweep import fetch as sweep

ROOT = Path(__file__).parents[2]
TOY = {"clip_seconds": tiny.DATA.clip_seconds, "clips": tiny.DATA.clips, "seeds": [0]}
DEFAULTS = {
    name: {key: parameter.default for key, parameter in page.parameters().items()} | TOY
    for name, page in read_pages(ROOT).items()
}
NEEDED = {page: needed.runs for page, needed in editions.experiments_of(DEFAULTS).items() if needed.runs}

Kept = Callable[[Experiment], bool]


@pytest.mark.parametrize("page", NEEDED)
@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(lambda run: False, id="nothing"),
        pytest.param(lambda run: run.model.damped, id="damped"),
        pytest.param(lambda run: not run.model.damped, id="base"),
        pytest.param(lambda run: run.model.width == 4, id="narrow"),
    ],
)
def test_a_page_whose_other_runs_failed(page: str, kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = tiny.store(tmp_path)
    clips = load(tiny.DATA, store.root)
    monkeypatch.setattr(stored, "FINGERPRINT", clips.fingerprint)
    monkeypatch.setattr(stored, "PROVENANCE", stored.PROVENANCE | {"code": {"fingerprint": "now"}})
    monkeypatch.setattr("repro.store.record.code_fingerprint", lambda: "now")
    monkeypatch.setenv("REPRO_STORE", str(store.root))
    monkeypatch.setattr(sweep, "failed", {})
    monkeypatch.setattr(display, "failed", sweep.failed)
    monkeypatch.setattr(display, "use_style", lambda: None)
    mpl.use("agg")
    failed = set()
    for run in NEEDED[page]:
        if kept(run) and run.sparsity is None:
            stored.save(store, run)
        else:
            failed.add(stored.fail(store, run))

    namespace: dict[str, object] = {"__name__": "__main__"}
    for cell in jupytext.read(ROOT / f"book/{page}.py").cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{page}.py", "exec"), namespace)
            if "parameters" in cell.metadata.get("tags", []):
                namespace |= TOY
    assert set(sweep.failed) == failed
    mpl.pyplot.close("all")

import os

# Before torch is imported: the tests' networks are tiny, and several threads that wait for one another on a busy
# machine take them many times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=6, help="how often tests/faults/test_training.py kills a training")


@pytest.fixture(scope="session")
def toy_inputs(tmp_path_factory):
    import tiny
    import torch

    from repro.data import load
    from repro.training.inputs import Inputs

    store = tiny.store(tmp_path_factory.mktemp("toy"))
    return Inputs(load(tiny.DATA, store.root), torch.device("cpu"))


@pytest.fixture
def drawn(monkeypatch):
    """The book's style without a display; every figure is drawn to its end, since some faults only show then."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from repro.figures import style

    monkeypatch.setattr(style, "set_matplotlib_formats", lambda _: None)
    plt.switch_backend("agg")
    with mpl.rc_context():
        style.use_style()
        yield
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()
    plt.close("all")

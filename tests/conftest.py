import os

# Before torch is imported: the tests' networks are tiny, and several threads that wait for one another on a busy
# machine take them many times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


@pytest.fixture(scope="session")
def toy_inputs(tmp_path_factory):
    import tiny
    import torch

    from repro.data import load
    from repro.inputs import Inputs

    store = tiny.store(tmp_path_factory.mktemp("toy"))
    return Inputs(load(tiny.DATA, store.root), torch.device("cpu"))

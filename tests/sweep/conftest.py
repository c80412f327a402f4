import shutil
from pathlib import Path

import pytest
import tiny

from repro.store.store import Store


@pytest.fixture(scope="session")
def toy_store(tmp_path_factory) -> Path:
    return tiny.store(tmp_path_factory.mktemp("toy")).root


@pytest.fixture
def store(toy_store, tmp_path, monkeypatch) -> Store:
    """A store without runs, on the CPU, also for the processes that are started."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    shutil.copytree(toy_store, tmp_path / "store")
    return Store(tmp_path / "store")

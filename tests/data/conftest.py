"""Where the real recordings lie, for tests that need them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    default = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("REPRO_SHARED") or default)
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder}: set REPRO_SHARED to their folder")
    return folder

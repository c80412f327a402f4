"""Trains an edition with the local engine and on a Ray cluster of two workers, and compares all records, bit by bit.

`python tests/faults/ray_against_local.py [EDITION]`: twice the edition's training, so no part of the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import stored

from repro.store.store import Store

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [Path(sys.executable).with_name("repro"), "sweep", "--workers", "2"]


def compare(edition: str) -> int:
    """Number of runs that differ or that one of the engines lacks."""
    stores = {}
    with tempfile.TemporaryDirectory() as folder:
        for engine in ("local", "ray"):
            root = stores[engine] = Store(Path(folder) / engine)
            if engine == "ray":
                shutil.copytree(stores["local"].root / "data", root.root / "data")
            environment = os.environ | {"REPRO_STORE": str(root.root)}
            subprocess.run([*COMMAND, "--edition", edition, "--engine", engine], cwd=ROOT, env=environment, check=True)
        found = {engine: {key: stored.bits(store, key) for key in store.finished()} for engine, store in stores.items()}
    keys = found["local"].keys() | found["ray"].keys()
    differing = [key for key in sorted(keys) if found["local"].get(key) != found["ray"].get(key)]
    print(f"{len(keys)} runs: {len(differing)} differ", *differing, sep="\n")
    return len(differing)


if __name__ == "__main__":
    sys.exit(compare(*(sys.argv[1:] or ["quick"])) > 0)

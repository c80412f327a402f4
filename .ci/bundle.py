"""Put what a release is made of into one folder: `python3 .ci/bundle.py FOLDER`.

Results and site as ZIP, a manifest of what they were made from, and the SHA-256 sums of all. Needs Python only.
"""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def bundle(build: Path, lock: Path, folder: Path, made: dict[str, str]) -> dict[str, object]:
    """Copy the ZIPs of `build` into `folder`, write manifest and sums beside them, and return the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [shutil.copy(path, folder) for path in [build / "site.zip", *sorted(build.glob("results-*.zip"))]]
    sums = {Path(path).name: _digest(Path(path)) for path in files}
    sizes = {name: (folder / name).stat().st_size for name in sums}
    editions = sorted(path.name for path in (build / "site").iterdir() if path.is_dir())
    manifest: dict[str, object] = {
        **made,
        "requirements.lock": _digest(lock),
        "editions": editions,
        "sha256": sums,
        "bytes": sizes,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    lines = {**sums, "manifest.json": _digest(folder / "manifest.json")}
    (folder / "SHA256SUMS").write_text("".join(f"{value}  {name}\n" for name, value in lines.items()))
    return manifest


if __name__ == "__main__":
    named = {"commit": "GITHUB_SHA", "ref": "GITHUB_REF_NAME", "run": "GITHUB_RUN_ID", "edition": "BOOK_EDITION"}
    made = {name: os.environ[variable] for name, variable in named.items()}
    print(json.dumps(bundle(Path("_build"), Path("requirements.lock"), Path(sys.argv[1]), made), indent=1))

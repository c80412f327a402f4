"""The meta.csv of a real data set, read and checked as far as a loader relies on it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from repro.errors import InputError


def read_metadata(root: Path, separator: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """The rows of `root / "meta.csv"`, all columns as text.

    Raises:
        InputError: the folder or the file is missing, it is not such a table, has no rows or lacks `columns`.
    """
    if not root.is_dir():
        raise InputError(f"{root} is not a folder: set data_root to the folder that holds meta.csv and audio/")
    path = root / "meta.csv"
    if not path.is_file():
        raise InputError(f"{path} does not exist: set data_root to the folder that holds meta.csv and audio/")
    try:
        table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path} cannot be read as a table ({reason}): fetch it again") from None
    missing = [column for column in columns if column not in table.columns]
    if missing:
        kind = {"\t": "tab", ",": "comma"}[separator]
        raise InputError(
            f"{path} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}: it must be {kind}-separated "
            f"with the columns {', '.join(columns)}"
        )
    if table.empty:
        raise InputError(f"{path} lists no recordings: fetch it again")
    return table


def require_files(root: Path, filenames: pd.Series[str]) -> None:
    """Check that every listed recording is there.

    Raises:
        InputError: naming the first that is missing, and how many are.
    """
    missing = [name for name in filenames if not (root / name).is_file()]
    if missing:
        raise InputError(
            f"{root / missing[0]} does not exist; {len(missing)} of the {len(filenames)} recordings listed in meta.csv "
            "are missing: fetch them, or remove their rows"
        )

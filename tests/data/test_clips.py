import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from repro.data.clips import COLUMNS, read_clips, write_clips

TABLE = pd.DataFrame(
    [("audio/x.wav", "tram", "paris", "paris-0", "b"), ("audio/y.wav", "bus", "lyon", "lyon-1", "a")],
    columns=list(COLUMNS),
)
WAVEFORMS = np.array([[1, -2, 3], [4, 5, -32768]], np.int16)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_clips(tmp_path / "set", TABLE, 3, iter(WAVEFORMS))
    clips = read_clips(tmp_path / "set")
    np.testing.assert_array_equal(clips.waveforms, WAVEFORMS)
    assert not clips.waveforms.flags.writeable
    pd.testing.assert_frame_equal(clips.table, TABLE)
    assert clips.scenes == ("bus", "tram")
    assert clips.labels.tolist() == [1, 0]
    assert clips.devices == ("a", "b")
    text = "filename,scene,city,location,device\naudio/x.wav,tram,paris,paris-0,b\naudio/y.wav,bus,lyon,lyon-1,a\n"
    assert clips.fingerprint == hashlib.sha256(WAVEFORMS.tobytes() + text.encode()).hexdigest()


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def failing():  # type: ignore[no-untyped-def]
        yield WAVEFORMS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_clips(tmp_path / "set", TABLE, 3, failing())
    assert list(tmp_path.iterdir()) == []

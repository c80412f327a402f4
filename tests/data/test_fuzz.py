"""Sets and recordings of any content: faults or one refusal, never another exception, nothing opened outside."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from repro.data import check, esc10, tau2020
from repro.data.faults import Fault
from repro.data.recording import Expected, complaints
from repro.errors import InputError
from repro.experiment import DataConfig

# in the root, its folder would be in the way of collecting tests
set_hypothesis_home_dir(Path(__file__).parents[2] / ".pytest_cache" / "hypothesis")

FUZZ = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NAME = "audio/bus-lyon-0-0-a.wav"
HEADERS = ("\t".join(tau2020.LAYOUT.columns), ",".join([*esc10.LAYOUT.columns, "sha256"]))
TRAPS = [
    NAME,
    "bus-lyon-0-0-a.wav",
    "../outside.wav",
    "audio/../../outside.wav",
    "audio/link.wav",
    "audio/pipe.wav",
    "/etc/hostname",
    "audio",
    ".",
    "bus",
    "lyon-0",
    "a",
    "1",
    "\0",
    '"',
    '""x"',
    "\r",
    "\n",
    "\t",
    ",",
    "\\",
    "\N{RIGHT-TO-LEFT OVERRIDE}",
    "\N{LINE SEPARATOR}",
    "x" * 300,
    "audio/" + "y" * 5000,
    "z" * 140_000,
]

_opened: list[str] | None = None


def _record(event: str, arguments: tuple[object, ...]) -> None:
    if _opened is not None and event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], str | Path):
        path = str(arguments[0])
        if not path.startswith(sys.base_prefix):
            _opened.append(path)


sys.addaudithook(_record)


@contextmanager
def opened() -> Iterator[list[str]]:
    """The paths opened or listed meanwhile, less the modules that Python loads."""
    global _opened
    paths = _opened = []
    try:
        yield paths
    finally:
        _opened = None


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (check, tau2020, esc10):
        monkeypatch.setattr(module, "ordered_map", map)
    monkeypatch.setattr(tau2020, "SECONDS", 0.01)
    monkeypatch.setattr(check, "bar", lambda found, **_: found)
    root = tmp_path / "set"
    (root / "audio").mkdir(parents=True)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 441)
    for path in (root / NAME, tmp_path / "outside.wav"):
        soundfile.write(path, noise, 44_100, subtype="PCM_24")
    (root / "audio" / "link.wav").symlink_to(tmp_path / "outside.wav")
    os.mkfifo(root / "audio" / "pipe.wav")
    return root


def assert_lines(texts: list[str]) -> None:
    assert all(text and text.isprintable() and len(text) < 2000 for text in texts), texts


def examine(root: Path) -> None:
    """Check the set as both kinds and list it as training does: no exception but InputError, no path outside."""
    with opened() as paths:
        for dataset in ("tau2020", "esc10"):
            try:
                report = check.check(root, dataset)
                assert_lines([str(fault) for fault in report.faults])
            except InputError as error:
                assert_lines(str(error).splitlines())
        try:
            check.dataset_in(root)
            tau2020.listing(DataConfig(name="tau2020", root=str(root)))
        except InputError as error:
            assert_lines(str(error).splitlines())
    assert paths
    assert [path for path in paths if not Path(os.path.realpath(path)).is_relative_to(root)] == []


FIELD = st.one_of(st.sampled_from(TRAPS), st.text(max_size=20), st.text(alphabet='\t,"\r\n\0\\/.ax', max_size=8))


@FUZZ
@given(
    header=st.one_of(st.sampled_from(HEADERS), st.text(max_size=60)),
    rows=st.lists(st.lists(FIELD, max_size=6), max_size=4),
    separator=st.sampled_from("\t,"),
    end=st.sampled_from(["\n", "\r\n", "\r", ""]),
)
def test_metadata_of_any_text(root: Path, header: str, rows: list[list[str]], separator: str, end: str) -> None:
    text = end.join([header, *(separator.join(row) for row in rows)])
    (root / "meta.csv").write_bytes(text.encode())
    examine(root)


@FUZZ
@given(row=st.lists(FIELD, min_size=4, max_size=4), cut=st.integers(0, 400), junk=st.binary(max_size=8))
def test_metadata_of_any_bytes(root: Path, row: list[str], cut: int, junk: bytes) -> None:
    good = f"{HEADERS[0]}\n{NAME}\tbus\tlyon-0\ta\n".encode()
    (root / "meta.csv").write_bytes(good[:cut] + junk + good[cut:] + "\t".join(row).encode() + b"\n")
    examine(root)


def encoded(**options: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.random.default_rng(0).uniform(-0.5, 0.5, 441), 44_100, **options)
    return buffer.getvalue()


RECORDINGS = [
    encoded(format="WAV", subtype="PCM_24"),
    encoded(format="WAV", subtype="FLOAT"),
    encoded(format="RF64", subtype="PCM_16"),
    encoded(format="WAV", subtype="IMA_ADPCM"),
    encoded(format="OGG", subtype="VORBIS"),
    encoded(format="FLAC", subtype="PCM_24"),
]


@FUZZ
@given(
    content=st.sampled_from(RECORDINGS),
    places=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=12),
    junk=st.tuples(st.integers(0, 2000), st.binary(max_size=16)),
    cut=st.one_of(st.none(), st.integers(0, 2000)),
)
def test_a_recording_of_any_bytes(
    tmp_path: Path, content: bytes, places: list[tuple[int, int]], junk: tuple[int, bytes], cut: int | None
) -> None:
    spoilt = bytearray(content)
    for place, value in places:
        spoilt[place] = value
    spoilt[junk[0] : junk[0] + len(junk[1])] = junk[1]
    path = tmp_path / "x.wav"
    path.write_bytes(spoilt[:cut])
    with opened() as paths:
        found = complaints(path, Expected(44_100, 0.01), (("md5", "0"),))
    assert set(paths) == {str(path)}
    assert_lines([str(Fault("x.wav", what)) for what in found])
    assert found[-1].startswith("md5 is ")


@FUZZ
@given(cut=st.integers(0, 44 + 3 * 441 - 1))
def test_a_wav_cut_anywhere_is_found(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(RECORDINGS[0][:cut])
    (found,) = complaints(path, Expected())
    frames = (cut - 44) // 3
    assert found == f"truncated: {frames} of 441 frames" if cut >= 44 else found.startswith("unreadable: ")

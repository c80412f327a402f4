import hashlib
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from repro.cli import main
from repro.data import check, esc10, load, source, tau2020
from repro.data.check import dataset_in, require_sound
from repro.data.recording import BLOCK, Expected, complaints
from repro.errors import InputError
from repro.experiment import DataConfig

TAU = ("filename", "scene_label", "identifier", "source_label")
ROWS = [
    ["audio/bus-lyon-0-0-a.wav", "bus", "lyon-0", "a"],
    ["audio/park-paris-3-1-s1.wav", "park", "paris-3", "s1"],
    ["audio/tram-new-york-7-2-b.wav", "tram", "new-york-7", "b"],
]
FIRST, SECOND, THIRD = (row[0] for row in ROWS)
RATE, FRAMES = 44_100, 4410
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, FRAMES)
MD5 = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (check, tau2020, esc10):
        monkeypatch.setattr(module, "ordered_map", map)
    monkeypatch.setattr(tau2020, "SECONDS", 0.1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sound set: three recordings of 0.1 s."""
    root = tmp_path / "tau"
    (root / "audio").mkdir(parents=True)
    write_meta(root, ROWS)
    for name, *_ in ROWS:
        soundfile.write(root / name, NOISE, RATE, subtype="PCM_24")
    return root


@pytest.fixture
def esc(tmp_path: Path) -> Path:
    """A sound set: two Ogg recordings with their checksums."""
    root = tmp_path / "esc"
    (root / "audio").mkdir(parents=True)
    rows = ["filename,fold,freesound_clip,take,label,sha256,author"]
    for fold, label in enumerate(("rain", "dog_bark"), start=1):
        path = root / "audio" / f"{fold}-1-A.ogg"
        soundfile.write(path, np.tile(NOISE, 3 * fold), RATE, format="OGG", subtype="VORBIS")
        rows.append(f'{path.name},{fold},1,A,{label},{hashlib.sha256(path.read_bytes()).hexdigest()},"Doe, J."')
    (root / "meta.csv").write_text("\n".join(rows) + "\n")
    return root


def write_meta(root: Path, rows: list[list[str]], columns: tuple[str, ...] = TAU) -> None:
    (root / "meta.csv").write_text("".join("\t".join(row) + "\n" for row in [list(columns), *rows]))


def faults(root: Path, dataset: str = "tau2020", **options: Path) -> list[str]:
    return [str(fault) for fault in check.check(root, dataset, **options).faults]


def test_sound_sets_have_no_fault(root: Path, esc: Path) -> None:
    assert check.check(root, "tau2020") == (3, [])
    assert check.check(esc, "esc10") == (2, [])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 44 + 3 * 1000])


def claim_four_gigabytes(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(content)


def insert_odd_chunk(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:12] + b"note" + struct.pack("<I", 3) + b"abc\0" + content[12:-3000])


def rf64(path: Path, samples: np.ndarray = NOISE) -> None:
    soundfile.write(path, samples, RATE, format="RF64", subtype="PCM_24")


def cut_rf64(path: Path) -> None:
    rf64(path)
    path.write_bytes(path.read_bytes()[:-300])


def write(samples: np.ndarray, rate: int = RATE, subtype: str = "PCM_24") -> Callable[[Path], None]:
    return lambda path: soundfile.write(path, samples, rate, format="WAV", subtype=subtype)


def text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content) and None


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (cut, ["truncated: 1000 of 4410 frames"]),
        (claim_four_gigabytes, ["truncated: 4410 of 1431655760 frames"]),
        (insert_odd_chunk, ["truncated: 3410 of 4410 frames"]),
        (cut_rf64, ["truncated: 4310 of 4410 frames"]),
        (rf64, []),
        (write(NOISE[:2000]), ["truncated: 2000 of 4410 frames"]),
        (write(NOISE[:0]), ["truncated: 0 of 4410 frames"]),
        (write(np.tile(NOISE, 2)), ["too long: 8820 frames instead of 4410"]),
        (write(NOISE[:2205], rate=22_050), ["wrong rate: 22050 Hz instead of 44100 Hz"]),
        (write(np.tile(NOISE[:, None], 2)), ["stereo: 2 channels instead of 1"]),
        (write(np.tile(NOISE[:, None], 3)), ["3 channels instead of 1"]),
        (write(np.zeros(FRAMES)), ["silent: all samples are equal"]),
        (write(np.full(FRAMES, 0.25)), ["silent: all samples are equal"]),
        (
            write(np.where(np.arange(FRAMES) < 3, [np.nan, np.inf, -np.inf] * 1470, NOISE), subtype="FLOAT"),
            ["not finite: 3 of 4410 samples"],
        ),
        (write(np.full(FRAMES, np.nan), subtype="FLOAT"), ["not finite: 4410 of 4410 samples"]),
        (text("no audio at all"), ["unreadable: Format not recognised."]),
        (text(""), ["unreadable: Format not recognised."]),
        (Path.unlink, ["does not exist"]),
        (pipe, ["is not a file"]),
        (folder, ["is not a file"]),
    ],
)
def test_faults_of_a_recording(root: Path, spoil: Callable[[Path], None], expected: list[str]) -> None:
    spoil(root / SECOND)
    assert faults(root) == [f"{SECOND}: {fault}" for fault in expected]


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.999])
def test_a_cut_ogg(esc: Path, kept: float) -> None:
    path = esc / "audio" / "2-1-A.ogg"
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    first, second = faults(esc, "esc10")
    assert first.startswith("audio/2-1-A.ogg: truncated: the Ogg stream breaks off after ")
    assert second.startswith("audio/2-1-A.ogg: sha256 is ")


@pytest.mark.parametrize("beyond", [0, 2, 10, 30])
def test_an_ogg_cut_where_its_last_page_begins(esc: Path, beyond: int) -> None:
    path = esc / "audio" / "2-1-A.ogg"
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"OggS") + beyond])
    (fault,) = complaints(path, Expected())
    assert fault.startswith("truncated: the Ogg stream breaks off after ")


def test_a_chunk_of_odd_size_hides_no_cut(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    write(NOISE)(path)
    insert_odd_chunk(path)
    assert complaints(path, Expected()) == ["truncated: 3410 of 4410 frames"]


def test_a_false_header_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    soundfile.write(path, NOISE, RATE)
    content = bytearray(path.read_bytes())
    content[21:26] = bytes([content[21] | 15, 255, 255, 255, 255])  # 2**36 - 1 samples
    path.write_bytes(content)
    tracemalloc.start()
    try:
        found = complaints(path, Expected(RATE, 0.1))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**25
    assert len(found) == 1


def test_a_long_recording_is_decoded_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    samples = np.zeros(2 * BLOCK + 5)
    samples[-1] = 0.5
    write(samples)(path)
    assert complaints(path, Expected(RATE, (2 * BLOCK + 5) / RATE)) == []
    assert complaints(path, Expected(RATE, 1.0)) == ["too long: 524293 frames instead of 44100"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({0: "audio/none.wav"}, ["audio/none.wav: does not exist", f"{SECOND}: not listed in meta.csv"]),
        (
            {1: "beach"},
            [
                f"{SECOND}: unknown scene 'beach': not airport, bus, metro, metro_station, park, public_square, "
                "shopping_mall, street_pedestrian, street_traffic, tram (meta.csv line 3)"
            ],
        ),
        ({2: "paris"}, [f"{SECOND}: malformed identifier 'paris': not city-location (meta.csv line 3)"]),
        ({2: "paris-3 "}, [f"{SECOND}: malformed identifier 'paris-3 ': not city-location (meta.csv line 3)"]),
        ({3: "s7"}, [f"{SECOND}: unknown device 's7': not a, b, c, s1, s2, s3, s4, s5, s6 (meta.csv line 3)"]),
        (
            {3: "a\x1b[31m"},
            [f"{SECOND}: unknown device 'a\\x1b[31m': not a, b, c, s1, s2, s3, s4, s5, s6 (meta.csv line 3)"],
        ),
        ({3: "s1\textra"}, ["meta.csv: line 3 has 5 fields instead of 4"]),
    ],
)
def test_faults_of_a_row(root: Path, change: dict[int, str], expected: list[str]) -> None:
    row = list(ROWS[1])
    for place, field in change.items():
        row[place] = field
    write_meta(root, [ROWS[0], row, ROWS[2]])
    assert faults(root) == expected


def test_duplicate_rows(root: Path) -> None:
    write_meta(root, [*ROWS, ROWS[0]])
    assert faults(root) == [f"{FIRST}: listed 2 times (meta.csv lines 2, 5)"]


def test_a_row_that_breaks_off_does_not_hide_the_faults_of_its_recording(root: Path) -> None:
    write_meta(root, [ROWS[0], [SECOND], ROWS[2], []])
    cut(root / SECOND)
    assert faults(root) == [
        "meta.csv: line 3 has 1 fields instead of 4",
        "meta.csv: line 5 has 0 fields instead of 4",
        f"{SECOND}: truncated: 1000 of 4410 frames",
    ]


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda meta: b"\xef\xbb\xbf" + meta, ["starts with a byte order mark: save it as UTF-8 without one"]),
        (lambda meta: meta.replace(b"\n", b"\r\n"), ["has carriage returns: end its lines with a line feed alone"]),
        (lambda meta: meta.split(b"\n")[0] + b"\n", ["lists no recordings"]),
        (
            lambda meta: b"",
            [
                "lacks the columns filename, scene_label, identifier, source_label: it must be tab-separated with the "
                "columns filename, scene_label, identifier, source_label",
                "lists no recordings",
            ],
        ),
        (
            lambda meta: meta.replace(b"source_label", b"device"),
            [
                "lacks the column source_label: it must be tab-separated with the columns filename, scene_label, "
                "identifier, source_label"
            ],
        ),
        (
            lambda meta: meta.replace(b"source_label", b"source_label\tfilename"),
            ["has more than one column filename", *(f"line {n} has 4 fields instead of 5" for n in (2, 3, 4))],
        ),
    ],
)
def test_faults_of_meta_csv(root: Path, spoil: Callable[[bytes], bytes], expected: list[str]) -> None:
    (root / "meta.csv").write_bytes(spoil((root / "meta.csv").read_bytes()))
    found = [fault.removeprefix("meta.csv: ") for fault in faults(root) if "not listed" not in fault]
    assert found == expected


def test_text_that_cannot_be_decoded(root: Path) -> None:
    meta = (root / "meta.csv").read_bytes()
    (root / "meta.csv").write_bytes(meta.replace(b"\tparis-3", b"\tpar\xffs-3"))
    assert faults(root) == [
        "meta.csv: line 3 is not UTF-8 text",
        f"{SECOND}: malformed identifier 'par\N{REPLACEMENT CHARACTER}s-3': not city-location (meta.csv line 3)",
    ]


def test_an_endless_field_is_named_and_the_rest_still_checked(root: Path) -> None:
    write_meta(root, [[FIRST, "x" * 200_000, "lyon-0", "a"], ROWS[1], ROWS[2]])
    assert faults(root) == [
        "meta.csv: line 2: field larger than field limit (131072)",
        f"{FIRST}: not listed in meta.csv",
    ]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("/etc/passwd", "/etc/passwd: is not a plain path inside the folder"),
        ("audio/../../outside.wav", "audio/../../outside.wav: is not a plain path inside the folder"),
        ("audio\\x.wav", "audio\\x.wav: is not a plain path inside the folder"),
        ("audio/x\0.wav", "audio/x\\x00.wav: is not a plain path inside the folder"),
        ("audio//x.wav", "audio//x.wav: is not a plain path inside the folder"),
        ("", "(no name): is not a plain path inside the folder"),
        ("audio/link.wav", "audio/link.wav: leads outside the folder"),
        ("audio/loop.wav", "audio/loop.wav: is not a file"),
        ("audio/" + "x" * 300, "audio/" + "x" * 194 + "...: does not exist"),
    ],
)
def test_paths_out_of_the_folder_are_not_followed(root: Path, name: str, fault: str) -> None:
    write(NOISE)(root.parent / "outside.wav")
    (root / "audio" / "link.wav").symlink_to(root.parent / "outside.wav")
    (root / "audio" / "loop.wav").symlink_to("loop.wav")
    write_meta(root, [*ROWS, [name, "bus", "lyon-0", "a"]])
    assert [found for found in faults(root) if "not listed" not in found] == [fault]


def test_a_metadata_file_or_audio_folder_that_leads_outside(root: Path, tmp_path: Path) -> None:
    (root / "audio").rename(tmp_path / "elsewhere")
    (root / "audio").symlink_to(tmp_path / "elsewhere")
    assert faults(root) == ["audio: leads outside the folder", *(f"{row[0]}: leads outside the folder" for row in ROWS)]
    (root / "meta.csv").rename(tmp_path / "meta.csv")
    (root / "meta.csv").symlink_to(tmp_path / "meta.csv")
    with pytest.raises(InputError, match=r"meta\.csv leads outside the folder"):
        check.check(root, "tau2020")


def test_files_that_no_row_names(root: Path) -> None:
    (root / "audio" / "more").mkdir()
    (root / "audio" / "more" / "x.wav").touch()
    (root / "audio" / "notes\n.txt").touch()
    assert faults(root) == ["audio/more/x.wav: not listed in meta.csv", "audio/notes\\n.txt: not listed in meta.csv"]


def test_all_faults_in_one_pass_by_file(root: Path) -> None:
    write_meta(root, [["audio/none.wav", "bus", "lyon-0", "a"], [SECOND, "bus", "lyon", "a"], ROWS[2]])
    cut(root / SECOND)
    assert faults(root) == [
        f"{FIRST}: not listed in meta.csv",
        "audio/none.wav: does not exist",
        f"{SECOND}: malformed identifier 'lyon': not city-location (meta.csv line 3)",
        f"{SECOND}: truncated: 1000 of 4410 frames",
    ]


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_checksums_in_meta_csv(root: Path) -> None:
    digests = [md5(root / FIRST).upper(), MD5, md5(root / THIRD)]
    write_meta(root, [[*row, digest] for row, digest in zip(ROWS, digests, strict=True)], (*TAU, "md5"))
    assert faults(root) == [f"{SECOND}: md5 is {md5(root / SECOND)} instead of {MD5}"]


def test_checksums_in_a_list(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "index.csv"
    path.write_text(f"filename\tmd5\n{FIRST}\t{md5(root / FIRST)}\n{SECOND}\t{MD5}\naudio/other.wav\t{MD5}\n")
    assert faults(root, checksums=path) == [
        f"{SECOND}: md5 is {md5(root / SECOND)} instead of {MD5}",
        f"{THIRD}: has no checksum in {path}",
    ]
    path.write_text(f"filename\tcrc\n{FIRST}\t0\n")
    with pytest.raises(InputError, match="is not a list of checksums: it lacks a column md5 or sha256"):
        faults(root, checksums=path)


def test_faults_of_esc10(esc: Path) -> None:
    meta = (esc / "meta.csv").read_text()
    (esc / "meta.csv").write_text(meta.replace("2-1-A.ogg,2,1,A,dog_bark", "2-1-A.ogg,6,1,A,dog"))
    assert faults(esc, "esc10") == [
        "audio/2-1-A.ogg: unknown fold '6': not 1, 2, 3, 4, 5 (meta.csv line 3)",
        "audio/2-1-A.ogg: unknown scene 'dog': not baby_cry, chainsaw, clock_tick, dog_bark, fire_crackling, "
        "helicopter, person_sneeze, rain, rooster, sea_waves (meta.csv line 3)",
    ]


def test_an_unclosed_quote_is_named(esc: Path) -> None:
    with (esc / "meta.csv").open("a") as file:
        file.write('"1-1-A.ogg,1\n')
    assert faults(esc, "esc10") == ["meta.csv: line 4: unexpected end of data"]


def test_the_real_esc10_is_sound(real_data: Path) -> None:
    lines = (real_data / "esc10" / "meta.csv").read_text().splitlines()
    assert len(lines) == 401
    assert check.check(real_data / "esc10", "esc10") == (400, [])


def test_the_real_miniature(real_data: Path) -> None:
    root = real_data / "tau2020" / "TAU-urban-acoustic-scenes-2020-mobile-development"
    report = check.check(root, "tau2020", seconds=10.0, checksums=real_data / "tau2020" / "development_index.csv")
    first = "audio/airport-barcelona-0-0-a.wav"
    assert report.recordings == 6
    assert [str(fault) for fault in report.faults][:3] == [
        f"{first}: truncated: 44100 of 441000 frames",
        f"{first}: md5 is {md5(root / first)} instead of 46bbb1c503d6031e396a4dd5bd86099c",
        "audio/airport-barcelona-0-1-a.wav: does not exist",
    ]


def test_the_set_is_known_by_its_columns(root: Path, esc: Path) -> None:
    assert (dataset_in(root), dataset_in(esc)) == ("tau2020", "esc10")
    (root / "meta.csv").write_text("a b c\n")
    with pytest.raises(InputError, match=r"has the columns of no known data set: give --dataset \(esc10, tau2020\)"):
        dataset_in(root)


def config(root: Path) -> DataConfig:
    return DataConfig(name="tau2020", root=str(root), clip_seconds=0.2)


def test_training_refuses_a_set_with_faults(root: Path, tmp_path: Path) -> None:
    require_sound(config(root))
    for number in range(21):
        (root / "audio" / f"{number:02}.wav").touch()
    cut(root / SECOND)
    with pytest.raises(InputError) as caught:
        load(config(root), tmp_path / "store")
    assert str(caught.value).splitlines() == [
        f"{root} has 22 faults: fix them; this lists all of them: repro data check {root} --dataset tau2020",
        *(f"audio/{number:02}.wav: not listed in meta.csv" for number in range(20)),
        "... and 2 more",
    ]
    assert not list((tmp_path / "store" / "data").glob("*/waveforms.npy"))


def test_a_prepared_set_is_not_checked_again(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[DataConfig] = []
    monkeypatch.setattr(source, "require_sound", calls.append)
    load(config(root), tmp_path / "store")
    load(config(root), tmp_path / "store")
    assert calls == [config(root)]


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["data", "check", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command(root: Path, esc: Path) -> None:
    assert run(str(root))[:2] == (0, "3 recordings, no fault\n")
    assert run(str(esc), "--dataset", "esc10")[:2] == (0, "2 recordings, no fault\n")
    cut(root / SECOND)
    assert run(str(root), "--seconds", "0.1")[:2] == (
        1,
        f"{SECOND}: truncated: 1000 of 4410 frames\n3 recordings, 1 fault\n",
    )


def test_the_command_names_bad_input(root: Path, esc: Path) -> None:
    assert run("/nowhere") == (
        2,
        "",
        "repro: /nowhere is not a folder: fetch the recordings ('repro data get --help'), or set data_root to the "
        "folder that holds meta.csv and audio/\n",
    )
    assert run(str(esc), "--seconds", "5") == (
        2,
        "",
        "repro: --seconds is only for tau2020, not for esc10\n",
    )
    for seconds in ("nan", "inf", "0", "-1"):
        assert run(str(root), "--seconds", seconds) == (
            2,
            "",
            f"repro: --seconds {seconds}: must be above 0, and finite\n",
        )
    assert run(str(root), "--checksums", "/nowhere/x.csv") == (
        2,
        "",
        "repro: /nowhere/x.csv does not exist: it has to be there as the set's archives unpack\n",
    )

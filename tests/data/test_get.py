import csv
import errno
import hashlib
import io
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from click.testing import CliRunner
from filelock import FileLock
from web import Web

from repro.cli import main
from repro.data.download import fetch as download
from repro.data.download import published
from repro.data.download.get import get
from repro.data.download.published import ESC_COMMIT, SETS, TAU_TOP, Archive, esc10_files
from repro.errors import InputError

RNG = np.random.default_rng(0)
TAU = {
    "meta": {"meta.csv": b"filename\n", "evaluation_setup/fold1_train.csv": b"filename\n"},
    "audio.1": {"audio/x.wav": RNG.bytes(300_000)},
    "audio.2": {"audio/y.wav": RNG.bytes(500_000), "audio/z.wav": b"z"},
}
CLIPS = {"1-100-A.ogg": b"one", "2-200-B.ogg": b"two"}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server of a TAU set in three archives and of an ESC-10 of two clips, which `SETS` names instead of the real."""
    web = Web()
    archives = []
    for part, files in TAU.items():
        content = zipped({f"{TAU_TOP}/{name}": data for name, data in files.items()})
        web.files[f"/{part}.zip"] = content
        archives.append(Archive(f"{web.url}/{part}.zip", len(content), hashlib.md5(content).hexdigest()))
    web.files["/esc.zip"] = zipped(esc_content(CLIPS))
    monkeypatch.setattr(published, "esc10_files", lambda: [clip(name, data) for name, data in CLIPS.items()])
    monkeypatch.setattr(download, "WAITS", (0, 0))
    monkeypatch.setitem(SETS, "tau2020", replace(SETS["tau2020"], archives=tuple(archives), unpacked=800_100))
    monkeypatch.setitem(SETS, "esc10", replace(SETS["esc10"], archives=(Archive(f"{web.url}/esc.zip", 1000, None),)))
    yield web
    web.close()


def esc_content(clips: dict[str, bytes]) -> dict[str, bytes]:
    first, *others = clips.items()
    content = {f"ESC-10-{ESC_COMMIT}/001 - Dog bark/{first[0]}": first[1], f"ESC-10-{ESC_COMMIT}/README.md": b"read"}
    return content | {f"ESC-10-{ESC_COMMIT}/002 - Rain/{name}": data for name, data in others}


def clip(name: str, content: bytes) -> dict[str, str]:
    row = dict.fromkeys(published.ESC_COLUMNS, "value")
    return row | {"filename": name, "sha256": hashlib.sha256(content).hexdigest(), "author": 'A, "B" Ö'}


def files(folder: Path) -> dict[str, bytes]:
    """Every file below the folder but those of the work that is under way."""
    found = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
    return {name: content for name, content in names.items() if not name.startswith(".get/")}


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


WHOLE = {name: data for archive in TAU.values() for name, data in archive.items()}


def test_a_set_is_complete_without_its_top_folder(web: Web, tmp_path: Path) -> None:
    get("tau2020", tmp_path / "tau")
    assert files(tmp_path / "tau") == WHOLE
    # no archive is left, nor anything unpacked
    assert sorted(path.name for path in (tmp_path / "tau" / ".get").iterdir()) == ["lock", "state.json"]
    sent, before = web.sent, times(tmp_path / "tau")
    get("tau2020", tmp_path / "tau")
    assert web.sent == sent
    assert times(tmp_path / "tau") == before  # else the set would be prepared anew


def test_an_interrupted_set_is_continued(web: Web, tmp_path: Path) -> None:
    folder = tmp_path / "tau"
    sizes = [archive.size for archive in SETS["tau2020"].archives]
    web.statuses = [200, 200, 404]
    with pytest.raises(InputError, match="audio\\.2\\.zip: the server answers 404"):
        get("tau2020", folder)
    assert files(folder) == {**TAU["meta"], **TAU["audio.1"]}
    assert web.sent == sizes[0] + sizes[1]
    get("tau2020", folder)
    assert files(folder) == WHOLE
    assert web.sent == sum(sizes)


SCRIPT = """
import sys
from pathlib import Path
from dataclasses import replace
from repro.data.download.get import get
from repro.data.download.published import SETS, Archive
archives = tuple(Archive(*values) for values in eval(sys.argv[2]))
SETS["tau2020"] = replace(SETS["tau2020"], archives=archives, unpacked=800_100)
get("tau2020", Path(sys.argv[1]))
"""


def test_a_killed_process_is_continued_within_the_file(web: Web, tmp_path: Path) -> None:
    folder = tmp_path / "tau"
    archives = SETS["tau2020"].archives
    description = repr([(archive.url, archive.size, archive.md5) for archive in archives])
    content = web.files["/audio.2.zip"]
    web.stalls_on = "/audio.2.zip"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder), description], stderr=subprocess.DEVNULL)
    assert web.stalled.wait(60)
    part = folder / ".get" / "audio.2.zip.part"
    for _ in range(500):
        if part.exists() and part.stat().st_size >= len(content) - 2 * download.CHUNK:
            break
        time.sleep(0.01)
    with pytest.raises(InputError, match="another process is fetching a data set into it: wait until it has ended"):
        get("tau2020", folder)
    process.kill()
    process.wait()
    kept = part.stat().st_size
    assert kept > len(content) - 2 * download.CHUNK
    assert files(folder) == {**TAU["meta"], **TAU["audio.1"]}
    web.stalls_on = ""
    web.sent = 0
    get("tau2020", folder)
    assert files(folder) == WHOLE
    assert web.sent == len(content) - kept


def test_killed_between_unpacking_and_recording(web: Web, tmp_path: Path) -> None:
    folder = tmp_path / "tau"
    original = Path.replace

    def dying(self: Path, target: Path) -> Path:
        if target.name == "z.wav":
            raise KeyboardInterrupt
        return original(self, target)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", dying)
        get("tau2020", folder)
    sent = web.sent
    get("tau2020", folder)
    assert files(folder) == WHOLE
    assert web.sent == sent  # the archive was there still


def test_a_second_process_is_refused(web: Web, tmp_path: Path) -> None:
    (tmp_path / ".get").mkdir()
    with FileLock(tmp_path / ".get" / "lock"), pytest.raises(InputError) as caught:
        get("tau2020", tmp_path)
    assert str(caught.value) == (f"{tmp_path}: another process is fetching a data set into it: wait until it has ended")
    assert web.ranges == []


def test_too_little_space_is_said_before_anything_starts(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {archive.name: archive.size for archive in SETS["tau2020"].archives}
    needed = 800_100 + sizes["audio.2.zip"]
    disk = shutil.disk_usage(tmp_path)._replace(free=needed - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    folder = tmp_path / "new" / "tau"
    with pytest.raises(InputError) as caught:
        get("tau2020", folder)
    assert str(caught.value) == (f"{folder}: 0.00 GB are needed, 0.00 GB are free: make room or name another folder")
    assert list(tmp_path.iterdir()) == []
    disk = disk._replace(free=needed)
    get("tau2020", folder)
    disk = disk._replace(free=0)
    get("tau2020", folder)  # nothing is missing


def test_what_the_real_sets_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = shutil.disk_usage(tmp_path)._replace(free=32_000_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    with pytest.raises(InputError, match=r"32\.88 GB are needed, 32\.00 GB are free"):
        get("tau2020", tmp_path / "tau")
    work = tmp_path / "tau" / ".get"
    work.mkdir(parents=True)
    names = [archive.name for archive in SETS["tau2020"].archives]
    (work / "state.json").write_text(json.dumps({"set": "tau2020", "unpacked": names[:-1]}))
    with (work / f"{names[-1]}.part").open("wb") as file:
        file.truncate(400_000_000)  # of 436,971,777
    disk = disk._replace(free=500_000_000)
    # 31e9 * 436,971,777 / 27,364,817,167 + 436,971,777 - 400,000,000
    with pytest.raises(InputError, match=r"0\.53 GB are needed, 0\.50 GB are free"):
        get("tau2020", tmp_path / "tau")


def test_a_folder_with_other_files_is_left_alone(web: Web, tmp_path: Path) -> None:
    (tmp_path / "meta.csv").write_text("mine")
    with pytest.raises(InputError) as caught:
        get("tau2020", tmp_path)
    assert str(caught.value) == f"{tmp_path} holds other files: name a folder that is empty or does not exist"
    assert files(tmp_path) == {"meta.csv": b"mine"}
    assert web.ranges == []


def test_two_sets_do_not_share_a_folder(web: Web, tmp_path: Path) -> None:
    get("esc10", tmp_path)
    with pytest.raises(InputError) as caught:
        get("tau2020", tmp_path)
    assert str(caught.value) == f"{tmp_path} holds the set 'esc10': name another folder for 'tau2020'"


@pytest.mark.parametrize("state", ["", "{}", '{"set": "tau2020", "unpacked": 1}', "[]", "\xff"])
def test_a_damaged_state_is_named(web: Web, tmp_path: Path, state: str) -> None:
    (tmp_path / ".get").mkdir()
    path = tmp_path / ".get" / "state.json"
    path.write_text(state, "latin-1")
    with pytest.raises(InputError) as caught:
        get("tau2020", tmp_path)
    assert str(caught.value) == f"{path} is damaged: delete {tmp_path} and run the command again"


def test_a_state_from_elsewhere_deletes_nothing_of_others(web: Web, tmp_path: Path) -> None:
    (tmp_path / "tau" / ".get").mkdir(parents=True)
    (tmp_path / "mine.txt").write_text("mine")
    state = {"set": "tau2020", "unpacked": ["../../mine.txt", str(tmp_path / "mine.txt")]}
    (tmp_path / "tau" / ".get" / "state.json").write_text(json.dumps(state))
    get("tau2020", tmp_path / "tau")
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert files(tmp_path / "tau") == WHOLE


def test_a_file_for_a_folder_is_named(web: Web, tmp_path: Path) -> None:
    (tmp_path / "tau").touch()
    with pytest.raises(InputError, match=r"tau cannot be written \(Not a directory\): mend that and run it again"):
        get("tau2020", tmp_path / "tau")


def test_a_disk_that_fills_up_is_named(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "bar", full)
    with pytest.raises(InputError) as caught:
        get("tau2020", tmp_path / "tau")
    message = f"{tmp_path / 'tau'} cannot be written (No space left on device): mend that and run it again"
    assert str(caught.value) == message


def test_esc10_by_the_names_and_sums_of_its_recordings(web: Web, tmp_path: Path) -> None:
    get("esc10", tmp_path / "esc")
    meta = (tmp_path / "esc" / "meta.csv").read_text("utf-8")
    assert files(tmp_path / "esc") == {
        "audio/1-100-A.ogg": b"one",
        "audio/2-200-B.ogg": b"two",
        "meta.csv": meta.encode(),
    }
    assert meta.splitlines()[0] == "filename,fold,freesound_clip,take,label,sha256,source,author,license"
    assert [row["author"] for row in csv.DictReader(io.StringIO(meta))] == ['A, "B" Ö'] * 2


def test_all_faults_of_esc10_are_named_and_nothing_is_installed(web: Web, tmp_path: Path) -> None:
    clips = {f"1-{number}-A.ogg": bytes([number]) for number in range(4)}
    altered = {name: b"x" if name == "1-1-A.ogg" else data for name, data in clips.items() if name != "1-2-A.ogg"}
    web.files["/esc.zip"] = zipped(esc_content(altered | {"3-300-C.ogg": b"a stranger"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "esc10_files", lambda: [clip(name, data) for name, data in clips.items()])
        with pytest.raises(InputError) as caught:
            get("esc10", tmp_path / "esc")
        assert str(caught.value) == (
            "esc.zip: 2 faults, nothing was installed: 1-2-A.ogg is missing, 1-1-A.ogg is altered"
        )
        assert files(tmp_path / "esc") == {}
        web.files["/esc.zip"] = zipped(esc_content(clips))
        get("esc10", tmp_path / "esc")  # the faulty archive is not used again
    assert set(files(tmp_path / "esc")) == {*(f"audio/{name}" for name in clips), "meta.csv"}


def test_an_archive_that_would_leave_the_folder(web: Web, tmp_path: Path) -> None:
    web.files["/esc.zip"] = zipped(esc_content(CLIPS) | {"../outside.txt": b""})
    with pytest.raises(InputError, match=r"its member '\.\./outside\.txt' would leave the folder"):
        get("esc10", tmp_path / "esc")
    assert files(tmp_path).keys() <= {"esc/.get/lock", "esc/.get/state.json"}


def test_the_command(web: Web, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["data", "get", "esc10", str(tmp_path / "my esc")])
    assert result.exit_code == 0
    assert result.stdout == (
        "esc10: an archive of about 40 MB; CC BY 3.0, each clip's author and licence are in meta.csv\n"
        f"Complete: {tmp_path / 'my esc'}; check it with: repro data check '{tmp_path / 'my esc'}'\n"
    )
    result = CliRunner().invoke(main, ["data", "get", "tau2020", str(tmp_path / "my esc")])
    assert (result.exit_code, result.stderr) == (
        2,
        f"repro: {tmp_path / 'my esc'} holds the set 'esc10': name another folder for 'tau2020'\n",
    )


def test_the_real_archives() -> None:
    archives = SETS["tau2020"].archives
    assert len(archives) == len({archive.md5 for archive in archives}) == 18
    assert sum(archive.size for archive in archives) == 27_364_817_167
    assert archives[0].url == f"https://zenodo.org/records/3819968/files/{TAU_TOP}.meta.zip"
    assert all(len(archive.md5 or "") == 32 for archive in archives)
    assert SETS["esc10"].archives[0].url == f"https://github.com/karolpiczak/ESC-10/archive/{ESC_COMMIT}.zip"


def test_the_real_listing_of_esc10() -> None:
    rows = esc10_files()
    assert len(rows) == len({row["sha256"] for row in rows}) == len({row["filename"] for row in rows}) == 400
    labels, counts = np.unique([row["label"] for row in rows], return_counts=True)
    assert (len(labels), set(counts)) == (10, {40})
    assert {row["license"] for row in rows} == {"CC0", "CC-BY", "CC-Sampling+"}
    assert all(row["author"] for row in rows)
    assert {key: value for key, value in rows[4].items() if key != "sha256"} == {
        "filename": "1-32318-A.ogg",
        "fold": "1",
        "freesound_clip": "32318",
        "take": "A",
        "label": "dog_bark",
        "source": "https://freesound.org/people/Bobby%20Beck/sounds/32318/",
        "author": "Bobby Beck",
        "license": "CC0",
    }


def test_the_real_recordings_are_those_of_the_listing(real_data: Path, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "esc.zip", "w") as archive:
        for row in esc10_files():
            archive.write(real_data / "esc10" / "audio" / row["filename"], f"ESC-10/001 - Any/{row['filename']}")
    published.unpack_esc10(tmp_path / "esc.zip", tmp_path / "out")
    ours, theirs = (
        list(csv.DictReader((folder / "meta.csv").read_text("utf-8").splitlines()))
        for folder in (tmp_path / "out", real_data / "esc10")
    )
    for row in (*ours, *theirs):
        row["source"] = row["source"].partition("freesound.org")[2]
    assert ours == theirs
    assert len(list((tmp_path / "out" / "audio").iterdir())) == 400

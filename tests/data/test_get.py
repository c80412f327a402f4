import csv
import errno
import gc
import hashlib
import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner
from filelock import FileLock
from web import Web

from repro.cli import main
from repro.data.download import get as download
from repro.data.download.get import get
from repro.data.download.registry import SETS, Dataset, Source
from repro.data.esc10 import LAYOUT
from repro.data.metadata import read_metadata
from repro.errors import InputError

# pooch does not close the connection of an answer that is no file
pytestmark = pytest.mark.filterwarnings("ignore:.*<socket.socket:pytest.PytestUnraisableExceptionWarning")

# the data sets in small: by name, what has to lie in the folder
WHOLE = {
    "esc10": {"audio/1-100-A.ogg": b"one", "audio/2-200-B.ogg": b"two", "meta.csv": "filename,author\nx,Ö\n".encode()},
    "micirp": {"B&O_BM2.wav": b"bang", "Doremi_.wav": b"doremi", "IR_AKGD12.wav": b"akg"},
    "tau2020": {"meta.csv": b"filename\n", "audio/x.wav": b"x" * 100_000, "audio/y.wav": b"y" * 100_000},
}
# and what is asked for to fetch all of it
ASKED = {
    "esc10": ["/esc.zip"],
    "micirp": ["/dirs/B%26O_BM2.wav", "/dirs/Doremi_.wav", "/dirs/IR_AKGD12.wav"],
    "tau2020": ["/set.meta.zip", "/set.audio.1.zip"],
}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def esc10_zip(one: bytes = b"one", **others: bytes) -> bytes:
    return zipped(
        {"ESC-10-553c/README.md": b"read", "ESC-10-553c/001 - Dog bark/1-100-A.ogg": one}
        | {"ESC-10-553c/002 - Rain/2-200-B.ogg": b"two"}
        | others
    )


def tau_source(web: Web, part: str, files: dict[str, bytes]) -> Source:
    content = zipped({"set/": b"", **{f"set/{name}": data for name, data in files.items()}})
    web.files[f"/set.{part}.zip"] = content
    md5 = hashlib.md5(content).hexdigest()
    return Source(f"{web.url}/set.{part}.zip", len(content), f"md5:{md5}", top="set/")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server of the data sets in small, which `SETS` names instead of the real ones."""
    web = Web()
    esc10, micirp, tau = WHOLE["esc10"], WHOLE["micirp"], WHOLE["tau2020"]
    web.files["/esc.zip"] = esc10_zip()
    clips = {path: sha256(content) for path, content in esc10.items() if path != "meta.csv"}
    source = Source(f"{web.url}/esc.zip", 1000, None, clips)
    texts = {"meta.csv": esc10["meta.csv"].decode()}
    monkeypatch.setitem(SETS, "esc10", Dataset((source,), SETS["esc10"].terms, texts))
    web.files |= dict(zip(ASKED["micirp"], micirp.values(), strict=True))
    sources = [
        Source(f"{web.url}{path}", len(content), f"sha256:{sha256(content)}", {name: sha256(content)})
        for path, (name, content) in zip(ASKED["micirp"], micirp.items(), strict=True)
    ]
    monkeypatch.setitem(SETS, "micirp", Dataset(tuple(sources), SETS["micirp"].terms))
    archives = [
        tau_source(web, "meta", {"meta.csv": tau["meta.csv"]}),
        tau_source(web, "audio.1", {name: tau[name] for name in ("audio/x.wav", "audio/y.wav")}),
    ]
    monkeypatch.setitem(SETS, "tau2020", Dataset(tuple(archives), SETS["tau2020"].terms))
    monkeypatch.setattr(download, "RETRIES", 0)
    gc.freeze()  # what was there before is not looked through below
    yield web
    web.close()
    gc.collect()  # so that the warnings of open connections come here and not in a test of another file
    gc.unfreeze()


def files(folder: Path) -> dict[str, bytes]:
    """Every file below the folder but those of `.get/`."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if ".get/" not in name}


def times(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_mtime_ns for name in files(folder)}


@pytest.mark.parametrize("name", ["esc10", "micirp", "tau2020"])
def test_a_set_is_fetched_whole_and_once(web: Web, tmp_path: Path, name: str) -> None:
    get(name, tmp_path / "new" / "set")
    assert files(tmp_path) == {f"new/set/{path}": content for path, content in WHOLE[name].items()}
    assert web.asked == ASKED[name]
    assert {agent.partition("/")[0] for agent in web.agents if agent} == {"repro"}
    # neither an archive nor anything that was under way is left
    kept = {path.name for path in (tmp_path / "new" / "set" / ".get").iterdir()}
    assert kept == {"lock", "set"} | ({"set.meta.zip.json", "set.audio.1.zip.json"} if name == "tau2020" else set())
    before = times(tmp_path)
    get(name, tmp_path / "new" / "set")
    assert web.asked == ASKED[name]
    assert times(tmp_path) == before  # else the set would be prepared again


@pytest.mark.parametrize(
    ("name", "missing", "altered", "asked"),
    [
        ("micirp", "Doremi_.wav", "B&O_BM2.wav", ["/dirs/B%26O_BM2.wav", "/dirs/Doremi_.wav"]),
        ("micirp", "IR_AKGD12.wav", None, ["/dirs/IR_AKGD12.wav"]),
        ("esc10", None, "audio/2-200-B.ogg", ["/esc.zip"]),
        ("esc10", "meta.csv", None, []),
        ("tau2020", "audio/x.wav", None, ["/set.audio.1.zip"]),
        ("tau2020", None, "meta.csv", ["/set.meta.zip"]),
    ],
)
def test_only_what_is_missing_or_altered_is_fetched_again(
    web: Web, tmp_path: Path, name: str, missing: str | None, altered: str | None, asked: list[str]
) -> None:
    get(name, tmp_path)
    before = times(tmp_path)
    if missing:
        (tmp_path / missing).unlink()
    if altered:
        content = WHOLE[name][altered]
        (tmp_path / altered).write_bytes(bytes([content[0] ^ 1]) + content[1:])  # of the same size
    web.asked.clear()
    get(name, tmp_path)
    assert files(tmp_path) == WHOLE[name]
    assert web.asked == asked
    untouched = WHOLE[name].keys() - {missing, altered}
    assert {path: times(tmp_path)[path] for path in untouched} == {path: before[path] for path in untouched}


def test_a_whole_set_from_elsewhere_is_left_as_it_is(web: Web, tmp_path: Path) -> None:
    for name, content in WHOLE["micirp"].items():
        (tmp_path / name).write_bytes(content)
    get("micirp", tmp_path)
    assert web.asked == []
    assert {path.name for path in tmp_path.iterdir()} == {"B&O_BM2.wav", "Doremi_.wav", "IR_AKGD12.wav"}


def test_a_file_of_other_content_is_refused(web: Web, tmp_path: Path) -> None:
    web.files["/dirs/Doremi_.wav"] = b"<html>"
    with pytest.raises(InputError) as caught:
        get("micirp", tmp_path)
    assert str(caught.value) == (
        f"{web.url}/dirs/Doremi_.wav: not the file of sha256:{sha256(b'doremi')}, nothing was kept; "
        "run the same command again later: it fetches only what is missing"
    )
    assert files(tmp_path) == {"B&O_BM2.wav": b"bang"}
    assert not (tmp_path / ".get" / "incoming").exists()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (esc10_zip(one=b"other"), "missing or altered, and nothing kept: audio/1-100-A.ogg (1 files)"),
        (
            zipped({"README.md": b""}),
            "missing or altered, and nothing kept: audio/1-100-A.ogg, audio/2-200-B.ogg (2 files)",
        ),
    ],
)
def test_an_archive_with_other_recordings_is_refused(web: Web, tmp_path: Path, content: bytes, fault: str) -> None:
    web.files["/esc.zip"] = content
    with pytest.raises(InputError) as caught:
        get("esc10", tmp_path)
    again = "run the same command again later: it fetches only what is missing"
    assert str(caught.value) == f"{web.url}/esc.zip: {fault}; {again}"
    assert files(tmp_path) == {}
    web.files["/esc.zip"] = esc10_zip()
    get("esc10", tmp_path)
    assert files(tmp_path) == WHOLE["esc10"]


@pytest.mark.parametrize("content", [b"<html>not found</html>", esc10_zip()[:300], esc10_zip().replace(b"two", b"TWO")])
def test_a_damaged_archive_is_refused(web: Web, tmp_path: Path, content: bytes) -> None:
    web.files["/esc.zip"] = content
    with pytest.raises(InputError, match=r"/esc\.zip is a broken zip archive \(.*\), nothing was kept; run the same"):
        get("esc10", tmp_path)
    assert files(tmp_path) == {}


@pytest.mark.parametrize("member", ["../outside.txt", "set/../../outside.txt", "/outside.txt", "set//outside.txt"])
def test_a_member_that_would_leave_the_folder_is_refused(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: str
) -> None:
    content = zipped({"set/meta.csv": b"filename\n", member: b"harm"})
    web.files["/set.zip"] = content
    source = Source(f"{web.url}/set.zip", len(content), f"md5:{hashlib.md5(content).hexdigest()}", top="set/")
    monkeypatch.setitem(SETS, "tau2020", Dataset((source,), ""))
    with pytest.raises(InputError) as caught:
        get("tau2020", tmp_path / "tau")
    assert str(caught.value) == f"{web.url}/set.zip is refused: its member '{member}' would leave the folder"
    assert files(tmp_path) == {}
    assert not (tmp_path / "tau" / ".get" / "incoming").exists()


def test_a_member_that_is_not_needed_must_not_leave_the_folder_either(web: Web, tmp_path: Path) -> None:
    web.files["/esc.zip"] = esc10_zip(**{"../outside.txt": b"harm"})
    with pytest.raises(InputError, match=r"is refused: its member '\.\./outside\.txt' would leave the folder"):
        get("esc10", tmp_path)


@pytest.mark.parametrize(
    ("status", "reason"), [(404, "Not Found"), (429, "Too Many Requests"), (503, "Service Unavailable")]
)
def test_the_answer_of_a_server_is_named(web: Web, tmp_path: Path, status: int, reason: str) -> None:
    web.statuses = [200, status]
    with pytest.raises(InputError) as caught:
        get("micirp", tmp_path)
    assert str(caught.value) == (
        f"{web.url}/dirs/Doremi_.wav: the server answers {status} {reason}; "
        "run the same command again later: it fetches only what is missing"
    )
    assert files(tmp_path) == {"B&O_BM2.wav": b"bang"}


def test_a_failure_that_passes_is_tried_again(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "RETRIES", 2)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    web.statuses = [503, 503]
    get("esc10", tmp_path)
    assert files(tmp_path) == WHOLE["esc10"]
    assert web.asked == ["/esc.zip"] * 3


def test_nobody_answers(web: Web, tmp_path: Path) -> None:
    web.close()
    with pytest.raises(InputError) as caught:
        get("micirp", tmp_path)
    assert str(caught.value) == (
        f"{web.url}/dirs/B%26O_BM2.wav: no connection, or a broken one (ConnectionError): check the network; "
        "run the same command again later: it fetches only what is missing"
    )


def test_an_interrupted_download_leaves_no_file_in_place(web: Web, tmp_path: Path) -> None:
    web.breaks_after = [1000, 50_000]
    with pytest.raises(InputError, match=r"audio\.1\.zip: no connection, or a broken one \(ChunkedEncodingError\)"):
        get("tau2020", tmp_path)
    assert files(tmp_path) == {"meta.csv": b"filename\n"}
    assert not (tmp_path / ".get" / "incoming").exists()
    web.asked.clear()
    get("tau2020", tmp_path)
    assert files(tmp_path) == WHOLE["tau2020"]
    assert web.asked == ["/set.audio.1.zip"]


def test_what_a_killed_process_left_is_removed(web: Web, tmp_path: Path) -> None:
    (tmp_path / ".get" / "incoming" / "files").mkdir(parents=True)
    (tmp_path / ".get" / "incoming" / "tmpabc").write_bytes(b"half")
    (tmp_path / ".get" / "incoming" / "IR_AKGD12.wav").write_bytes(b"half")
    get("micirp", tmp_path)
    assert files(tmp_path) == WHOLE["micirp"]
    assert {path.name for path in (tmp_path / ".get").iterdir()} == {"lock", "set"}


def test_a_process_that_is_killed_between_two_files_is_continued(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def dying(path: Path, target: Path) -> Path:
        if target.name == "y.wav":
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", dying)
        get("tau2020", tmp_path)
    assert files(tmp_path).keys() == {"meta.csv", "audio/x.wav"}
    get("tau2020", tmp_path)
    assert files(tmp_path) == WHOLE["tau2020"]


def test_a_damaged_record_is_replaced(web: Web, tmp_path: Path) -> None:
    get("tau2020", tmp_path)
    (tmp_path / ".get" / "set.meta.zip.json").write_bytes(b"")
    web.asked.clear()
    get("tau2020", tmp_path)
    get("tau2020", tmp_path)
    assert web.asked == ["/set.meta.zip"]


def test_a_second_process_is_refused(web: Web, tmp_path: Path) -> None:
    (tmp_path / ".get").mkdir()
    with FileLock(tmp_path / ".get" / "lock"), pytest.raises(InputError) as caught:
        get("tau2020", tmp_path)
    assert str(caught.value) == f"{tmp_path}: another process is fetching a data set into it: wait until it has ended"
    assert web.asked == []


def test_a_folder_with_other_files_is_left_alone(web: Web, tmp_path: Path) -> None:
    (tmp_path / "meta.csv").write_text("mine")
    with pytest.raises(InputError) as caught:
        get("tau2020", tmp_path)
    assert str(caught.value) == f"{tmp_path} holds other files: name a folder that is empty or does not exist"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"meta.csv": "mine"}
    assert web.asked == []


def test_too_little_space_is_said_before_anything_starts(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tuple(Source(f"{web.url}/{n}.zip", size, "md5:0") for n, size in ((1, 10**9), (2, 2 * 10**9)))
    monkeypatch.setitem(SETS, "tau2020", Dataset(sources, ""))
    disk = shutil.disk_usage(tmp_path)._replace(free=5_590_000_000)  # 1.2 x 3 GB + 2 GB are needed
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    with pytest.raises(InputError) as caught:
        get("tau2020", tmp_path / "tau")
    assert str(caught.value) == (
        f"{tmp_path / 'tau'}: 5.60 GB are needed, 5.59 GB are free: make room or name another folder"
    )
    assert list(tmp_path.iterdir()) == []
    disk = disk._replace(free=5_610_000_000)
    with pytest.raises(InputError, match="404"):
        get("tau2020", tmp_path / "tau")


@pytest.mark.parametrize("writer", ["pooch.core.temporary_file", "shutil.copyfileobj"])
def test_a_disk_that_fills_up_is_named(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: str) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writer, full)
    with pytest.raises(InputError) as caught:
        get("esc10", tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} cannot be written (No space left on device): make room, or name a folder that you may write to"
    )
    assert files(tmp_path) == {}
    assert not (tmp_path / ".get" / "incoming").exists()


def test_a_folder_that_cannot_be_written_is_named(web: Web, tmp_path: Path) -> None:
    (tmp_path / "tau").touch()
    with pytest.raises(InputError, match=r"tau cannot be written \(Not a directory\): make room, or name a folder"):
        get("tau2020", tmp_path / "tau")


def test_the_command(web: Web, tmp_path: Path) -> None:
    folder = tmp_path / "my set"
    result = CliRunner().invoke(main, ["data", "get", "esc10", str(folder)])
    assert (result.exit_code, result.stdout) == (
        0,
        "esc10: an archive of about 40 MB; CC BY 3.0, each clip's author and licence are in meta.csv\n"
        f"Complete: {folder}; check it with: repro data check '{folder}'\n",
    )
    result = CliRunner().invoke(main, ["data", "get", "tau2020", str(folder)])
    assert (result.exit_code, result.stderr) == (
        2,
        f"repro: {folder} holds the set 'esc10': name another folder for 'tau2020'\n",
    )
    result = CliRunner().invoke(main, ["data", "get", "micirp", str(tmp_path / "micirp")])
    assert (result.exit_code, result.stdout) == (
        0,
        "micirp: 50 files, 3 MB; Creative Commons, by MicIRP, the Microphone Impulse Response Project, and Xaudia.com\n"
        f"Complete: {tmp_path / 'micirp'}\n",
    )


def test_the_real_sources() -> None:
    (esc10,) = SETS["esc10"].sources
    assert (esc10.name, esc10.hash, len(esc10.files)) == ("553c8f1743b9dba6b282e1323c3ca8fa76923448.zip", None, 400)
    assert esc10.url == f"https://github.com/karolpiczak/ESC-10/archive/{esc10.name}"
    tau = SETS["tau2020"].sources
    assert len({source.hash for source in tau}) == 18
    assert sum(source.size for source in tau) == 27_364_817_167
    top = "TAU-urban-acoustic-scenes-2020-mobile-development"
    assert (tau[0].url, tau[0].hash, tau[0].top) == (
        f"https://zenodo.org/records/3819968/files/{top}.meta.zip",
        "md5:6eae9db553ce48e4ea246e34e50a3cf5",
        f"{top}/",
    )
    micirp = SETS["micirp"].sources
    assert [micirp[0].name, micirp[2].name, micirp[49].name] == [
        "Altec_639.wav",
        "B&O_BM2.wav",
        "Toshiba_TypeK_flat.wav",
    ]
    assert len(micirp) == 50
    assert micirp[2].url == (
        "https://raw.githubusercontent.com/fschmid56/cpjku_dcase23/48d405f8f185e47a5aeb5d8dea45c051f33320aa/"
        "datasets/dirs/B%26O_BM2.wav"
    )


def test_the_meta_csv_of_esc10_is_one_that_its_loader_takes(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    for path in SETS["esc10"].sources[0].files:
        (tmp_path / path).touch()
    (tmp_path / "meta.csv").write_text(SETS["esc10"].texts["meta.csv"], "utf-8")
    meta = read_metadata(tmp_path, LAYOUT)
    assert len(meta) == meta["sha256"].nunique() == 400
    assert set(meta["label"].value_counts()) == {40}
    assert dict(meta.iloc[4].drop("sha256")) == {
        "filename": "1-32318-A.ogg",
        "fold": "1",
        "freesound_clip": "32318",
        "take": "A",
        "label": "dog_bark",
        "source": "https://freesound.org/people/Bobby%20Beck/sounds/32318/",
        "author": "Bobby Beck",
        "license": "CC0",
    }


def test_the_real_recordings_are_those_of_esc10(real_data: Path, web: Web, tmp_path: Path) -> None:
    theirs = list(csv.DictReader((real_data / "esc10" / "meta.csv").read_text("utf-8").splitlines()))
    ours = list(csv.DictReader((Path(download.__file__).with_name("esc10_files.csv")).read_text("utf-8").splitlines()))
    for row in (*ours, *theirs):
        row["source"] = row["source"].partition("freesound.org")[2]
    assert ours == theirs
    for row in ours:
        assert sha256((real_data / "esc10" / "audio" / row["filename"]).read_bytes()) == row["sha256"]


def test_the_real_microphones_are_those_of_micirp(real_data: Path) -> None:
    found = {
        path.name: (path.stat().st_size, {path.name: sha256(path.read_bytes())})
        for path in (real_data / "micirp").iterdir()
    }
    assert {source.name: (source.size, source.files) for source in SETS["micirp"].sources} == found
    assert all(source.hash == f"sha256:{source.files[source.name]}" for source in SETS["micirp"].sources)

import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from repro.data.download.archives import unpack
from repro.errors import InputError


def archive(path: Path, *members: str | ZipInfo) -> Path:
    with ZipFile(path, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own, of a name that comes twice
        for member in members:
            file.writestr(member, b"content")
    return path


def special(kind: int) -> ZipInfo:
    member = ZipInfo("set/audio/x.wav")
    member.create_system = 3
    member.external_attr = (kind | 0o644) << 16
    return member


def test_the_files_are_written_less_the_top_folder(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", "set/", "set/audio/", special(stat.S_IFREG), "set/meta.csv", "elsewhere/y.txt")
    unpack(path, tmp_path / "out", 1000, "set/")
    found = {str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file()}
    assert found == {"audio/x.wav", "meta.csv", "elsewhere/y.txt"}
    assert (tmp_path / "out" / "audio" / "x.wav").read_bytes() == b"content"


@pytest.mark.parametrize(
    ("member", "fault"),
    [
        ("/etc/passwd", "its member '/etc/passwd' has an absolute name"),
        ("../outside.txt", "its member '../outside.txt' would leave the folder"),
        ("set/../../outside.txt", "its member 'set/../../outside.txt' would leave the folder"),
        ("C:/outside.txt", "its member 'C:/outside.txt' has a name with a backslash, a NUL or a drive"),
        ("..\\outside.txt", r"its member '..\\outside.txt' has a name with a backslash, a NUL or a drive"),
        (special(stat.S_IFLNK), "its member 'set/audio/x.wav' is a link or a device"),
        (special(stat.S_IFCHR), "its member 'set/audio/x.wav' is a link or a device"),
        (special(stat.S_IFIFO), "its member 'set/audio/x.wav' is a link or a device"),
        ("good.txt", "its member 'good.txt' comes twice"),
        ("GOOD.txt", "its member 'GOOD.txt' comes twice"),
        ("set/good.txt", "its member 'set/good.txt' comes twice"),
        (".", "its member '.' has no name"),
    ],
)
def test_a_harmful_member_is_refused_before_anything_is_written(
    tmp_path: Path, member: str | ZipInfo, fault: str
) -> None:
    path = archive(tmp_path / "a.zip", "good.txt", member)
    with pytest.raises(InputError) as caught:
        unpack(path, tmp_path / "out", 1000, "set/")
    assert str(caught.value) == f"{path} is refused: {fault}; nothing was unpacked"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", "good.txt", "x.txt/y")
    path.write_bytes(path.read_bytes().replace(b"x.txt/y", b"x.txt\0y"))
    with pytest.raises(InputError, match=r"its member 'x\.txt\\x00y' has a name with a backslash, a NUL or a drive"):
        unpack(path, tmp_path / "out", 1000)
    assert list(tmp_path.iterdir()) == [path]


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", "x.txt")
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flags of the member's own header, and of its entry in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        unpack(path, tmp_path / "out", 1000)
    assert str(caught.value) == f"{path} is refused: its member 'x.txt' is encrypted; nothing was unpacked"


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        file.writestr("x", bytes(600_000))
        file.writestr("y", bytes(400_001))
    assert path.stat().st_size < 2000
    with pytest.raises(InputError) as caught:
        unpack(path, tmp_path / "out", 1_000_000)
    assert str(caught.value) == (
        f"{path} is refused: its files would take up 1,000,001 bytes, where at most 1,000,000 are expected; "
        "nothing was unpacked"
    )
    assert list(tmp_path.iterdir()) == [path]
    unpack(path, tmp_path / "out", 1_000_001)


def test_a_member_larger_than_it_declares_does_not_come_out_larger(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        file.writestr("x", bytes(1_000_000))
    size = (1_000_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (1000).to_bytes(4, "little")))
    with pytest.raises(InputError, match="is not an intact zip archive"):
        unpack(path, tmp_path / "out", 2000)
    assert (tmp_path / "out" / "x").stat().st_size <= 1000


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flip(content: bytes) -> bytes:
    return content.replace(b"content", b"contenT")


@pytest.mark.parametrize("damage", [_cut, _flip, lambda content: b"<html>not found</html>"])
def test_a_damaged_archive_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = archive(tmp_path / "a.zip", "x.txt")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"a\.zip is not an intact zip archive \(.*\): fetch it again"):
        unpack(path, tmp_path / "out", 1000)

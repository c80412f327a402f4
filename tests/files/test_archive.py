import zipfile

import pytest

from repro.files.archive import ArchiveError, open_archive, read_archive, write_archive

MEMBERS = {"b/one": b"1" * 1000, "a.json": b"{}"}


@pytest.fixture
def archive(tmp_path):
    write_archive(tmp_path / "some.zip", MEMBERS.items())
    return tmp_path / "some.zip"


def refused(path) -> str:
    with pytest.raises(ArchiveError) as error:
        read_archive(path)
    return str(error.value)


def test_what_was_written_is_read_in_its_order(archive):
    assert list(read_archive(archive).items()) == list(MEMBERS.items())
    with open_archive(archive) as opened:
        assert {info.date_time for info in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert opened.testzip() is None


def test_the_comment_holds_the_checksum(archive):
    content = archive.read_bytes()
    assert content[-86:-64] == b"runs of repro, sha256 "
    assert zipfile.ZipFile(archive).comment == content[-86:]


def test_the_same_content_gives_the_same_bytes(tmp_path):
    for name in "ab":
        write_archive(tmp_path / name, MEMBERS.items())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_archive(tmp_path / "a") == MEMBERS


def test_a_flipped_bit_in_any_byte_is_refused(archive):
    content = archive.read_bytes()
    for place in range(len(content)):
        archive.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert refused(archive) == f"{archive} is not what was stored: copy it again"


def test_a_cut_file_is_refused(archive):
    content = archive.read_bytes()
    for length in range(len(content)):
        archive.write_bytes(content[:length])
        assert refused(archive) == f"{archive} is not what was stored: copy it again"


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    assert refused(tmp_path / "no") == f"{tmp_path / 'no'} cannot be read (No such file or directory): copy it again"
    assert refused(tmp_path) == f"{tmp_path} cannot be read (Is a directory): copy it again"


def test_an_exception_leaves_what_was_there(tmp_path):
    def members():
        yield "a", b"1"
        raise KeyboardInterrupt

    (tmp_path / "file").write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt):
        write_archive(tmp_path / "file", members())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"before"

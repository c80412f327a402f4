import json
import shutil

import pytest

from repro.errors import InputError
from repro.files import checksums

FILES = {"a.json": b"{}", "b.bin": bytes(range(16))}
HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.fixture
def folder(tmp_path):
    checksums.write_folder(tmp_path / "sealed", FILES)
    return tmp_path / "sealed"


def refused(path, stored) -> str:
    return f"{path} is not what was stored: delete {stored}, and it is made again"


def test_the_manifest_holds_the_sha256_of_every_file():
    assert json.loads(checksums.manifest_of({"x": b"hello"})) == {"x": HELLO}


def test_what_was_sealed_is_read_back(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["a.json", "b.bin", "manifest.json"]
    assert {name: checksums.read(folder, name) for name in FILES} == FILES
    checksums.require_files(folder, frozenset(FILES))
    checksums.require_files(folder, frozenset({"a.json"}), frozenset({"b.bin", "c"}))


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_flipped_bit_in_any_byte_is_noticed(name, folder):
    path = folder / name
    content = path.read_bytes()
    for place in range(len(content)):
        for bit in (0, 5):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
            with pytest.raises(InputError) as error:
                for file in FILES:
                    checksums.require_files(folder, frozenset(FILES))
                    checksums.read(folder, file)
            assert str(error.value).startswith(str(path if name != "manifest.json" else folder))


@pytest.mark.parametrize("length", [0, 1, 10])
@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_cut_file_is_refused_by_name(name, length, folder):
    path = folder / name
    path.write_bytes(path.read_bytes()[:length] if len(path.read_bytes()) > length else b"")
    with pytest.raises(checksums.DamagedError) as error:
        for file in FILES:
            checksums.read(folder, file)
    assert str(error.value) == refused(path, folder)


def test_lost_files_and_files_too_many_are_refused_by_name(folder):
    (folder / "more").touch()
    with pytest.raises(checksums.DamagedError) as error:
        checksums.require_files(folder, frozenset(FILES))
    assert str(error.value) == refused(folder / "more", folder)
    (folder / "more").unlink()
    with pytest.raises(checksums.DamagedError) as error:
        checksums.require_files(folder, frozenset({"a.json"}))  # b.bin is listed, but nobody knows it
    assert str(error.value) == refused(folder / "manifest.json", folder)
    (folder / "b.bin").unlink()
    for check in (lambda: checksums.require_files(folder, frozenset(FILES)), lambda: checksums.read(folder, "b.bin")):
        with pytest.raises(checksums.DamagedError) as error:
            check()
        assert str(error.value) == refused(folder / "b.bin", folder)
    shutil.rmtree(folder)
    with pytest.raises(checksums.DamagedError) as error:
        checksums.digests(folder)
    assert str(error.value) == refused(folder, folder)


def test_json_with_its_own_checksum_is_read_back(tmp_path):
    content = {"b": [1, 2.5, None], "a": {"ä": "x\ny"}}
    checksums.write_json(tmp_path / "file.json", content)
    assert checksums.read_json(tmp_path / "file.json") == content
    assert set(json.loads((tmp_path / "file.json").read_text())) == {"a", "b", "sha256"}


def test_a_flipped_bit_in_any_byte_of_json_is_noticed(tmp_path):
    path = tmp_path / "file.json"
    checksums.write_json(path, {"number": 1e-7, "text": "ab", "list": [True, None]})
    content = path.read_bytes()
    altered = [
        content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]
        for place in range(len(content))
        for bit in (0, 5)
    ]
    for wrong in [*altered, *(content[:length] for length in range(len(content))), b"[]", b'"sha256"']:
        path.write_bytes(wrong)
        with pytest.raises(checksums.DamagedError) as error:
            checksums.read_json(path)
        assert str(error.value) == refused(path, path)

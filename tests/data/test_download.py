import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from web import Web

from repro.data.download import fetch as download
from repro.data.download.fetch import CHUNK, arrived, fetch
from repro.errors import InputError

CONTENT = np.random.default_rng(0).bytes(3_000_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(download, "WAITS", (0, 0, 0))
    web = Web()
    web.files["/set.zip"] = CONTENT
    yield web
    web.close()


def test_a_file_is_fetched_once(web: Web, tmp_path: Path) -> None:
    target = tmp_path / "set.zip"
    fetch(f"{web.url}/set.zip", target, MD5)
    fetch(f"{web.url}/set.zip", target, MD5)
    assert target.read_bytes() == CONTENT
    assert (web.sent, web.ranges) == (3_000_000, [None])
    assert list(tmp_path.iterdir()) == [target]


def test_only_the_rest_is_fetched(web: Web, tmp_path: Path) -> None:
    (tmp_path / "set.zip.part").write_bytes(CONTENT[:2_999_000])
    assert arrived(tmp_path / "set.zip") == 2_999_000
    fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)
    assert (tmp_path / "set.zip").read_bytes() == CONTENT
    assert (web.sent, web.ranges) == (1000, ["bytes=2999000-"])
    assert arrived(tmp_path / "set.zip") == 3_000_000


def test_a_broken_connection_is_continued(web: Web, tmp_path: Path) -> None:
    web.breaks_after = [20 * CHUNK, 10 * CHUNK, CHUNK]
    web.statuses = [200, 503, 200, 429]
    fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)
    assert (tmp_path / "set.zip").read_bytes() == CONTENT
    assert web.sent == 3_000_000


def test_progress_gives_new_patience(web: Web, tmp_path: Path) -> None:
    web.breaks_after = [CHUNK] * 10  # ten failures in a row, each of which brought something
    fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)
    assert web.sent == 3_000_000


def test_a_server_that_ignores_ranges_sends_all_anew(web: Web, tmp_path: Path) -> None:
    web.ignores_ranges = True
    (tmp_path / "set.zip.part").write_bytes(CONTENT[:2_000_000])
    fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)
    assert (tmp_path / "set.zip").read_bytes() == CONTENT
    assert (web.sent, web.ranges) == (3_000_000, ["bytes=2000000-"])


def test_a_part_that_is_whole_is_only_verified(web: Web, tmp_path: Path) -> None:
    (tmp_path / "set.zip.part").write_bytes(CONTENT)
    fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)
    assert (tmp_path / "set.zip").read_bytes() == CONTENT
    assert (web.sent, web.ranges) == (0, ["bytes=3000000-"])


def test_a_part_that_is_too_long_is_fetched_anew(web: Web, tmp_path: Path) -> None:
    (tmp_path / "set.zip.part").write_bytes(CONTENT + b"x")
    fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)
    assert (tmp_path / "set.zip").read_bytes() == CONTENT


def test_a_wrong_part_is_fetched_once_more(web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "set.zip.part").write_bytes(b"x" + CONTENT[1:1000])
    fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)
    assert (tmp_path / "set.zip").read_bytes() == CONTENT
    assert web.ranges == ["bytes=1000-", None]
    message = f"{web.url}/set.zip: not the file of MD5 {MD5}: deleted, fetching it again\n"
    assert message in capsys.readouterr().err


def test_a_wrong_file_is_not_kept(web: Web, tmp_path: Path) -> None:
    web.files["/set.zip"] = b"x" + CONTENT[1:]
    with pytest.raises(InputError) as caught:
        fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)
    assert str(caught.value) == f"{web.url}/set.zip: twice not the file of MD5 {MD5}: deleted; try again later"
    assert web.sent == 6_000_000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("statuses", "message", "asked"),
    [
        ([404], "the server answers 404 Not Found", 1),
        (
            [503] * 9,
            "the server answers 503 Service Unavailable; what has arrived is kept: run the command",
            4,
        ),
    ],
)
def test_a_refusal_is_named(web: Web, tmp_path: Path, statuses: list[int], message: str, asked: int) -> None:
    web.statuses = statuses
    with pytest.raises(InputError, match=message):
        fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)
    assert len(web.ranges) == asked


def test_what_has_arrived_is_kept(web: Web, tmp_path: Path) -> None:
    web.breaks_after = [2_500_000, 0, 0, 0, 0]
    with pytest.raises(InputError, match="no connection, or a broken one"):
        fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)
    kept = (tmp_path / "set.zip.part").stat().st_size
    assert 2_500_000 - CHUNK < kept <= 2_500_000
    fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)
    assert web.sent == 2_500_000 + 3_000_000 - kept


def test_nobody_answers(web: Web, tmp_path: Path) -> None:
    web.close()
    with pytest.raises(InputError, match=r"no connection, or a broken one \(ConnectionError\)"):
        fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)


def test_a_silent_server_is_given_up(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    monkeypatch.setattr(download, "WAITS", ())
    web.stalls_on = "/set.zip"
    with pytest.raises(InputError, match=r"a broken one \(ConnectionError\)"):
        fetch(f"{web.url}/set.zip", tmp_path / "set.zip", MD5)

"""Where the bars of a page go."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from repro import progress


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    progress._terminal.cache_clear()
    yield
    if terminal := progress._terminal():
        terminal.close()
    progress._terminal.cache_clear()


def test_a_page_draws_on_the_terminal_of_its_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tty").touch()
    monkeypatch.setenv(progress.TERMINAL_VARIABLE, str(tmp_path / "tty"))
    monkeypatch.setenv("TQDM_DISABLE", "1")  # as the build sets it, for the bars of others
    for _ in progress.bar(range(3), desc="training"):
        pass
    assert "training:   0%" in (tmp_path / "tty").read_text()


def test_a_bar_that_is_not_wanted_is_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tty").touch()
    monkeypatch.setenv(progress.TERMINAL_VARIABLE, str(tmp_path / "tty"))
    with progress.bar(total=0, disable=True) as shown:
        shown.update()
    assert (tmp_path / "tty").read_text() == ""


def test_a_terminal_that_may_not_be_opened_is_gone_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(progress.TERMINAL_VARIABLE, str(tmp_path / "none" / "tty"))
    assert list(progress.bar(range(3))) == [0, 1, 2]

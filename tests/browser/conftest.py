"""Options and the browser for the checks of a built book (`make check-pages`); they are no part of `make test`."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[2]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--edition", default="quick", help="the built edition to open")
    parser.addoption("--screenshots", action="store_true", help="keep screenshots in _build/EDITION/screenshots")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "docname" in metafunc.fixturenames:
        toc = ROOT / "_build" / metafunc.config.getoption("--edition") / "source" / "_toc.yml"
        if not toc.is_file():
            raise pytest.UsageError(f"{toc} does not exist: build the edition first (make book)")
        metafunc.parametrize("docname", list(parse_toc_yaml(toc)))


@pytest.fixture(scope="session")
def folder(request: pytest.FixtureRequest) -> Path:
    return ROOT / "_build" / request.config.getoption("--edition")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def address(folder: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(folder / "html"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no Chromium: none of {', '.join(CHROMIUM)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()

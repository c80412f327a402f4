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
    parser.addoption("--edition", help="the built edition to open; by default all of the site")
    parser.addoption("--screenshots", action="store_true", help="keep screenshots in _build/screenshots")


def html_of(config: pytest.Config) -> dict[str, Path]:
    """The HTML's folder by edition."""
    named = config.getoption("--edition")
    if named:
        return {named: ROOT / "_build" / named / "html"}
    return {path.name: path for path in sorted((ROOT / "_build" / "site").glob("*")) if path.is_dir()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    editions = list(html_of(metafunc.config))
    if not editions:
        raise pytest.UsageError("_build/site does not exist: build the book first (make book)")
    if "page_name" in metafunc.fixturenames:
        places = []
        for edition in editions:
            toc = ROOT / "_build" / edition / "source" / "_toc.yml"
            if not toc.is_file():
                raise pytest.UsageError(f"{toc} does not exist: build the edition first (make book)")
            places += [(edition, docname) for docname in parse_toc_yaml(toc)]
        metafunc.parametrize("page_name", places, ids=[f"{edition}/{Path(name).name}" for edition, name in places])
    if "edition" in metafunc.fixturenames:
        metafunc.parametrize("edition", editions, scope="module")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a web server of this process has the editions: `address + edition + "/" + page`."""
    first = next(iter(html_of(request.config).values()))
    root = first.parent
    handler = functools.partial(_Quiet, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        pytest.exit(f"no Chromium: install one of {', '.join(CHROMIUM)}", returncode=2)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()

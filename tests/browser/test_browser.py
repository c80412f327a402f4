"""Every page of the built book, opened in Chromium without a network: it loads, shows and plays everything."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Route

SIZES = {"desktop": {"width": 1300, "height": 900}, "phone": {"width": 390, "height": 844}}

SHOTS = Path(__file__).parents[2] / "_build" / "screenshots"

CUT_OFF = """() => [...document.querySelectorAll('article pre')]
    .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.slice(0, 80))"""

IMAGES = """() => Promise.all([...document.images].map(async image => {
    image.loading = 'eager';
    await image.decode().catch(() => {});
    return image.naturalWidth > 0 ? null : image.src;
})).then(sources => sources.filter(source => source !== null))"""

PLAY = """async audio => {
    audio.muted = true;
    await audio.play();
    const state = {ready: audio.readyState, duration: audio.duration};
    audio.pause();
    return state;
}"""


@pytest.mark.parametrize("size", SIZES)
def test_page(
    browser: Browser, address: str, request: pytest.FixtureRequest, page_name: tuple[str, str], size: str
) -> None:
    edition, docname = page_name
    inside = edition if not request.config.getoption("--edition") else "html"
    context = browser.new_context(viewport=SIZES[size], color_scheme="light")
    page = context.new_page()
    faults: list[str] = []

    def stay_offline(route: Route, asked: Request) -> None:
        if asked.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            faults.append(f"asks the network for {asked.url}")
            route.abort()

    context.route("**/*", stay_offline)
    page.on("pageerror", lambda error: faults.append(f"uncaught {error}"))
    page.on("console", lambda message: message.type == "error" and faults.append(f"console: {message.text}"))

    page.goto(f"{address}{inside}/{docname}.html", wait_until="load")
    page.evaluate("() => window.MathJax ? MathJax.startup.promise : null")

    assert page.evaluate(IMAGES) == []
    assert page.locator("article .math").count() == 0 or page.locator("article mjx-container").count() > 0
    for audio in page.locator("audio").all():
        state = audio.evaluate(PLAY)
        assert state["ready"] >= 2
        assert state["duration"] > 0
    assert page.evaluate("() => document.documentElement.scrollWidth") <= SIZES[size]["width"], too_wide(page)
    assert page.evaluate(CUT_OFF) == []
    assert faults == []

    if request.config.getoption("--screenshots"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(300)
            name = f"{edition}-{Path(docname).name}-{size}-{scheme}.png"
            page.screenshot(path=SHOTS / name, full_page=True)
    context.close()


def too_wide(page: Page) -> str:
    """Name the elements that stand out to the right, for the message."""
    return str(
        page.evaluate(
            """() => [...document.querySelectorAll('article *')]
                .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
                .slice(0, 5).map(e => e.outerHTML.slice(0, 120))"""
        )
    )


def test_the_switch_leads_to_the_same_page_of_the_other_edition(
    browser: Browser, address: str, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--edition"):
        pytest.skip("one edition alone has no switch")
    page = browser.new_page()
    page.goto(f"{address}esc10/book/05-1-width.html")
    switch = page.locator("nav.repro-editions a")
    switch.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/quick/book/05-1-width.html")
    page.close()

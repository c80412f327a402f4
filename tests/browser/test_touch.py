"""What readers hear and touch: by keyboard, without a script, light enough; and axe finds no fault on any page."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Locator, Page

AXE = Path(__file__).with_name("axe.min.js")
HEAVIEST = 1_500_000
SCRIPTS = 100_000

# In dark, the theme's buttons fade to their colours for 150 ms after the page has loaded.
SETTLED = "() => Promise.allSettled(document.getAnimations().map(animation => animation.finished))"
FAULTS = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
    .filter(fault => ['serious', 'critical'].includes(fault.impact))
    .map(fault => `${fault.id}: ${fault.nodes.map(node => node.target.join(' ')).join('; ').slice(0, 400)}`)"""


@pytest.fixture
def opened(
    browser: Browser, address: str, request: pytest.FixtureRequest, page_name: tuple[str, str]
) -> Iterator[tuple[Page, Path]]:
    """A page of the book, and its file."""
    from conftest import html_of

    edition, docname = page_name
    inside = edition if not request.config.getoption("--edition") else "html"
    context = browser.new_context(
        viewport={"width": 1300, "height": 900}, color_scheme=getattr(request, "param", "light")
    )
    page = context.new_page()
    page.goto(f"{address}{inside}/{docname}.html", wait_until="load")
    yield page, html_of(request.config)[edition] / f"{docname}.html"
    context.close()


def one(page: Page, selector: str) -> Locator:
    found = page.locator(selector)
    if not found.count():
        pytest.skip("not on this page of this edition")
    return found.first


@pytest.mark.parametrize("opened", ["light", "dark"], indirect=True)
def test_axe_finds_no_serious_violation(opened: tuple[Page, Path]):
    page, _ = opened
    page.add_script_tag(path=str(AXE))
    page.evaluate(SETTLED)
    assert page.evaluate(FAULTS) == []


def test_a_page_with_its_images_is_light(opened: tuple[Page, Path]):
    _, path = opened
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    images = {path.parent / unquote(str(image["src"])) for image in page.find_all("img") if "data:" not in image["src"]}
    assert path.stat().st_size + sum(image.stat().st_size for image in images) <= HEAVIEST
    static = path.parents[1] / "_static"
    scripts = ("touch.js", "popper.min.js", "tippy-bundle.umd.min.js")
    assert sum((static / name).stat().st_size for name in scripts) <= SCRIPTS


def test_a_citation_shows_its_entry_to_pointer_and_keyboard(opened: tuple[Page, Path]):
    page, path = opened
    link = one(page, "article a[href^='references.html#']")
    entry = link.get_attribute("href").partition("#")[2]
    references = BeautifulSoup(path.with_name("references.html").read_text(encoding="utf-8"), "html.parser")
    title = references.find(id=entry).find("em").get_text(strip=True)
    assert page.get_by_role("tooltip").count() == 0 and link.get_attribute("title") is None
    link.hover()
    assert title in page.get_by_role("tooltip").inner_text()
    page.mouse.move(0, 0)
    page.get_by_role("tooltip").wait_for(state="detached")
    link.focus()
    assert title in page.get_by_role("tooltip").inner_text()


def test_receptive_fields_are_chosen_by_keyboard(opened: tuple[Page, Path]):
    page, _ = opened
    root = one(page, ".repro-touch.explorer")
    before = root.locator(".said").inner_text()
    width = root.get_by_label("Width W")
    width.focus()
    page.keyboard.press("End")
    widest = width.get_attribute("data-values").split(" ")[-1]
    assert root.locator("output").inner_text() == width.get_attribute("aria-valuetext") == widest
    assert f"W={widest}" in root.locator(".said").inner_text() != before
    shown = root.locator("tr[aria-current=true]")
    assert shown.count() == 1
    assert root.locator("image").get_attribute("href") == shown.get_attribute("data-picture")
    assert root.locator(".half").get_attribute("height") == shown.get_attribute("data-half").split(" ")[3]
    variant = root.locator("select[name=variant]")
    variant.focus()
    page.keyboard.press("d")  # damped
    assert (
        root.locator(".said")
        .inner_text()
        .removeprefix("There is no run of that combination; the nearest: ")
        .startswith("damped")
    )
    assert root.locator("tr[aria-current=true]").get_attribute("data-variant") == "damped"


def test_points_say_what_they_are(opened: tuple[Page, Path]):
    page, _ = opened
    root = one(page, ".repro-touch.points")
    points, said = root.locator(".point"), root.locator(".said")
    root.locator("svg.plot").first.scroll_into_view_if_needed()
    points.first.focus()
    assert said.inner_text() == points.first.get_attribute("data-said")
    page.keyboard.press("ArrowRight")
    assert said.inner_text() == points.nth(1).get_attribute("data-said")
    page.keyboard.press("End")
    assert said.inner_text() == points.last.get_attribute("data-said")
    assert root.locator("tbody tr").last.get_attribute("aria-current") == "true"
    if root.locator(".curve").count():
        assert root.locator(".curve").get_attribute("d") == points.last.get_attribute("data-curve")
    page.keyboard.press("Home")
    points.last.hover()  # which no other mark covers: it is drawn last
    assert said.inner_text() == points.last.get_attribute("data-said")
    assert root.locator(".point[aria-current]").count() == 1


def test_a_switch_among_devices_keeps_the_place(opened: tuple[Page, Path]):
    page, _ = opened
    root = one(page, ".repro-touch .player")
    assert root.locator("audio:visible").count() == 1
    first = root.locator("audio").first
    first.evaluate(
        "async audio => { audio.muted = true; audio.currentTime = 0.5 * audio.duration; await audio.play(); }"
    )
    root.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowRight")
    second = root.locator("audio").nth(1)
    assert root.locator("audio:visible").count() == 1 and second.is_visible()
    assert first.evaluate("audio => audio.paused")
    far = second.evaluate("audio => Math.abs(audio.currentTime - document.querySelector('.player audio').currentTime)")
    assert far < 0.5
    assert second.evaluate("audio => audio.muted && !audio.paused && audio.currentTime >= 0.5 * audio.duration")


def test_without_a_script_tables_and_plain_players_remain(browser: Browser, opened: tuple[Page, Path]):
    page, _ = opened
    if not page.locator(".repro-touch").count():
        pytest.skip("nothing to touch on this page")
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(page.url)
    for root in plain.locator(".repro-touch").all():
        sounds = root.locator("audio")
        assert root.locator("table").count() + sounds.count() > 0
        for shown in (root.locator("table"), root.locator("svg.plot"), sounds):
            assert all(element.is_visible() for element in shown.all())
        assert not root.locator(".controls").is_visible() if root.locator(".controls").count() else True
    context.close()

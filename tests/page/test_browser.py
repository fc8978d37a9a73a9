"""The page in a real browser, as a person uses it."""

import os
import time

import pytest

from lensd.errors import LensError
from tests.page.chromium import CHROMIUM, Chromium
from tests.page.lens_packages import write_lens
from tests.page.standin_keeper import RGB, StandInKeeper

pytestmark = pytest.mark.slow

READY = "document.querySelector('#veil')?.hidden && document.querySelectorAll('.lens').length > 1"
DRAWN = """(() => {
    const context = document.querySelector('#picture').getContext('2d'), {width, height} = context.canvas;
    return [[1, 1], [3, 1], [1, 3], [3, 3]].map(([x, y]) =>
        [...context.getImageData(width * x / 4, height * y / 4, 1, 1).data].slice(0, 3));
})()"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("SNAPLENS_GUEST") == "required" else pytest.skip)("there is no Chromium here")
    browser = Chromium(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def lenses(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "lensd" / "lenses"
    for name, title in (("broken", "Broken"), ("red", "Red"), ("slow", "Slow")):
        write_lens(folder, name, title, (255, 0, 0))
    return folder


@pytest.fixture
def page(chromium, keeper, source):
    """The page, opened by a fresh address, with its picture and its lenses."""
    keeper.lens = "none"
    keeper.broken["broken"] = LensError("lens broken", "its network is damaged", "choose another: lensd switch NAME")
    keeper.show(source)
    chromium.events.clear()
    chromium.open(keeper.address())
    chromium.until(READY)
    chromium.until("document.querySelector('[aria-checked=true]')?.dataset.name === 'none'")
    yield chromium
    chromium.bring_back()


def switches(keeper):
    return [request["params"]["lens"] for request in keeper.requests if request["method"] == "switch"]


def active(name):
    return f"document.querySelector('[aria-checked=true]')?.dataset.name === '{name}'"


def test_the_page_shows_the_live_picture_in_its_colours_and_says_what_it_is(page, keeper):
    for drawn, colour in zip(page.run(DRAWN), RGB.values(), strict=True):
        assert max(abs(a - b) for a, b in zip(drawn, colour, strict=True)) <= 4
    text = page.until("document.querySelectorAll('#figures > div').length === 6 && document.body.innerText")
    for words in ("Live", "Integrated Camera", "SnapLens Camera", "23 ms", "pictures a second", "1 program"):
        assert words in text
    count = "new Promise((done) => { let n = 0; const own = CanvasRenderingContext2D.prototype.drawImage;"
    count += (
        "CanvasRenderingContext2D.prototype.drawImage = function (...all) { n += 1; return own.apply(this, all); };"
    )
    assert page.run(count + "setTimeout(() => done(n), 2000); })") > 20  # 60 on a free machine
    assert keeper.viewers() >= 1


def test_the_token_is_not_in_the_address_nor_in_the_history(page, keeper):
    assert page.run("location.href") == f"http://127.0.0.1:{page.run('location.port')}/"
    entries = page("Page.getNavigationHistory")["entries"]
    assert not any("token=" in entry["url"] for entry in entries)
    assert page.run("document.cookie") == ""  # HttpOnly


def test_an_address_clicked_in_another_sites_page_needs_one_click_more(chromium, keeper, source, tmp_path):
    # A terminal in a web page is such a site: a SameSite=Strict cookie does not come along from there.
    keeper.show(source)
    elsewhere = tmp_path / "terminal.html"
    elsewhere.write_text(f"<title>Terminal</title><a href='{keeper.address()}'>address</a>")
    chromium.open(elsewhere.as_uri())
    chromium.until("document.title === 'Terminal'")
    chromium.click("a")
    chromium.until("document.querySelector('a')?.innerText === 'go on to the preview'")
    chromium.click("a")
    chromium.until(READY)


def test_nothing_breaks_the_pages_own_policy_and_nothing_foreign_is_fetched(page):
    # Those below the window's edge wait to be scrolled to.
    page.run("for (const image of document.images) image.loading = 'eager'; 1")
    page.until("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    problems = page.problems()
    assert problems == []
    home = page.run("location.origin")
    asked = [e["params"]["request"]["url"] for e in page.events if e.get("method") == "Network.requestWillBeSent"]
    assert asked
    assert all(address.startswith((home, "blob:")) for address in asked)


def test_a_click_on_a_lens_switches_to_it(page, keeper):
    page.click("[data-name=red]")
    page.until(active("red"))
    assert switches(keeper) == ["red"]
    assert page.run("document.title") == "Red – SnapLens Camera"


def test_the_lens_that_is_on_is_in_view_and_the_page_stays_where_it_is(page, keeper):
    names = page.run("[...document.querySelectorAll('.lens')].map((lens) => lens.dataset.name)")
    within = """((name) => {
        const list = document.querySelector('#lenses').getBoundingClientRect();
        const lens = document.querySelector(`[data-name="${name}"]`).getBoundingClientRect();
        return lens.top >= list.top && lens.bottom <= list.bottom;
    })"""
    assert not page.run(f"{within}({names[-1]!r})")
    page.key("ArrowLeft", windowsVirtualKeyCode=37)  # from "No lens" to the last of all
    page.until(f"{within}({names[-1]!r})")
    page.until(active(names[-1]))
    assert page.run("scrollY") == 0
    assert page.run("document.querySelector('#stage').getBoundingClientRect().top") > 0


def test_a_refused_switch_says_why_and_keeps_the_old_one(page, keeper):
    page.click("[data-name=broken]")
    text = page.until("!document.querySelector('#message').hidden && document.querySelector('#message-text').innerText")
    assert text == "Lens broken: its network is damaged. Choose another: lensd switch NAME"
    assert page.run(active("none"))
    page.click("#dismiss")
    page.until("document.querySelector('#message').hidden")


def test_keys_go_through_the_lenses_and_take_them_off(page, keeper):
    names = page.run("[...document.querySelectorAll('.lens')].map((lens) => lens.dataset.name)")
    assert names[0] == "none"
    page.key("ArrowLeft")
    page.until(active(names[-1]))
    page.key("p")
    page.until(active(names[-2]))
    page.key("n")
    page.until(active(names[-1]))
    page.key("0")
    page.until(active("none"))
    page.key("n", modifiers=2)  # with Ctrl it is the browser's
    time.sleep(0.3)
    assert switches(keeper) == [names[-1], names[-2], names[-1], "none"]


def test_steps_go_on_beyond_a_lens_that_is_refused(page, keeper):
    names = page.run("[...document.querySelectorAll('.lens')].map((lens) => lens.dataset.name)")
    at = names.index("broken")
    keeper.lens = names[at - 1]
    page.until(active(names[at - 1]))
    page.key("ArrowRight")
    page.until("!document.querySelector('#message').hidden")
    page.key("ArrowRight")
    page.until(active(names[at + 1]))
    assert switches(keeper) == ["broken", names[at + 1]]


def test_the_last_choice_wins_while_a_slow_one_loads(page, keeper):
    keeper.slow["slow"] = 1.0
    page.click("[data-name=slow]")
    page.until("document.querySelector('[data-name=slow]').getAttribute('aria-busy') === 'true'")
    page.click("[data-name=red]")
    page.until(active("red"))
    time.sleep(1.2)
    assert page.run(active("red"))
    assert switches(keeper) == ["slow", "red"]


def test_a_switch_from_elsewhere_is_shown(page, keeper):
    keeper.lens = "red"
    page.until(active("red"))
    assert switches(keeper) == []


def test_the_button_pauses_and_resumes_and_follows_a_pause_from_elsewhere(page, keeper):
    says = "document.querySelector('#pause').textContent === '%s'"
    page.until(says % "Pause")
    page.click("#pause")
    page.until(says % "Resume")
    assert keeper.paused == "paused"
    keeper.paused = None
    page.until(says % "Pause")


def test_a_hidden_page_is_no_viewer_and_comes_back(page, keeper):
    keeper.until_viewers(1)
    page.hide()
    page.until("document.hidden")
    keeper.until_viewers(0)
    before = page.run("document.querySelector('#picture').toDataURL()")
    page.bring_back()
    page.until(f"!document.hidden && document.querySelector('#picture').toDataURL() !== {before!r}")
    keeper.until_viewers(1)


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 1920])
def test_it_fits_every_width_without_scrolling_sideways(page, width):
    page("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run("document.querySelector('#stage').getBoundingClientRect().width") > 0.6 * min(width, 960)
    page("Emulation.clearDeviceMetricsOverride")


def test_every_control_has_a_name_and_the_keyboard_reaches_it(page):
    tree = page("Accessibility.getFullAXTree")["nodes"]
    roles = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]}
    for expected in (("radiogroup", "Lenses"), ("radio", "Red"), ("heading", "SnapLens Camera")):
        assert expected in roles
    assert ("image", "The picture that programs see") in roles or ("img", "The picture that programs see") in roles
    assert not [role for role, name in roles if role in {"radio", "button", "img", "image"} and not name]
    page.run("document.activeElement.blur()")
    page.key("Tab", windowsVirtualKeyCode=9)
    assert page.run("document.activeElement.id") == "pause"
    page.key("Tab", windowsVirtualKeyCode=9)
    assert page.run("document.activeElement.dataset.name") == "none"
    assert page.run("[...document.querySelectorAll('.lens')].filter((lens) => lens.tabIndex === 0).length") == 1


def test_a_page_whose_daemon_has_ended_says_what_to_do(chromium, lenses, source):
    standin = StandInKeeper(data_home=lenses.parents[1])
    standin.event("ready")
    standin.show(source)
    chromium.open(standin.address())
    chromium.until(READY)
    standin.close()
    chromium.until("document.querySelector('#veil').innerText.includes('lensd status')")
    chromium.until("document.querySelector('#state').innerText.includes('No answer')")
    chromium.open("about:blank")

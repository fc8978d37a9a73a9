"""The live picture: right, new, shared, and free while nobody looks."""

import os
import threading
import time
from pathlib import Path

import pytest

from lensd.page.live import GONE_AFTER_S, MAX_VIEWERS
from tests.page.standin_keeper import RGB, Browser, PictureSource, decoded, middles

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def next_picture(browser, after=0, viewer="viewer01"):
    response, body = browser.get(f"/picture?viewer={viewer}&after={after}")
    assert response.status == 200
    assert response.getheader("Content-Type") == "image/jpeg"
    return int(response.getheader("X-Picture-Number")), body, float(response.getheader("X-Picture-Age-Ms"))


def cpu_ticks(keeper):
    fields = Path(f"/proc/{keeper.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def mapped(keeper):
    return "memfd:lensd-test" in Path(f"/proc/{keeper.process.pid}/maps").read_text()


def wait_until_nobody_looks(keeper):
    end_s = time.monotonic() + GONE_AFTER_S + 10
    while mapped(keeper):
        assert time.monotonic() < end_s, "the picture is still mapped"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("size", "shown"),
    [((1280, 720), (960, 540)), ((640, 480), (640, 480)), ((1920, 1080), (960, 540)), ((162, 122), (162, 122))],
)
def test_pictures_have_the_right_colours_and_a_size_to_look_at(browser, keeper, size, shown):
    source = PictureSource(*size)
    keeper.show(source, *size)
    rgb = decoded(next_picture(browser)[1])
    assert rgb.shape == (shown[1], shown[0], 3)
    for name, colour in middles(rgb).items():
        assert abs(colour - RGB[name]).max() <= 4, name
    source.close()


def test_every_picture_is_another_one_and_they_follow_the_camera(browser, keeper, source):
    keeper.show(source)
    number, seen, begun_s = next_picture(browser)[0], set(), time.monotonic()
    for _ in range(15):
        newer, jpeg, age_ms = next_picture(browser, number)
        assert newer > number
        assert age_ms < 1000
        number = newer
        seen.add(jpeg)
    assert len(seen) == 15
    assert time.monotonic() - begun_s < 5  # at 30 a second it is half a second


def test_a_slow_browser_sees_the_newest_picture_and_no_queue(browser, keeper, source):
    keeper.show(source)
    number, _, _ = next_picture(browser)
    time.sleep(1.5)  # 45 pictures of the camera's
    newer, _, age_ms = next_picture(browser, number)
    assert newer == number + 1  # none was encoded meanwhile
    assert age_ms < 1000


def test_a_fast_camera_is_not_followed_beyond_what_the_eye_sees(browser, keeper):
    source = PictureSource(320, 240, fps=200).start()
    keeper.show(source)
    first, number = next_picture(browser)[0], 0
    end_s = time.monotonic() + 2
    while time.monotonic() < end_s:
        number = next_picture(browser, number)[0]
    assert number - first <= 2 * 38
    source.close()


def test_those_who_look_share_one_encoding(keeper, source):
    keeper.show(source)
    seen = [[], [], []]

    def look(browser, pictures, at):
        number = 0
        for _ in range(20):
            number, jpeg, _ = next_picture(browser, number, f"viewer{at:02}")
            pictures.append((number, jpeg))

    browsers = [Browser(keeper.address()).enter() for _ in seen]
    threads = [
        threading.Thread(target=look, args=(browser, pictures, at))
        for at, (browser, pictures) in enumerate(zip(browsers, seen, strict=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for browser in browsers:
        browser.close()
    together = dict(pair for pictures in seen for pair in pictures)
    assert all(together[number] == jpeg for pictures in seen for number, jpeg in pictures)
    assert len(together) < 45  # of 60 answers


def test_nothing_is_mapped_or_encoded_while_nobody_looks(browser, keeper, source):
    wait_until_nobody_looks(keeper)
    keeper.until_viewers(0)
    keeper.show(source)
    events = len(keeper.events)
    number = next_picture(browser)[0]
    assert keeper.event("viewers", events)["count"] == 1
    assert mapped(keeper)
    wait_until_nobody_looks(keeper)
    keeper.until_viewers(0)
    before = cpu_ticks(keeper)
    time.sleep(1.5)  # 45 pictures go by; encoding them would take 0.1 to 0.3 s
    assert cpu_ticks(keeper) - before <= 0.05 * TICKS_PER_S
    assert not mapped(keeper)
    assert next_picture(browser)[0] == number + 1  # and whoever comes back sees at once


def test_a_browser_that_leaves_while_it_waits_is_no_viewer(keeper):
    source = PictureSource()  # still: after the first picture every visitor waits
    keeper.show(source)
    browser = Browser(keeper.address()).enter()
    number = next_picture(browser)[0]
    with pytest.raises(TimeoutError):
        browser.sock_timeout(0.3)
        browser.get(f"/picture?viewer=viewer01&after={number}")
    browser.close()
    wait_until_nobody_looks(keeper)
    source.close()


def test_what_is_on_air_changes_under_the_viewers_eyes(browser, keeper, source):
    still = PictureSource(640, 360)
    keeper.show(source)
    number = next_picture(browser)[0]
    sizes = set()
    for at in range(12):
        shown = (still, source)[at % 2]
        keeper.show(shown)
        number, jpeg, _ = next_picture(browser, number)
        sizes.add(decoded(jpeg).shape)
    assert sizes == {(360, 640, 3), (540, 960, 3)}
    still.close()


def test_no_descriptor_and_no_memory_stays_behind_after_many_changes(browser, keeper, source):
    still = PictureSource()
    folder = Path(f"/proc/{keeper.process.pid}/fd")

    def open_pictures():
        return sum("memfd:lensd-test" in str(link.readlink()) for link in folder.iterdir())

    for at in range(60):
        keeper.show((still, source)[at % 2])
    number = next_picture(browser)[0]
    next_picture(browser, number)
    assert open_pictures() <= 2  # the mapping keeps a duplicate
    assert Path(f"/proc/{keeper.process.pid}/maps").read_text().count("memfd:lensd-test") == 1
    still.close()


def test_too_many_tabs_are_told_so(browser, keeper, source):
    wait_until_nobody_looks(keeper)
    keeper.show(source)
    for at in range(MAX_VIEWERS):
        next_picture(browser, viewer=f"tab{at:05}")
    response, body = browser.get("/picture?viewer=onemore01&after=0")
    assert response.status == 429
    assert b"too many tabs" in body
    wait_until_nobody_looks(keeper)
    next_picture(browser, viewer="onemore01")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "viewer=x&after=0",
        "viewer=UPPERCASE&after=0",
        "viewer=viewer01&after=-1",
        "viewer=viewer01&after=1e9",
        "viewer=" + "a" * 33,
    ],
)
def test_a_question_that_makes_no_sense_is_refused(browser, query):
    assert browser.get(f"/picture?{query}")[0].status == 400


def test_what_is_no_shared_picture_is_not_looked_at(browser, keeper, source):
    with open("/dev/zero", "rb") as zero:  # noqa: PTH123 a descriptor is all that is wanted
        keeper.send({"event": "show", "width": 2, "height": 2}, (zero.fileno(),))
    with pytest.raises(TimeoutError):
        browser.sock_timeout(0.5)
        browser.get("/picture?viewer=viewer01&after=0")
    keeper.show(source)
    again = Browser(keeper.address()).enter()
    next_picture(again)
    again.close()

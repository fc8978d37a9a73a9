"""The camera that was lost is the one that is opened again."""

import time

import pytest

import lensd.camera.open_source
from lensd.errors import CameraBusy, CameraError, CameraMissing
from lensd.frames import VideoFormat
from lensd.v4l2.hotplug import DeviceNews
from lensd.worker.sources import CameraOpener

WANTED = VideoFormat(640, 480, 30)


class Desk:
    """What is plugged in: names that open, and the card that each is."""

    def __init__(self):
        self.cards, self.asked, self.busy, self.trouble = {}, [], set(), None
        self.openers = []

    def opener(self, *names):
        self.openers.append(CameraOpener(names, WANTED))
        return self.openers[-1]

    def open(self, camera, wanted):
        assert wanted is WANTED
        self.asked.append(camera)
        if self.trouble is not None:
            raise self.trouble
        if camera == "auto":
            return Source(next(iter(self.cards.values()), "demo"))
        if camera in self.busy:
            raise CameraBusy(camera, "is used by zoom (pid 7)")
        if camera in self.cards or camera in self.cards.values():
            return Source(self.cards.get(camera, camera))
        raise CameraMissing(camera, "there is no such camera")


class Source:
    def __init__(self, name):
        self.name, self.closed = name, False

    def read(self, timeout_s):
        return object()

    def close(self):
        self.closed = True


@pytest.fixture
def desk(monkeypatch):
    desk = Desk()
    monkeypatch.setattr(lensd.camera.open_source, "open_source", desk.open)
    yield desk
    for opener in desk.openers:
        opener.close()


def test_auto_is_decided_once_and_never_becomes_the_demo_in_a_call(desk):
    desk.cards["/dev/video0"] = "Integrated Camera"
    opener = desk.opener("auto")
    assert opener().name == "Integrated Camera"
    desk.cards.clear()
    with pytest.raises(CameraMissing, match="Integrated Camera"):
        opener()
    desk.cards["/dev/video3"] = "Integrated Camera"
    assert opener().name == "Integrated Camera"


def test_a_camera_that_comes_back_at_another_node_is_known_by_its_name(desk):
    desk.cards["/dev/video0"] = "Logitech C920"
    opener = desk.opener("/dev/video0")
    assert opener().name == "Logitech C920"
    desk.cards = {"/dev/video1": "Logitech C920"}
    assert opener().name == "Logitech C920"
    assert desk.asked == ["/dev/video0", "/dev/video0", "Logitech C920"]


def test_what_the_settings_say_is_what_is_reported(desk):
    desk.cards["/dev/video0"] = "Logitech C920"
    opener = desk.opener("/dev/video0")
    opener()
    desk.cards.clear()
    with pytest.raises(CameraMissing, match="/dev/video0"):
        opener()


@pytest.mark.parametrize(
    "trouble", [CameraBusy("/dev/video0", "is used by zoom"), CameraError("/dev/video0", "failed")]
)
def test_other_troubles_are_told_as_they_are(desk, trouble):
    desk.trouble = trouble
    with pytest.raises(type(trouble)) as told:
        desk.opener("/dev/video0")()
    assert told.value is trouble


def until_better(opener):
    end = time.monotonic() + 10
    while (found := opener.better()) is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def test_the_next_of_the_list_is_taken_and_the_first_again_when_it_returns(desk, monkeypatch):
    news = [False]
    monkeypatch.setattr(DeviceNews, "changed", lambda _self: news.pop() if news else False)
    desk.cards["/dev/video2"] = "Integrated Camera"
    opener = desk.opener("C920", "Integrated Camera")
    assert opener().name == "Integrated Camera"
    assert "C920" in str(opener.missed)
    assert opener.better() is None
    desk.cards["/dev/video4"] = "C920"
    news.append(True)
    assert until_better(opener).name == "C920"
    assert opener.missed is None
    asked = len(desk.asked)
    assert opener.better() is None
    assert len(desk.asked) == asked, "the first is open: nothing else is looked for"


def test_a_busy_first_one_is_told_of_while_the_next_is_used(desk):
    desk.cards = {"/dev/video0": "C920", "/dev/video2": "Integrated Camera"}
    desk.busy = {"C920"}
    opener = desk.opener("C920", "Integrated Camera")
    assert opener().name == "Integrated Camera"
    assert "zoom (pid 7)" in str(opener.missed)
    desk.cards.pop("/dev/video2")
    with pytest.raises(CameraBusy):
        opener()


def test_what_was_made_ready_and_not_taken_is_closed(desk, monkeypatch):
    opened = []
    monkeypatch.setattr(DeviceNews, "changed", lambda _self: True)
    desk.cards["/dev/video2"] = "Integrated Camera"
    opener = desk.opener("C920", "Integrated Camera")
    opener()
    desk.cards["/dev/video4"] = "C920"
    monkeypatch.setattr(
        lensd.camera.open_source, "open_source", lambda name, _wanted: opened.append(Source(name)) or opened[-1]
    )
    opener.better()
    opener._seeker.join(5)
    opener.close()
    assert [source.closed for source in opened] == [True]

"""The camera that was lost is the one that is opened again."""

import pytest

import lensd.camera.open_source
from lensd.errors import CameraBusy, CameraError, CameraMissing
from lensd.frames import VideoFormat
from lensd.worker.sources import CameraOpener

WANTED = VideoFormat(640, 480, 30)


class Desk:
    """What is plugged in: names that open, and the card that each is."""

    def __init__(self):
        self.cards, self.asked, self.trouble = {}, [], None

    def open(self, camera, wanted):
        assert wanted is WANTED
        self.asked.append(camera)
        if self.trouble is not None:
            raise self.trouble
        if camera == "auto":
            return type("Source", (), {"name": next(iter(self.cards.values()), "demo")})()
        if camera in self.cards or camera in self.cards.values():
            return type("Source", (), {"name": self.cards.get(camera, camera)})()
        raise CameraMissing(camera, "there is no such camera")


@pytest.fixture
def desk(monkeypatch):
    desk = Desk()
    monkeypatch.setattr(lensd.camera.open_source, "open_source", desk.open)
    return desk


def test_auto_is_decided_once_and_never_becomes_the_demo_in_a_call(desk):
    desk.cards["/dev/video0"] = "Integrated Camera"
    opener = CameraOpener("auto", WANTED)
    assert opener().name == "Integrated Camera"
    desk.cards.clear()
    with pytest.raises(CameraMissing, match="Integrated Camera"):
        opener()
    desk.cards["/dev/video3"] = "Integrated Camera"
    assert opener().name == "Integrated Camera"


def test_a_camera_that_comes_back_at_another_node_is_known_by_its_name(desk):
    desk.cards["/dev/video0"] = "Logitech C920"
    opener = CameraOpener("/dev/video0", WANTED)
    assert opener().name == "Logitech C920"
    desk.cards = {"/dev/video1": "Logitech C920"}
    assert opener().name == "Logitech C920"
    assert desk.asked == ["/dev/video0", "/dev/video0", "Logitech C920"]


def test_what_the_settings_say_is_what_is_reported(desk):
    desk.cards["/dev/video0"] = "Logitech C920"
    opener = CameraOpener("/dev/video0", WANTED)
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
        CameraOpener("/dev/video0", WANTED)()
    assert told.value is trouble

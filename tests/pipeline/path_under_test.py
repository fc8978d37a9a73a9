"""The pipeline with its real threads, and cameras and lenses that do what a test tells them."""

import time

import numpy as np

from lensd.config import Settings
from lensd.errors import SourceTimeout
from lensd.frames import Face, Layer, Picture, PixelFormat, RawFrame, VideoFormat
from lensd.lens.align import template_points
from lensd.pipeline.capture import Capture
from lensd.pipeline.conditions import Conditions
from lensd.pipeline.loader import LensLoader, Loaded, Order
from lensd.pipeline.render import Render

WIDTH, HEIGHT = 64, 48
ASIDE = (0, -24, 14, 24)  # from the middle


class Camera:
    """A `FrameSource` at 100 frames a second, or one in `period_s`; a frame's luma is its number. Raises `trouble`."""

    name = "test camera"
    format = VideoFormat(WIDTH, HEIGHT, 100)

    def __init__(self, owner):
        self.owner, self.number = owner, 0
        owner.open_now += 1
        owner.opened += 1
        assert owner.open_now == 1, "opened while the old one was still open"

    def read(self, timeout_s):
        if self.owner.trouble is not None:
            if isinstance(self.owner.trouble, SourceTimeout):
                time.sleep(timeout_s)
            raise self.owner.trouble
        time.sleep(self.owner.period_s)
        self.number += 1
        data = np.full(WIDTH * HEIGHT * 3 // 2, 50 if self.owner.still else 16 + self.number % 200, np.uint8)
        about = False, self.number, time.monotonic_ns(), None, self.owner.still
        return RawFrame(data.data, PixelFormat.I420, WIDTH, HEIGHT, *about)

    def close(self):
        self.owner.open_now -= 1


class Tracker:
    """A `FaceTracker` that sees as many faces, side by side, as `faces` says, of which the last has `opacity`."""

    def __init__(self):
        self.faces, self.opacity, self.resets, self.trouble = 1, 1.0, 0, None

    def update(self, picture, captured_ns):
        if self.trouble is not None:
            raise self.trouble
        middle = (template_points() * 8 + [WIDTH / 2, HEIGHT / 2, 0]).astype(np.float32)
        places = [middle + np.array([x, 0, 0], np.float32) for x in ASIDE[: self.faces]]
        return tuple(
            Face(number, points, 0.9, self.opacity if number == self.faces else 1.0)
            for number, points in enumerate(places, 1)
        )

    def reset(self):
        self.resets += 1

    def close(self):
        pass


class WhiteLens:
    """A `Lens` that draws a white square of 8x8 pixels on a face; raises `trouble` where set."""

    def __init__(self, name, owner):
        self.name, self.owner, self.closed = name, owner, False

    def draw(self, picture, face):
        assert not self.closed
        if self.name == "none":
            return None
        if self.owner.lens_trouble is not None:
            raise self.owner.lens_trouble
        rgba = np.full((8, 8, 4), 255, np.uint8)
        x = np.rint(face.landmarks_px[:468, 0].mean()) - 4
        return Layer(rgba, np.array([[1, 0, x], [0, 1, 20]], np.float32))

    def follow(self, face):
        return None

    def close(self):
        assert not self.closed
        self.closed = True


class PathUnderTest:
    """Everything between a camera and an outlet, which is this object."""

    def __init__(self, lens="none", **settings):
        self.trouble = self.open_trouble = self.lens_trouble = self.load_trouble = self.decode_trouble = None
        self.open_now = self.opened = 0
        self.still = False  # a sensor that shows one picture for ever
        self.load_s, self.period_s = 0.0, 0.01
        self.lenses, self.pictures, self.states, self.answers = [], [], [], {}
        self.tracker = Tracker()
        self._picture = Picture(WIDTH, HEIGHT)
        self.conditions = Conditions(self._changed)
        self.capture = Capture(self._open, self.conditions)
        self.loader = LensLoader(self._load, self._switched)
        self.loader.want(Order(lens))
        wanted = Settings(width=640, height=480, **settings)
        self.render = Render(
            self.capture, self.loader, self.conditions, self, self._decode, wanted, lens, self._switched
        )

    def __enter__(self):
        self.capture.start()
        self.render.start()
        return self

    def __exit__(self, *_):
        self.capture.ask_to_end()
        self.loader.ask_to_end()
        assert all([self.capture.join(5), self.render.join(5), self.loader.join(5)])
        assert self.open_now == 0, "a camera was left open"
        assert all(lens.closed for lens in self.lenses), "a lens was left open"

    def slot(self):
        return self._picture

    def publish(self, captured_ns):
        self.pictures.append((time.monotonic(), self._picture.y.copy()))
        return len(self.pictures)

    def until(self, condition, what, seconds=10.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not {what}: {self.states} {self.conditions.current}"
            time.sleep(0.005)

    def until_state(self, state, seconds=10.0):
        self.until(lambda: self.conditions.current.state == state, state, seconds)

    def until_pictures(self, count=3):
        wanted = len(self.pictures) + count
        self.until(lambda: len(self.pictures) >= wanted, f"{count} more pictures")

    def switch(self, identity, lens):
        self.loader.want(Order(lens, identity))

    def answer(self, identity):
        self.until(lambda: identity in self.answers, f"answer {identity}")
        return self.answers[identity]

    def lensed(self):
        """Whether the last picture has the white square."""
        return int(self.pictures[-1][1][24, 32]) == 235

    def _changed(self):
        self.states.append(str(self.conditions.current.state))

    def _open(self):
        if self.open_trouble is not None:
            raise self.open_trouble
        return Camera(self)

    def _decode(self, frame, picture):
        if self.decode_trouble is not None and self.decode_trouble(frame.sequence):
            raise self.decode_trouble(frame.sequence)
        picture.data[:] = np.frombuffer(frame.data, np.uint8)

    def _load(self, name):
        time.sleep(self.load_s)
        if self.load_trouble is not None and name != "none":
            raise self.load_trouble
        lens = WhiteLens(name, self)
        self.lenses.append(lens)
        return Loaded(lens, self.tracker if name != "none" else None, "onnxruntime" if name != "none" else None)

    def _switched(self, order, error):
        if order.identity is not None:
            assert order.identity not in self.answers, "answered twice"
            self.answers[order.identity] = error

"""A keeper for the page's tests: a real socket pair, a real shared picture that moves, answers as the keeper's."""

from __future__ import annotations

import http.client
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import numpy as np

from lensd.control.connection import Connection
from lensd.control.server import serve
from lensd.shared_picture import SharedPictureWriter, create_shared_picture

# YUV of what the four quarters of the picture show, and the RGB that a browser must make of them (BT.601 limited).
QUARTERS = {"red": (81, 90, 240), "green": (145, 54, 34), "blue": (41, 240, 110), "grey": (126, 128, 128)}
RGB = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "grey": (128, 128, 128)}


class PictureSource:
    """Writes pictures into a shared picture: four colours, and a white bar that moves along the top."""

    def __init__(self, width=1280, height=720, fps=30.0):
        self.descriptor = create_shared_picture("lensd-test", width, height)
        self._writer, self._fps = SharedPictureWriter(self.descriptor), fps
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pictures")
        self.write(0)

    def start(self):
        self._thread.start()
        return self

    def write(self, at):
        picture, writer = self._writer.slot(), self._writer
        w, h = picture.width, picture.height
        corners = ((0, 0), (0, w // 2), (h // 2, 0), (h // 2, w // 2))
        for (top, left), (y, u, v) in zip(corners, QUARTERS.values(), strict=True):
            picture.y[top : top + h // 2, left : left + w // 2] = y
            picture.u[top // 2 : (top + h // 2) // 2, left // 2 : (left + w // 2) // 2] = u
            picture.v[top // 2 : (top + h // 2) // 2, left // 2 : (left + w // 2) // 2] = v
        left = at * 8 % (w - 32)
        picture.y[:16, left : left + 32] = 235
        picture.u[:8, left // 2 : left // 2 + 16] = 128
        picture.v[:8, left // 2 : left // 2 + 16] = 128
        self.written = writer.publish(time.monotonic_ns())

    def _run(self):
        at = 0
        while not self._stop.wait(1 / self._fps):
            at += 1
            self.write(at)

    def close(self):
        self._stop.set()
        if self._thread.ident:
            self._thread.join()
        os.close(self.descriptor)


class StandInKeeper:
    """Starts the page's real process and talks to it."""

    def __init__(self, *, data_home):
        self.events, self.requests = [], []
        self.lens, self.paused = "none", None
        self.broken = {}  # lens: the error with which a switch to it is refused
        self.slow = {}  # lens: how long a switch to it takes, in seconds
        self.deaf = set()  # methods that are never answered
        self._arrived = threading.Condition()
        self._selector = selectors.DefaultSelector()
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lensd.page", "--control", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(theirs.fileno(),),
            env={**os.environ, "LENSD_LOG": "DEBUG", "XDG_DATA_HOME": str(data_home)},
        )
        theirs.close()
        self._peer = ours.fileno()
        self._connection = Connection(ours, self._selector, self._take)
        self._one_at_a_time = threading.RLock()  # a connection is one thread's, and the tests send from another
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper")
        self._thread.start()
        self._stderr = []
        self._log = threading.Thread(
            target=lambda: self._stderr.append(self.process.stderr.read().decode()), name="log"
        )
        self._log.start()

    def _run(self):
        while not self._closing.is_set():
            for key, mask in self._selector.select(0.02):
                with self._one_at_a_time:
                    key.data(mask)

    def _take(self, message):
        if "event" in message:
            with self._arrived:
                self.events.append(message)
                self._arrived.notify_all()
        else:
            self.requests.append(message)
            serve(message, self._connection.send, self._handle)

    def _handle(self, request, answer):
        if request.method in self.deaf:
            return
        if request.method == "status":
            answer(self.status())
        elif request.method == "switch":
            name = request.params["lens"]
            if name in self.broken:
                raise self.broken[name]
            self.lens = name
            timer = threading.Timer(self.slow.get(name, 0), self._later, [answer, {"lens": name, "state": "on"}])
            timer.daemon = True
            timer.start()
        elif request.method in {"pause", "resume"}:
            self.paused = "paused" if request.method == "pause" else None
            answer({"paused": self.paused})

    def _later(self, answer, told):
        with self._one_at_a_time:
            answer(told)

    def status(self):
        return {
            "lens": self.lens,
            "paused": self.paused,
            "camera": "Integrated Camera",
            "output": "SnapLens Camera (/dev/video10)",
            "output_problem": None,
            "runtime": "onnxruntime",
            "fps": 30.0,
            "latency_ms": {"p50": 23.4, "p95": 31.2, "p99": 40.0},
            "readers": 1,
            "worker": {"state": "running", "why": ""},
        }

    def event(self, name, after=0, timeout_s=10.0):
        """Return the first event of this name among those after the first `after` ones."""
        with self._arrived:
            found = self._arrived.wait_for(
                lambda: next((e for e in self.events[after:] if e["event"] == name), None), timeout_s
            )
        assert found, f"no event {name!r} in {timeout_s} s; there were {self.events}"
        return found

    def viewers(self):
        """Return what the page said last of how many look."""
        return next((event["count"] for event in reversed(self.events) if event["event"] == "viewers"), 0)

    def until_viewers(self, count, timeout_s=10.0):
        with self._arrived:
            assert self._arrived.wait_for(lambda: self.viewers() == count, timeout_s), f"{self.viewers()}, not {count}"

    def send(self, message, descriptors=()):
        with self._one_at_a_time:
            self._connection.send(message, descriptors)

    def show(self, source, width=1280, height=720):
        self.send({"event": "show", "width": width, "height": height}, (source.descriptor,))

    def address(self):
        """Return a fresh address, as `lensd preview` would."""
        seen = len(self.events)
        self.send({"event": "ticket", "id": seen})
        event = self.event("ticket", seen)
        assert event["id"] == seen
        return event["url"]

    def send_raw(self, data):
        os.write(self._peer, data)

    def hang_up(self):
        with self._one_at_a_time:
            self._connection.close()

    def close(self):
        """End the page by end of file, and return what it logged; a second time it does nothing."""
        if self._closing.is_set():
            return self.log
        self._closing.set()
        self._thread.join()
        self._connection.close()
        try:
            self.process.wait(5)
        finally:
            self.process.kill()
            self.process.wait()
            self._log.join()
            self.process.stderr.close()
            self._selector.close()
        return self.log

    @property
    def log(self):
        """All that the page has logged, once it has ended."""
        return "".join(self._stderr)


class Browser:
    """An HTTP client with a cookie, as small as can be."""

    def __init__(self, address):
        self.host = urlsplit(address).netloc
        self._path = address.split(self.host, 1)[1]
        self.cookie = ""
        self._connection = http.client.HTTPConnection(self.host, timeout=15)

    def enter(self):
        response, _ = self.get(self._path)
        assert response.status == 303
        self.cookie = response.getheader("Set-Cookie").split(";")[0]
        return self

    def request(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        if self.cookie:
            headers.setdefault("Cookie", self.cookie)
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        return response, response.read()

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, path, body, **headers):
        headers = {"Origin": f"http://{self.host}", "Content_Type": "application/json", **headers}
        return self.request("POST", path, body, **headers)

    def sock_timeout(self, seconds):
        self._connection.sock.settimeout(seconds)

    def close(self):
        self._connection.close()


def decoded(jpeg):
    """Return the RGB pixels of a JPEG."""
    import cv2

    return cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def middles(rgb):
    """Return the mean colour at the middle of each quarter, by the colour that is meant to be there."""
    h, w = rgb.shape[:2]
    spots = ((h // 4, w // 4), (h // 4, w * 3 // 4), (h * 3 // 4, w // 4), (h * 3 // 4, w * 3 // 4))
    return {
        name: rgb[y - 8 : y + 8, x - 8 : x + 8].reshape(-1, 3).mean(0) for name, (y, x) in zip(RGB, spots, strict=True)
    }

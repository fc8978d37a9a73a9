"""A real worker process, driven as the keeper drives it."""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time

import numpy as np

from lensd.config import Settings
from lensd.control.messages import LineBuffer, encode
from lensd.frames import Picture
from lensd.shared_picture import SharedPictureReader, create_shared_picture


class WorkerUnderTest:
    """Starts `python -m lensd.worker` and plays the keeper."""

    def __init__(self, lens="none", environment=None, **settings):
        self.settings = Settings(**{"camera": "demo", "width": 640, "height": 480, **settings})
        self.pictures_fd = create_shared_picture("test", self.settings.width, self.settings.height)
        self.signal_fd = os.eventfd(0, os.EFD_NONBLOCK)
        self.ours, theirs = socket.socketpair()
        self.started = time.monotonic()
        numbers = (self.pictures_fd, self.signal_fd, theirs.fileno())
        names = ("--pictures", "--signal", "--control")
        arguments = [text for pair in zip(names, map(str, numbers), strict=True) for text in pair]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lensd.worker", *arguments],
            pass_fds=numbers,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        theirs.close()
        self.reader = SharedPictureReader(self.pictures_fd, marks=True)
        self.picture = Picture(self.settings.width, self.settings.height)
        self.sequences, self.events, self.states = [], [], []
        self.status, self.why = {}, ""
        self._lines = LineBuffer()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.ours, selectors.EVENT_READ)
        self._selector.register(self.signal_fd, selectors.EVENT_READ)
        self.send({"command": "configure", "settings": self.settings.as_dict(), "lens": lens})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._selector.close()
        self.ours.close()
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        os.close(self.pictures_fd)
        os.close(self.signal_fd)

    def send(self, message):
        self.ours.sendall(encode(message))

    def turn(self, timeout=0.1):
        """Take what has come: pictures and events."""
        for key, _ in self._selector.select(timeout):
            if key.fd == self.signal_fd:
                os.eventfd_read(self.signal_fd)
                stamp = self.reader.copy_newest(self.picture.data)
                if stamp is not None:
                    self.sequences.append(stamp.sequence)
                    self.stamp = stamp
                continue
            data = self.ours.recv(65536)
            if not data:
                self._selector.unregister(self.ours)
                return
            for message in self._lines.feed(data):
                self.events.append(message)
                if message["event"] == "alive":
                    self.status, self.why = message["status"], message["why"]
                    if not self.states or self.states[-1] != message["state"]:
                        self.states.append(message["state"])

    def until(self, condition, what, seconds=15.0):
        """Go on until `condition()`; fail with what the worker said otherwise."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.process.kill()
                raise AssertionError(f"not {what}: {self.states} {self.why!r} {self.process.communicate()[1]}")
            self.turn()

    def until_state(self, state, seconds=15.0):
        self.until(lambda: self.states and self.states[-1] == state, state, seconds)

    def until_pictures(self, count=3, seconds=15.0):
        wanted = len(self.sequences) + count
        self.until(lambda: len(self.sequences) >= wanted, f"{count} more pictures", seconds)

    def switch(self, identity, lens, seconds=15.0):
        """Switch, and return the answer's error."""
        self.send({"command": "switch", "id": identity, "lens": lens})
        return self.answer(identity, seconds)

    def answer(self, identity, seconds=15.0):
        def answers():
            return [event for event in self.events if event["event"] == "switched" and event["id"] == identity]

        self.until(answers, f"answer {identity}", seconds)
        (only,) = answers()
        return only["error"]

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)

    def rgb(self):
        """Return the last picture as (H, W, 3) uint8."""
        import cv2

        i420 = self.picture.data.reshape(-1, self.settings.width)
        return np.ascontiguousarray(cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420))

"""The live tracker by the frames' clock, for bench/faces.py: the same on a machine that is busy with other things."""

import time

from clips_of_faces import FPS

from lensd.engine.select import open_engine
from lensd.face.finder import FaceSearch
from lensd.face.landmarks import LandmarkNetwork, read_landmarks_network
from lensd.face.lookout import Lookout
from lensd.face.tracker import MeshTracker

FRAME_NS = round(1e9 / FPS)


class Paced:
    """The live finder without its thread: a search is over after as long as it took of a core, by the frames' clock."""

    def __init__(self):
        self._search, self.now_s, self._due, self.costs_ms = FaceSearch(), 0.0, [], []
        self._lookout = Lookout()

    def offer(self, picture, known=()):
        """Search where it is worth it, and keep what is found until it would be."""
        if (look := self._lookout.look(picture, known, self.now_s)) is None:
            return False
        started = time.thread_time()
        for found in self._search.looked(look):
            cost = time.thread_time() - started
            self._due.append((self.now_s + cost, found))
        self.costs_ms.append(cost * 1e3)
        self._lookout.done(self.now_s + cost, cost)
        return True

    def found(self, wait_s=0.0):
        """Return what is found by now."""
        over = [faces for due, faces in self._due if due <= self.now_s + wait_s]
        self._due = [(due, faces) for due, faces in self._due if due > self.now_s + wait_s]
        return over[-1] if over else []

    def forget(self):
        """Search the next picture whole."""
        self._due.clear()
        self._lookout.begin_anew()

    def close(self):
        """Nothing runs."""


class Live:
    """A tracker as in the daemon, and its clock."""

    def __init__(self):
        self.finder = Paced()
        self.tracker = MeshTracker(open_network(), self.finder)
        self.costs_ms = []

    def see(self, picture, frame):
        """Return the faces of a frame."""
        captured_ns = 10**9 + frame * FRAME_NS
        self.finder.now_s = captured_ns / 1e9
        before, started = sum(self.finder.costs_ms), time.thread_time()
        faces = self.tracker.update(picture, captured_ns)
        spent = (time.thread_time() - started) * 1e3
        self.costs_ms.append(spent - (sum(self.finder.costs_ms) - before))  # the search has a thread of its own
        return faces


def open_network():
    """Return the shipped network."""
    return LandmarkNetwork(open_engine(read_landmarks_network(), runtime="onnxruntime"))

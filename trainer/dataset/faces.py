"""All faces of a photograph: the tracker's own network, or MediaPipe's where that is installed and was asked for.

The live tracker follows one face and leans on the frame before; a photograph has several and stands alone. So the same
cascade and network are asked here face by face: what was found is painted over and the rest is searched again, and
each mesh is the median over several placements of the network's square, which takes out half of its tremble.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from lensd.camera.still import picture_of
from lensd.engine.select import open_engine
from lensd.errors import EngineError
from lensd.face.finder import FaceSearch
from lensd.face.landmarks import LandmarkNetwork, read_landmarks_network
from lensd.face.lookout import small_plane
from trainer.dataset.mediapipe_mesh import mediapipe_python, shared_mediapipe

if TYPE_CHECKING:
    from lensd.frames import F32, U8, Picture
    from trainer.dataset.names import Finder

_log = logging.getLogger(__name__)

_SURE = 0.6
_AGREEMENT = 0.02  # of the face's height, between the last two looks; a curtain that was taken for a face wanders on
_LOOKS = 3
_ROUNDS = 8
_JITTER = ((0.0, 0.0, 1.0), (0.03, 0.02, 1.04), (-0.03, 0.02, 0.96), (0.02, -0.03, 1.03), (-0.02, -0.03, 0.97))
_GREY = 128
_mediapipe_works = True


def best_finders() -> tuple[Finder, ...]:
    """Return our tracker, and MediaPipe for what it does not find, where that is installed."""
    return ("tracker", "mediapipe") if mediapipe_python() is not None else ("tracker",)


def find_faces(rgb: U8, finders: tuple[Finder, ...]) -> list[F32]:
    """Return the meshes of all faces, the largest first: (478, 3) float32 each, pixels, z in the same unit.

    Args:
        rgb: (H, W, 3) uint8.
        finders: asked in this order, until one finds a face. A MediaPipe that does not work is done without (logged
            once) where it is not the only one.

    Raises:
        RuntimeMissing: MediaPipe is the only one, and not installed.
        EngineError: the tracker's network, or MediaPipe's process, cannot be run.
    """
    for finder in finders:
        if finder == "tracker":
            found = _by_tracker(picture_of(rgb))
        elif finders == ("mediapipe",):
            found = _by_mediapipe(rgb)
        else:
            found = _by_mediapipe_if_it_works(rgb)
        if found:
            return sorted(found, key=lambda mesh: -float(np.ptp(mesh[:, 1])))
    return []


def _by_mediapipe(rgb: U8) -> list[F32]:
    """Look at the whole and at squares of its shorter side: MediaPipe finds faces of an eighth of its view and more."""
    height, width = rgb.shape[:2]
    side = min(height, width)
    corners = [(x, y) for x in _steps(width, side) for y in _steps(height, side)]
    found = shared_mediapipe().find(rgb)
    for x, y in corners if len(corners) > 1 else ():
        for mesh in shared_mediapipe().find(rgb[y : y + side, x : x + side]):
            moved = mesh + np.array([x, y, 0], np.float32)
            if not any(_same(moved, other) for other in found):
                found.append(moved)
    return found


def _steps(length: int, side: int) -> list[int]:
    """Return where squares of `side` begin that overlap by half at least and cover `length`."""
    count = -(-(length - side) * 2 // side) + 1
    return [int(at) for at in np.linspace(0, length - side, count)]


def _by_mediapipe_if_it_works(rgb: U8) -> list[F32]:
    global _mediapipe_works  # noqa: PLW0603  once in a process it is tried in vain
    if not _mediapipe_works:
        return []
    try:
        return _by_mediapipe(rgb)
    except EngineError as error:
        _mediapipe_works = False
        _log.warning("the tracker alone looks for faces: %s: %s", error.what, error.why)
        return []


def _by_tracker(picture: Picture) -> list[F32]:
    search, network = _tracker()
    found: list[F32] = []
    plane, block = small_plane(picture)
    for _ in range(_ROUNDS):
        guesses = search(plane, block)
        for guess in guesses:
            mesh = _settled(network, picture, guess)
            if mesh is not None and not any(_same(mesh, other) for other in found):
                found.append(mesh)
            for points in (guess,) if mesh is None else (guess, mesh):
                (left, top), (right, bottom) = (np.clip(edge / block, 0, None).astype(int) for edge in _box(points))
                plane[top:bottom, left:right] = _GREY
        if not guesses:
            break
    return found


def _settled(network: LandmarkNetwork, picture: Picture, guess: F32) -> F32 | None:
    """Return the mesh where looking again and again around `guess` ends, if that is a face."""
    before, points = guess, guess
    for _ in range(_LOOKS):
        located = network.locate(picture, points)
        if located is None or located[1] < _SURE:
            return None
        before, points = points, located[0]
    height = float(np.ptp(points[:, 1]))
    if np.abs(points - before)[:, :2].mean() >= _AGREEMENT * height:
        return None
    middle = points.mean(0)
    seen = []
    for dx, dy, scale in _JITTER:
        moved = (points - middle) * np.float32(scale) + middle + np.array([dx, dy, 0], np.float32) * height
        if (located := network.locate(picture, moved.astype(np.float32))) is not None:
            seen.append(located[0])
    return np.median(seen, axis=0).astype(np.float32) if seen else points


def _box(points: F32) -> tuple[F32, F32]:
    return points[:, :2].min(0), points[:, :2].max(0)


def _same(one: F32, other: F32) -> bool:
    """Say whether two meshes lie on one face: their middles are nearer than half a face."""
    return bool(np.hypot(*(one.mean(0) - other.mean(0))[:2]) < 0.5 * np.ptp(other[:, 1]))


@cache
def _tracker() -> tuple[FaceSearch, LandmarkNetwork]:
    """One a process: 60 ms to load."""
    engine = open_engine(read_landmarks_network(), runtime="onnxruntime", name="face tracker")
    return FaceSearch(), LandmarkNetwork(engine)

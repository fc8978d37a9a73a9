"""Why pictures go out, or do not: one state out of what camera, lens and face each have to say."""

from __future__ import annotations

import threading
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from lensd.errors import CameraBusy, CameraMissing, SourceTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.errors import CameraError


class State(StrEnum):
    """As DESIGN.md's `alive` event has it; the keeper shows a card in all of them but `running`."""

    STARTING = "starting"
    RUNNING = "running"
    NO_CAMERA = "no-camera"
    CAMERA_BUSY = "camera-busy"
    CAMERA_FAILED = "camera-failed"
    LOADING = "loading"
    LENS_FAILED = "lens-failed"
    NO_FACE = "no-face"


class Condition(NamedTuple):
    """A state and its reason, one clause for people; empty where the state says it all."""

    state: State
    why: str = ""


RUNNING = Condition(State.RUNNING)


def camera_condition(error: CameraError) -> Condition:
    """Return what an error of the camera means to who is watching."""
    if isinstance(error, CameraBusy):
        return Condition(State.CAMERA_BUSY, str(error))
    if isinstance(error, (CameraMissing, SourceTimeout)):
        return Condition(State.NO_CAMERA, str(error))
    return Condition(State.CAMERA_FAILED, str(error))


class Conditions:
    """What is wrong at the moment: the camera's word goes before the lens's and the face's. For any thread.

    `running` begins with `pictures_go_out`, never before: the keeper would show the last picture of an hour ago.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        """Begin as `starting`; `changed` is called, by whichever thread, after each change of `current`."""
        self._lock = threading.Lock()
        self._changed = changed
        self._camera: Condition | None = Condition(State.STARTING)
        self._rest: Condition | None = None
        self._current = Condition(State.STARTING)

    @property
    def current(self) -> Condition:
        """The state as it is to be told."""
        return self._current

    def camera(self, condition: Condition) -> None:
        """Set what the camera has to say. It stays until a frame has come: `pictures_go_out` or `held_back`."""
        self._set(condition, self._rest)

    def held_back(self, condition: Condition) -> None:
        """Set why a good frame was not published: its lens is loading or has failed, or there is no face."""
        self._set(None, condition)

    def pictures_go_out(self) -> None:
        """All is well: a picture has just been published."""
        if self._current is not RUNNING:
            self._set(None, None)

    def _set(self, camera: Condition | None, rest: Condition | None) -> None:
        with self._lock:
            self._camera, self._rest = camera, rest
            current = camera or rest or RUNNING
            if current == self._current:
                return
            self._current = current
        self._changed()

"""The thread that waits for the camera: opens it, reads it, and opens it again for as long as it takes."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from lensd.errors import CameraError, SourceTimeout
from lensd.mailbox import Mailbox, MailboxClosed
from lensd.pipeline.conditions import Condition, State, camera_condition
from lensd.pipeline.sleep import SleepWatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.frames import RawFrame
    from lensd.pipeline.conditions import Conditions
    from lensd.ports import FrameSource

log = logging.getLogger(__name__)

# By how often it was opened for nothing; one that is missing costs nothing.
_RETRY_S = (0.5, 0.5, 1.0, 2.0, 5.0, 10.0)
_CALM_S = 2.0  # a camera that is lost again and again is not opened without a pause
_NEWS_S = 0.05  # how soon a camera that was plugged in is noticed; the kernel may be asked for nothing
_FIRST_FRAME_S = 3.0  # webcams take up to 2 s to start
_FRAME_S = 1.0  # the longest exposure in the dark is 0.2 s; a second without a frame is a camera that is gone
_CHECK_S = 0.2  # how soon `close` is noticed while no frames come


class Capture:
    """Puts each frame into a mailbox, newest wins; reports what is wrong with the camera.

    A frame's data is valid until two more frames were read, as every source of ours promises. The render thread decodes
    inside `frames.using()`; capture reads at most one frame meanwhile. So nothing is copied (a 720p YUYV frame is
    1.8 MB, 0.2 ms) and nothing is torn, however long the render thread is kept from its core.
    """

    def __init__(
        self,
        open_source: Callable[[], FrameSource],
        conditions: Conditions,
        *,
        better: Callable[[], FrameSource | None] = lambda: None,
        changed: Callable[[], bool] = lambda: False,
    ) -> None:
        """Make it; `start` begins.

        Args:
            open_source: opens the camera; called again after each loss. Raises CameraError.
            conditions: is told what is wrong.
            better: asked at each frame for a camera to change to, opened; it does not wait.
            changed: tells whether cameras have come or gone; a lost one is looked for at once then.
        """
        self.frames: Mailbox[RawFrame] = Mailbox()
        self.name: str | None = None
        self.format: str | None = None
        self.dropped = 0  # by the driver, seen as gaps in its numbers
        self.opened = 0  # how many times
        self._open_source, self._conditions = open_source, conditions
        self._better, self._changed = better, changed
        self._next: FrameSource | None = None
        self._at_once, self._faults = False, 0
        self._first_s: float | None = None  # when the open camera gave its first frame
        self._complaint: CameraError | None = None
        self._sleep = SleepWatch()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture")

    def start(self) -> None:
        """Start the thread, where it was not started yet."""
        if self._thread.ident is None:
            self._thread.start()

    def complain(self, error: CameraError) -> None:
        """Have the camera closed and opened again: its frames are of no use. For the thread that looks at them."""
        self._complaint = error

    def ask_to_end(self) -> None:
        """End soon; wakes who waits for a frame."""
        self._ending.set()
        self.frames.close()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread's end; tell whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with suppress(MailboxClosed):
            while not self._ending.is_set():
                self._at_once = False
                self._once()
                if self._next is None and not self._at_once:
                    self._wait()
        if self._next is not None:
            self._next.close()

    def _once(self) -> None:
        """Open the camera and read it until something goes wrong, which is reported."""
        source, self._next = self._next, None
        try:
            source = source or self._open_source()
        except CameraError as error:
            self._report(error)
            return
        self.name, self.format = source.name, str(source.format)
        self.opened += 1
        self._complaint = None
        log.info("Camera %s gives %s", self.name, self.format)
        self._first_s = None
        try:
            self._read(source)
        except CameraError as error:
            self._lost(error)
        finally:
            self.name = self.format = None
            with suppress(MailboxClosed):
                self.frames.take(0)  # nobody shall begin to decode it now
            self.frames.wait_until_unused()
            source.close()  # before it is opened again: a camera plugged in anew keeps its number only then

    def _read(self, source: FrameSource) -> None:
        period_s = 1 / source.format.fps
        limit_s, last = _FIRST_FRAME_S + period_s, None
        while not self._ending.is_set():
            frame = _next_frame(source, limit_s, self._ending)
            if frame is None:
                return
            if last is not None and frame.sequence > last + 1:
                self.dropped += frame.sequence - last - 1
            if self._first_s is None:
                self._first_s = time.monotonic()
            last, limit_s = frame.sequence, max(_FRAME_S, 3 * period_s)
            self.frames.put(frame)
            self.frames.wait_until_unused()
            if (complaint := self._complaint) is not None:
                raise complaint
            if (better := self._better()) is not None:
                self._next = better
                return

    def _lost(self, error: CameraError) -> None:
        """Open it again at once, if it went well before; else say so, and wait longer each time."""
        well_s = time.monotonic() - self._first_s if self._first_s is not None else 0.0
        self._at_once = well_s > _CALM_S
        if self._at_once:
            # What is on air stays for a moment: there may be another camera, or the same one again.
            log.warning("%s; opening a camera again", error)
            self._faults = 0
            self._conditions.camera(Condition(State.STARTING, str(error)))
        else:
            self._faults += 1
            self._report(error)

    def _wait(self) -> None:
        """Wait before the camera is looked for again; not as long where one has just come, or after a sleep."""
        until = time.monotonic() + _RETRY_S[min(self._faults, len(_RETRY_S) - 1)]
        while time.monotonic() < until and not self._ending.wait(_NEWS_S) and not self._changed():
            if slept_s := self._sleep.slept_s():
                log.info("The machine slept for %.0f s", slept_s)
                self._faults = 0
                return

    def _report(self, error: CameraError) -> None:
        condition = camera_condition(error)
        if self._conditions.current != condition:
            log.warning("%s%s", error, f" ({error.hint})" if error.hint else "")
        self._conditions.camera(condition)


def _next_frame(source: FrameSource, limit_s: float, ending: threading.Event) -> RawFrame | None:
    """Return the next frame; None when the end was asked for.

    Raises:
        SourceTimeout: none within `limit_s`. CameraError: as `FrameSource.read`.
    """
    deadline = time.monotonic() + limit_s
    while True:
        left_s = deadline - time.monotonic()
        try:
            return source.read(min(_CHECK_S, max(left_s, 0.01)))
        except SourceTimeout as error:
            if ending.is_set():
                return None
            if time.monotonic() >= deadline:
                raise SourceTimeout(error.what, f"gave no picture for {limit_s:g} s", error.hint) from None

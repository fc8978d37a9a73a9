"""Which camera is opened: the first of a list that is there, the next while it is not, and the first again."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from lensd.errors import CameraBusy, CameraError, CameraMissing
from lensd.frames import View
from lensd.v4l2.hotplug import DeviceNews

if TYPE_CHECKING:
    from lensd.camera.webcam import Webcam
    from lensd.frames import VideoFormat
    from lensd.ports import FrameSource

log = logging.getLogger(__name__)

_AUTO, _DEMO = "auto", "demo"
_LOOK_AGAIN_S = (2.0, 5.0, 10.0, 30.0)  # for one that is there and busy or broken: nobody tells when that ends
_FIRST_FRAME_S = 4.0  # webcams take up to 2 s to start


class CameraOpener:
    """Opens the cameras of the settings, the ones named first before the others.

    "auto" is decided once: a webcam that is unplugged for a moment must not become the demo's portrait in a call. One
    that comes back at another node (its number is taken as long as somebody holds the old one) is known by its by-id
    name, and by its card's.
    """

    def __init__(self, cameras: tuple[str, ...], wanted: VideoFormat, view: View | None = None) -> None:
        """Take names as `open_source` takes them, the preferred one first, and how their frames are shown."""
        self._view = view or View()
        self._open_one: Webcam | None = None
        self._wishes, self._wanted = [[name] for name in cameras], wanted
        self._news = DeviceNews()
        self._rank = 0  # of the camera that is open
        self._found: tuple[int, FrameSource] | None = None
        self._seeker: threading.Thread | None = None
        self._look_s, self._looks = 0.0, 0
        self._lock, self._closed = threading.Lock(), False
        self.missed: CameraError | None = None  # why it is not the first one

    def __call__(self) -> FrameSource:
        """Open the first that can be had.

        Raises:
            CameraError: none; the first one's reason, as the settings call it, or that of one that is busy.
        """
        problems: list[CameraError] = []
        for rank in range(len(self._wishes)):
            try:
                source = self._open(rank)
            except CameraError as error:
                problems.append(error)
                continue
            self._take(rank, source, problems[0] if problems else None)
            return source
        busy = (problem for problem in problems if isinstance(problem, CameraBusy))
        raise next(busy, problems[0] if problems else CameraMissing("the camera", "none was named"))

    def changed(self) -> bool:
        """Return whether devices have come or gone since this was last asked."""
        return self._news.changed()

    def better(self) -> FrameSource | None:
        """Return a camera that is preferred to the open one, opened and with a frame ready; else None. Never waits.

        To be asked at each frame; the camera that is open goes on while the other one gets ready, in a thread.
        """
        with self._lock:
            found, self._found = self._found, None
        if found is not None:
            self._take(*found, None)
            return found[1]
        if not self._rank and self._wishes[0] != [_AUTO]:
            return None
        if self._news.changed():
            self._look_s, self._looks = time.monotonic(), 0
        if (self._seeker is None or not self._seeker.is_alive()) and time.monotonic() >= self._look_s:
            self._look_s = time.monotonic() + _LOOK_AGAIN_S[min(self._looks, len(_LOOK_AGAIN_S) - 1)]
            self._looks += 1
            self._seeker = threading.Thread(target=self._seek, args=(self._rank,), name="camera-seeker", daemon=True)
            self._seeker.start()
        return None

    def adjust(self) -> None:
        """Show the open camera as it is now kept for it; for any thread."""
        if (source := self._open_one) is not None:
            source.adjust(self._view)

    def close(self) -> None:
        """Close what nobody has taken."""
        with self._lock:
            self._closed, found, self._found = True, self._found, None
        if found is not None:
            found[1].close()
        self._news.close()

    def _open(self, rank: int) -> FrameSource:
        # Here, and so in the capture thread: PyAV and Pillow are loaded while the main thread goes on.
        from lensd.camera.open_source import open_source

        problem: CameraError | None = None
        for name in self._wishes[rank]:
            try:
                return open_source(name, self._wanted)
            except CameraBusy:
                raise
            except CameraError as error:
                problem = problem or error
        raise problem or CameraMissing("the camera", "none was named")

    def _take(self, rank: int, source: FrameSource, missed: CameraError | None) -> None:
        if rank != self._rank or missed is None:
            self._look_s, self._looks = time.monotonic() + _LOOK_AGAIN_S[0], 0
        if missed is not None and str(missed) != str(self.missed):
            log.warning("Camera %s takes the place of another: %s", source.name, missed)
        self._rank, self.missed = rank, missed
        from lensd.camera.webcam import Webcam

        self._open_one = source if isinstance(source, Webcam) else None
        self.adjust()
        names = self._wishes[rank]
        if names == [_AUTO]:
            if source.name == _DEMO:
                return
            names.clear()
        by_id = self._open_one.by_id if self._open_one is not None else ""
        names += [name for name in (by_id, source.name) if name and name not in names]

    def _seek(self, below: int) -> None:
        """Open the first preferred camera that is there, and wait for its first frame."""
        from lensd.camera.find import best_camera, list_cameras
        from lensd.camera.open_source import open_source

        for rank, names in enumerate([list(names) for names in self._wishes[: below + 1]]):
            if names == [_AUTO]:
                best = best_camera(list_cameras())
                names = [str(best.path)] if best is not None and rank == below else []  # noqa: PLW2901 what it means now
            elif rank == below:
                continue
            for name in names:
                source = None
                try:
                    source = open_source(name, self._wanted)
                    source.read(_FIRST_FRAME_S)
                except CameraError as error:
                    log.debug("Camera %s cannot be had: %s", name, error)
                    if source is not None:
                        source.close()
                    continue
                with self._lock:
                    if not self._closed:
                        self._found = rank, source
                        return
                source.close()
                return

"""Which camera is opened, the first time and each time after it was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lensd.errors import CameraBusy, CameraError, CameraMissing

if TYPE_CHECKING:
    from lensd.frames import VideoFormat
    from lensd.ports import FrameSource

_AUTO = "auto"


class CameraOpener:
    """Opens the camera of the settings, and from then on that very one.

    "auto" is decided once: a webcam that is unplugged for a moment must not become the demo's portrait in a call. One
    that comes back at another node (its number is taken as long as somebody holds the old one) is known by its name.
    """

    def __init__(self, camera: str, wanted: VideoFormat) -> None:
        """Take what `open_source` takes."""
        self._names, self._wanted = [camera], wanted

    def __call__(self) -> FrameSource:
        """Open it.

        Raises:
            CameraError: as `open_source`; what the settings say is what is reported.
        """
        # Here, and so in the capture thread: PyAV and Pillow are loaded while the main thread goes on.
        from lensd.camera.open_source import open_source

        problem: CameraError | None = None
        for name in self._names:
            try:
                source = open_source(name, self._wanted)
            except CameraBusy:
                raise
            except CameraError as error:
                problem = problem or error
                continue
            self._remember(source.name)
            return source
        raise problem or CameraMissing("the camera", "none was named")

    def _remember(self, name: str) -> None:
        if self._names == [_AUTO]:
            self._names = [name]
        elif name not in self._names:
            self._names.append(name)

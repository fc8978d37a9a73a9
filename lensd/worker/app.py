"""The worker's composition root: commands in, events out, and the threads between them."""

from __future__ import annotations

import gc
import logging
import os
import selectors
import signal
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from lensd.config import Settings
from lensd.control.connection import Connection
from lensd.discreet_log import Discreet
from lensd.errors import ConfigError, LensdError, ProtocolError
from lensd.pipeline.capture import Capture
from lensd.pipeline.conditions import RUNNING, Conditions
from lensd.pipeline.loader import LensLoader, Order
from lensd.shared_picture import SharedPictureWriter
from lensd.worker.lenses import LensMaker
from lensd.worker.sources import CameraOpener

if TYPE_CHECKING:
    from lensd.control.messages import Message
    from lensd.frames import Picture
    from lensd.pipeline.render import Render

log = logging.getLogger(__name__)

_ALIVE_S = 0.5
_END_S = 0.6  # the keeper waits 0.8 s before it kills
_CRASHED = 70  # EX_SOFTWARE


class SignallingWriter:
    """The shared picture, with the eventfd that wakes the keeper."""

    def __init__(self, pictures_fd: int, signal_fd: int) -> None:
        """Map the pictures.

        Raises:
            ValueError, OSError: as `SharedPictureWriter`.
        """
        self._writer, self._signal_fd = SharedPictureWriter(pictures_fd), signal_fd
        self.size = self._writer.width, self._writer.height

    def slot(self) -> Picture:
        """Return the picture to be filled next."""
        return self._writer.slot()

    def publish(self, captured_ns: int) -> int:
        """Publish it and wake the keeper."""
        sequence = self._writer.publish(captured_ns)
        os.eventfd_write(self._signal_fd, 1)
        return sequence


class Worker:
    """Lives in the main thread, which only carries messages; capture, render and loading have threads of their own."""

    def __init__(self, pictures_fd: int, signal_fd: int, control_fd: int) -> None:
        """Take over the descriptors that the keeper handed down.

        Raises:
            ValueError, OSError: they are not what they should be.
        """
        self._outlet = SignallingWriter(pictures_fd, signal_fd)
        self._selector = selectors.DefaultSelector()
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._selector.register(self._wake_fd, selectors.EVENT_READ, self._woken)
        self._connection = Connection(socket.socket(fileno=control_fd), self._selector, self._command, _keeper_gone)
        self._conditions = Conditions(self._wake)
        self._answers: deque[tuple[Order, LensdError | None]] = deque()
        self._status: int | None = None
        self._capture: Capture | None = None
        self._cameras: CameraOpener | None = None
        self._loader: LensLoader | None = None
        self._lenses: LensMaker | None = None
        self._render: Render | None = None
        self._settled = False

    def run(self) -> int:
        """Carry messages until told to stop; return the exit status. The process is to end at once after it."""
        threading.excepthook = self._thread_crashed
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._end(0))
        self._tell_alive()
        due_s = time.monotonic() + _ALIVE_S
        while self._status is None:
            for key, mask in self._selector.select(max(0.0, due_s - time.monotonic())):
                key.data(mask)
            if time.monotonic() >= due_s:
                self._look_for_faster()
                self._tell_alive()
                self._end_where_loading_hangs()
                due_s = time.monotonic() + _ALIVE_S
        self._close()
        return self._status

    def _command(self, message: Message) -> None:
        command = message.get("command")
        if command == "configure":
            self._configure(message)
        elif command == "stop":
            self._end(0)
        elif command == "open-camera" and self._capture is not None:
            self._capture.start()
        elif command == "adjust" and self._cameras is not None:
            self._cameras.adjust()
        elif command == "switch" and self._loader is not None:
            lens, identity = message.get("lens"), message.get("id")
            if not isinstance(lens, str) or not isinstance(identity, int):
                raise ProtocolError("switch", "needs a lens (text) and an id (a whole number)")
            self._loader.want(Order(lens, identity))
        else:
            raise ProtocolError(f"command {str(command)[:40]!r}", "unknown, or not before configure")

    def _configure(self, message: Message) -> None:
        """Start camera, loader and render loop, in the order in which they take long."""
        values, lens = message.get("settings"), message.get("lens")
        if self._capture is not None or not isinstance(values, dict) or not isinstance(lens, str):
            raise ProtocolError("configure", "needs settings (an object) and a lens (text), once")
        settings = Settings.from_dict(values)
        Discreet(*settings.cameras, settings.output).install()
        if (settings.width, settings.height) != self._outlet.size:
            raise ConfigError(f"size {settings.format}", "is not that of the shared picture")
        self._cameras = cameras = CameraOpener(settings.cameras, settings.format, settings.view)
        self._capture = Capture(cameras, self._conditions, better=cameras.better, changed=cameras.changed)
        if message.get("camera", True):
            self._capture.start()
        self._lenses = LensMaker(settings)
        self._loader = LensLoader(self._lenses, self._answer)
        self._loader.want(Order(lens))
        # Only now: OpenCV is loaded while the camera is being opened and ONNX Runtime loaded.
        import cv2

        from lensd.camera.decode import Decoder
        from lensd.pipeline.render import Render

        cv2.setNumThreads(1)
        decoder = Decoder(settings.format, settings.view)
        self._render = Render(
            self._capture,
            self._loader,
            self._conditions,
            self._outlet,
            decoder.decode,
            settings,
            lens,
            self._answer,
            self._lenses.failed,
        )
        self._render.start()

    def _answer(self, order: Order, error: LensdError | None) -> None:
        """Have the keeper told what came of an order; called by any thread."""
        if order.identity is not None:
            self._answers.append((order, error))
            self._wake()

    def _wake(self) -> None:
        os.eventfd_write(self._wake_fd, 1)

    def _woken(self, _mask: int) -> None:
        os.eventfd_read(self._wake_fd)
        self._tell_alive()
        while self._answers:
            order, error = self._answers.popleft()
            told = error.as_dict() if error is not None else None
            self._connection.send({"event": "switched", "id": order.identity, "lens": order.lens, "error": told})

    def _tell_alive(self) -> None:
        state, why = self._conditions.current
        self._connection.send({"event": "alive", "state": state, "why": why[:400], "status": self._figures()})
        if state == RUNNING.state and not self._settled and self._loader is not None and not self._loader.busy:
            self._settled = True
            gc.collect()
            gc.freeze()  # what start-up made lives on; later collections, which stop all threads, need not look at it

    def _look_for_faster(self) -> None:
        """Measure runtimes beside the lens on air; a faster one is loaded beside it and takes over between frames."""
        if self._lenses is None or self._loader is None or self._conditions.current != RUNNING:
            return
        if (lens := self._lenses.faster()) is not None:
            self._loader.try_again(lens, 0.0)

    def _end_where_loading_hangs(self) -> None:
        """End, told of by the last message: the keeper starts another worker, and after the second a plainer one."""
        if self._loader is not None and (why := self._loader.hangs):
            log.error("Ending: %s", why)
            self._end(_CRASHED)

    def _figures(self) -> dict[str, Any]:
        capture, render = self._capture, self._render
        if capture is None or render is None:
            return {}
        return {
            "camera": capture.name,
            "camera_format": capture.format,
            "instead_of": str(missed) if self._cameras is not None and (missed := self._cameras.missed) else None,
            "opened": capture.opened,
            "doubt": render.doubt,
            "hangs": render.hangs or (self._loader.hangs if self._loader is not None else ""),
            "lens": render.lens,
            "runtime": render.runtime,
            "runtimes": self._lenses.status() if self._lenses is not None else {},
            "faces": render.faces,
            "lens_every": 2 if render.overload.every_second else 1,
            "dropped": capture.dropped,
            "replaced": capture.frames.replaced,
            **render.metrics.as_dict(),
        }

    def _end(self, status: int) -> None:
        self._status = status if self._status is None else self._status
        self._wake()

    def _thread_crashed(self, crash: threading.ExceptHookArgs) -> None:
        """End the process: the keeper starts another one, which is all that helps a broken runtime."""
        name = crash.thread.name if crash.thread is not None else "a thread"
        if isinstance(crash.exc_value, LensdError):
            log.error("The %s thread ended: %s", name, crash.exc_value)
        elif crash.exc_value is not None:
            log.error("The %s thread crashed", name, exc_info=crash.exc_value)
        self._end(_CRASHED)

    def _close(self) -> None:
        """End the threads; what does not end in time ends with the process."""
        deadline = time.monotonic() + _END_S
        parts = [part for part in (self._capture, self._loader, self._render) if part is not None]
        for ending in (self._capture, self._loader):
            if ending is not None:
                ending.ask_to_end()
        if self._lenses is not None:
            self._lenses.end_measuring()
        ended = [part.join(max(0.0, deadline - time.monotonic())) for part in parts]
        if self._cameras is not None:
            self._cameras.close()
        if all(ended) and self._lenses is not None:
            self._lenses.close()
        elif not all(ended):
            log.warning("Not all threads ended in time")
        self._connection.close()


def _keeper_gone() -> None:
    """End at once: the webcam and the memory are wanted by the next keeper's worker."""
    logging.shutdown()
    os._exit(0)

"""A window that shows pictures, where there is a display; `viewer` is its process."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from lensd.application.viewer import CLOSED, HEAD, I420, OPEN, RGB, SHOWN
from lensd.errors import MediaError

if TYPE_CHECKING:
    from lensd.frames import U8, Picture

_HINT = "name an output file, or run it from a desktop"
_OPEN_S, _END_S = 30.0, 5.0


class Window:
    """One window; q, Escape or its cross closes it. Used by one thread.

    It never holds anybody up: a picture that comes while the one before is still being drawn is left out.
    """

    def __init__(self, title: str, width: int, height: int) -> None:
        """Open a window for pictures of `width` x `height`, smaller where the screen may be.

        Raises:
            MediaError: no display, or an OpenCV without windows.
        """
        if not os.environ.get("DISPLAY"):
            raise MediaError("the window", "there is no display (DISPLAY is not set)", _HINT)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 closed in `close`
        command = [sys.executable, "-m", "lensd.application.viewer", title, str(width), str(height)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, bufsize=0
        )
        self._open, self._drawing = True, False
        if (answer := self._answer(_OPEN_S)) != OPEN:
            why = f"{os.environ['DISPLAY']} does not answer" if answer is None else self._last_words()
            self.close()
            raise MediaError("the window", f"cannot be opened: {why}", _HINT)

    def show(self, picture: Picture) -> bool:
        """Show a picture; return whether the window is still open."""
        return self._show(I420, picture.width, picture.height, picture.data.tobytes())

    def show_rgb(self, rgb: U8) -> bool:
        """Show (H, W, 3) uint8 RGB; return whether the window is still open."""
        return self._show(RGB, rgb.shape[1], rgb.shape[0], rgb.tobytes())

    def wait(self) -> None:
        """Return when it is closed."""
        while self._open:
            self._listen(None)

    def close(self) -> None:
        """Close it."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            self._process.wait(_END_S)  # it ends with its input
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_END_S)
        self._log.close()

    def _show(self, kind: int, width: int, height: int, content: bytes) -> bool:
        self._listen(0.0)
        if self._open and not self._drawing:
            self._drawing = True
            try:
                self._write(HEAD.pack(kind, width, height) + content)
            except BrokenPipeError:
                self._open = False
        return self._open

    def _write(self, content: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101  it is a pipe
        left = memoryview(content)
        while left:
            left = left[self._process.stdin.write(left) :]

    def _listen(self, wait_s: float | None) -> None:
        """Take the answers that are there; wait for the first of them."""
        while (answer := self._answer(wait_s)) is not None:
            if answer == SHOWN:
                self._drawing = False
            elif answer in (CLOSED, b""):
                self._open = False
                return
            wait_s = 0.0

    def _answer(self, wait_s: float | None) -> bytes | None:
        """Return one answer, nothing where its process has ended; None where there is none within `wait_s`."""
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        if not select.select([self._process.stdout], [], [], wait_s)[0]:
            return None
        return self._process.stdout.read(1)

    def _last_words(self) -> str:
        """Return why its process has ended."""
        self._process.wait(_END_S)
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip().splitlines() or ["no reason is given"]
        why = next((line for line in said if "display" in line or "not implemented" in line), said[-1])
        return why.removeprefix("qt.qpa.xcb: ").strip()

"""Cards: the pictures that say why there is no lensed one. Drawn by a process of their own, beforehand."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from lensd.shared_picture import SharedPictureReader, SharedPictureWriter, create_shared_picture

if TYPE_CHECKING:
    from lensd.frames import U8

log = logging.getLogger(__name__)

_NICE = 10  # cards take 0.3 s of a core, at a time when the worker wants both

# Title and detail, by the worker's state; "restarting" and "stopped" are the keeper's own.
CARDS = {
    "starting": ("Starting…", ""),
    "idle": ("Starting…", ""),  # lies ready for the next reader's first pictures; until then nobody sees it
    "restarting": ("One moment…", "The camera is starting again"),
    "stopped": ("SnapLens Camera has stopped", "See: lensd status"),
    "no-camera": ("No camera", "Plug one in, or choose another: lensd devices"),
    "camera-busy": ("Camera is used by another program", "It comes back by itself when the other one ends"),
    "camera-failed": ("The camera does not answer", "Trying again…"),
    "loading": ("Loading the lens…", ""),
    "lens-failed": ("Lens failed", "Choose another: lensd switch NAME"),
    "no-face": ("Nobody here", ""),
    "paused": ("Camera paused", ""),
}
BLANK = "blank"  # no card, but blackness, which needs no drawing
HELD = "held"  # nor this: the last picture of the keeper before us
_BLACK, _GREY = 16, 128  # luma and chroma of black, limited range


class CardBook:
    """All cards of one size, each in shared memory, so that the page can show them too."""

    def __init__(self, width: int, height: int) -> None:
        """Make room for the cards and have them drawn in the background (0.3 s)."""
        names = (*CARDS, BLANK, HELD)
        self._descriptors = {name: create_shared_picture(f"lensd-card-{name}", width, height) for name in names}
        self._readers = {name: SharedPictureReader(fd, marks=False) for name, fd in self._descriptors.items()}
        self._artists: list[subprocess.Popen[bytes]] = []
        self._texts: dict[str, tuple[str, str]] = {}
        _blacken(self._descriptors[BLANK])
        self._draw(CARDS)

    def reader(self, name: str) -> SharedPictureReader:
        """Return where card `name` can be copied from; it has no picture before it is drawn."""
        return self._readers[name]

    def descriptor(self, name: str) -> int:
        """Return the shared picture of card `name`, which stays the book's."""
        return self._descriptors[name]

    def explain(self, name: str, why: str) -> None:
        """Have card `name` drawn again with another reason, in the background; an empty one keeps the card."""
        text = (CARDS[name][0], why or CARDS[name][1])
        if self._texts.get(name) != text:
            self._draw({name: text})

    def hold(self, pixels: U8) -> None:
        """Make `pixels`, (H * 3 // 2 * W,) uint8 I420, the picture called "held"."""
        writer = SharedPictureWriter(self._descriptors[HELD])
        writer.slot().data[:] = pixels
        writer.publish(time.monotonic_ns())

    def reap(self) -> None:
        """Take the exit status of artists that are done."""
        for artist in self._artists:
            if artist.poll():
                log.warning("Cards could not be drawn (exit status %s); plain ones are shown", artist.returncode)
        self._artists = [artist for artist in self._artists if artist.returncode is None]

    def close(self) -> None:
        """End the artists and give the memory back."""
        for artist in self._artists:
            artist.kill()
            artist.wait()
        for descriptor in self._descriptors.values():
            os.close(descriptor)

    def _draw(self, texts: dict[str, tuple[str, str]]) -> None:
        self._texts |= texts
        order = [(self._descriptors[name], title, detail) for name, (title, detail) in texts.items()]
        try:
            artist = subprocess.Popen(
                [sys.executable, "-P", "-m", "lensd.keeper.draw_card", json.dumps(order)],
                stdin=subprocess.DEVNULL,
                pass_fds=[descriptor for descriptor, _, _ in order],
                process_group=0,
            )
        except OSError as error:
            log.warning("Cards could not be drawn (%s); plain ones are shown", error)
        else:
            self._artists.append(artist)
            os.setpriority(os.PRIO_PROCESS, artist.pid, _NICE)


def _blacken(descriptor: int) -> None:
    writer = SharedPictureWriter(descriptor)
    picture = writer.slot()
    picture.data[:] = _GREY
    picture.y[:] = _BLACK
    writer.publish(time.monotonic_ns())

"""What no driver and no runtime here can be made to do: told to a daemon's processes while they run."""

from __future__ import annotations

import itertools
import json
import mmap
from pathlib import Path

from tests.guest.inside.daemon import Daemon

_FOLDER = Path(__file__).parent / "injection"


class Faults:
    """A page of memory that the daemon's processes look at; to be made before the daemon is started."""

    def __init__(self, daemon: Daemon, *, gpu: bool = False) -> None:
        """Have `daemon` look; with `gpu` it sees one, on which "onnxruntime-cuda" runs."""
        path = daemon.home / "faults"
        path.write_bytes(bytes(mmap.PAGESIZE))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), 0)
        self._numbers = itertools.count()
        daemon.environment |= {"PYTHONPATH": str(_FOLDER), "SNAPLENS_FAULTS": str(path)}
        if gpu:
            daemon.environment["SNAPLENS_FAKE_GPU"] = "1"

    def engine(self, how: str, **more: object) -> None:
        """From now on the lens's network "hangs", "crashes", "fails" (why=), "crawls" (s=) or "paints" (value=).

        With runtime= only where it runs in that one.
        """
        self._set({"engine": {"how": how, **more}})

    def ioctl(self, process: str, request: str, errno: int, times: int = 1) -> None:
        """The next `times` requests of a process ("lensd.keeper") answer with an error."""
        told = {"process": process, "request": request, "errno": errno, "times": times, "number": next(self._numbers)}
        self._set({"ioctl": told})

    def disk(self, s: float) -> None:
        """From now on it takes that long until something is written."""
        self._set({"disk": {"s": s}})

    def none(self) -> None:
        """All is well again."""
        self._page[:] = bytes(mmap.PAGESIZE)

    def _set(self, wanted: dict[str, object]) -> None:
        self.none()
        text = json.dumps(wanted).encode()
        self._page[1 : len(text)] = text[1:]
        self._page[:1] = text[:1]  # now it is looked at

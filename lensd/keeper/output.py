"""One place where pictures go: opened, written, lost and opened again, without a word to the others."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lensd.errors import SinkError, SinkMissing
from lensd.v4l2.nodes import announce
from lensd.virtualcam import LABEL, NullSink, is_there, open_sink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.frames import U8, VideoFormat
    from lensd.keeper.descriptor_store import DescriptorStore
    from lensd.ports import FrameSink

log = logging.getLogger(__name__)

_REOPEN_NS = 1_000_000_000
_WELL_NS = 2_000_000_000  # one that was written to for so long is opened again at once: a reader waits for pictures
_OPENED_NS = 5_000_000  # how often it is asked whether it is open
NEVER_NS = 1 << 62


@runtime_checkable
class HandedOn(Protocol):
    """A sink whose stream may outlive it: `virtualcam.backend.LoopbackSink`."""

    inherited: U8 | None

    def fileno(self) -> int:
        """Return the descriptor whose copies keep the stream alive."""

    def sustain(self, *, on: bool) -> None:
        """Have the last picture repeated whenever none comes, also when this process is gone; or no more."""

    def hand_on(self) -> None:
        """Close it without an end of the stream."""


class Output:
    """Owns one sink. All times in ns of CLOCK_MONOTONIC, given by the caller.

    Attributes:
        label: the device's name, where it is found by that. sink: where pictures go at the moment.
        attached: that is a real one. problem: why it is not. errors: how often it was lost.
        inherited: the last picture of the keeper before us, where we go on with its stream.
    """

    def __init__(
        self, output: str, video: VideoFormat, store: DescriptorStore | None = None, label: str = LABEL
    ) -> None:
        """Begin without a sink; `attach` opens it.

        Args:
            output: as `Settings.output`.
            video: size and rate of everything that is written.
            store: keeps the device over a restart, where there is one.
            label: the device that "auto" means.
        """
        self.label, self._output, self._format, self._store = label, output, video, store
        self.sink: FrameSink = NullSink(video)
        self.attached, self.errors = False, 0
        self.problem: SinkError | None = None
        self.inherited: U8 | None = None
        # A file that failed is not begun anew: that would overwrite what it has.
        self._may_come_back = output == "auto" or output.startswith("/dev/")
        self._reopen_ns, self._opened_ns, self._sustained = 0, 0, False
        self._opening: threading.Thread | None = None
        self._opened: FrameSink | SinkError | None = None
        self._listener: Callable[[tuple[Path, int] | None], None] = lambda _: None

    @property
    def due_ns(self) -> int:
        """When `retry` has something to do."""
        if self.attached or not self._may_come_back:
            return NEVER_NS
        return self._reopen_ns

    def attach(self, now_ns: int) -> None:
        """Open it, or keep the reason in `problem` where it may come.

        Raises:
            ConfigError: an output that is no output. SinkError: a file that cannot be written.
        """
        if self._output == "none":
            return
        try:
            found: FrameSink | SinkError = self._open()
        except SinkError as error:
            if not self._may_come_back:
                raise
            found = error
        self._take(found, now_ns)

    def retry(self, now_ns: int) -> bool:
        """Open a lost one again, beside what goes on: whether another program writes into it takes 0.3 s to see.

        Returns:
            Whether it has just been opened.
        """
        if now_ns < self.due_ns:
            return False
        if self._opening is None and not is_there(self._output, self.label):
            self.attach(now_ns)  # says so at once; a thread each second would cost a hundred times more
            return self.attached
        if self._opening is None:
            self._opening = threading.Thread(target=self._open_beside, name="output", daemon=True)
            self._opening.start()
        elif not self._opening.is_alive():
            found, self._opening, self._opened = self._opened, None, None
            self._take(found, now_ns)
            return self.attached
        self._reopen_ns = now_ns + _OPENED_NS
        return False

    def begin(self, now_ns: int) -> U8 | None:
        """Return where the next picture goes; None where it has just been lost."""
        try:
            return self.sink.begin()
        except SinkError as error:
            self._lose(error, now_ns)
            return None

    def commit(self, now_ns: int) -> bool:
        """Publish what was written there; tell whether that was done."""
        try:
            self.sink.commit()
        except SinkError as error:
            self._lose(error, now_ns)
            return False
        return True

    def overwrite(self, picture: U8, now_ns: int) -> None:
        """Publish a picture, and leave nothing else for the next reader to see."""
        try:
            self.sink.overwrite(picture)
        except SinkError as error:
            self._lose(error, now_ns)

    def sustain(self, *, on: bool) -> None:
        """Have a reader see a picture also where this process is gone; without readers that is a waste."""
        self._sustained = on
        if self._kept and isinstance(self.sink, HandedOn):
            self.sink.sustain(on=on)

    def follow(self, listener: Callable[[tuple[Path, int] | None], None]) -> None:
        """Tell `listener`, now and at each change, which node is written to and by which descriptor; None for none."""
        self._listener = listener
        self._tell()

    def close(self, plain: U8) -> None:
        """Give it back with `plain` in it, or hand it on where the store keeps it for the next keeper."""
        if self._opening is not None:
            self._opening.join()
            if self._opened is not None and not isinstance(self._opened, SinkError):
                self._opened.close()
        if self._kept and isinstance(self.sink, HandedOn):
            self.sink.hand_on()
            return
        if self.sink.node is not None:
            with contextlib.suppress(SinkError):
                self.sink.overwrite(plain)  # no picture of anybody stays in it
        self.sink.close()

    def forsake(self) -> None:
        """The end is for good: nobody is to go on with it."""
        if self._store is not None and self.sink.node is not None:
            self._store.drop(self.sink.node)

    @property
    def _kept(self) -> bool:
        return self._store is not None and self.sink.node is not None and self._store.keeps(self.sink.node)

    def _tell(self) -> None:
        sink = self.sink
        self._listener((sink.node, sink.fileno()) if sink.node is not None else None)

    def _open(self) -> FrameSink:
        taken = self._store.take if self._store is not None else _nothing
        return open_sink(self._output, self._format, taken, self.label)

    def _open_beside(self) -> None:
        try:
            self._opened = self._open()
        except SinkError as error:
            self._opened = error

    def _take(self, found: FrameSink | SinkError | None, now_ns: int) -> None:
        self._reopen_ns = now_ns + _REOPEN_NS
        if found is None:
            return  # a fault that the thread has told of
        if isinstance(found, SinkError):
            if self.problem is None or str(found) != str(self.problem):
                level = logging.INFO if isinstance(found, SinkMissing) else logging.WARNING
                log.log(level, "No output: %s. Trying every second. %s", found, found.hint)
            self.problem = found
            return
        self.sink.close()
        self.sink, self.attached, self.problem, self._opened_ns = found, True, None, now_ns
        self.inherited = found.inherited if isinstance(found, HandedOn) else None
        if isinstance(found, HandedOn) and self._store is not None and found.node is not None:
            self._store.keep(found.node, found.fileno())
            self.sustain(on=self._sustained)
        self._tell()
        told = found.node is not None and self.inherited is None and announce(found.node)
        log.info("Writing to %s%s", found.name, "; announced anew" if told else "")

    def _lose(self, error: SinkError, now_ns: int) -> None:
        then = "Trying again every second." if self._may_come_back else "Nothing more is written to it."
        log.warning("The output failed: %s. %s", error, then)
        self.errors += 1
        well = now_ns - self._opened_ns > _WELL_NS
        self.problem = error
        self.forsake()
        with contextlib.suppress(SinkError):  # it has failed already
            self.sink.close()
        self.sink, self.attached = NullSink(self._format), False
        self._tell()
        self._reopen_ns = now_ns + (0 if well else _REOPEN_NS)


def _nothing(_node: Path) -> int | None:
    return None

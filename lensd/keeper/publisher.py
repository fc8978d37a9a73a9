"""Decides which picture goes out when, and writes it: a new one at once, else the last one or a card in time.

Nothing here waits. The clock only fills in, because a free-running 30 Hz clock would add up to 33 ms of latency.
"""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from lensd.errors import SinkError, SinkMissing
from lensd.virtualcam import NullSink, open_sink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.frames import U8, VideoFormat
    from lensd.keeper.descriptor_store import DescriptorStore
    from lensd.ports import FrameSink
    from lensd.shared_picture import SharedPictureReader, Stamp

log = logging.getLogger(__name__)

_PATIENCE = 1.25  # periods without a new picture before the last one is repeated
_AGAIN_NS = 2_000_000
_REOPEN_NS = 1_000_000_000
_RECENT = 256
_CALM_NS = 1_000_000_000  # between two pictures while nobody has the output open


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


class Publisher:
    """Owns the sink. All times in ns of CLOCK_MONOTONIC, given by the caller."""

    def __init__(self, output: str, video: VideoFormat, now_ns: int, store: DescriptorStore | None = None) -> None:
        """Open the output, or go on without one and try again every second.

        Args:
            output: as `Settings.output`.
            video: size and rate of everything that is published.
            now_ns: the time.
            store: keeps the virtual camera over a restart, where there is one.

        Raises:
            ConfigError: an output that is no output. SinkError: a file that cannot be written.
        """
        self._output, self._format, self._store = output, video, store
        self._sink: FrameSink = NullSink(video)
        self._sink_is_ours = False
        # A file that failed is not begun anew: that would overwrite what it has.
        self._may_come_back = output == "auto" or output.startswith("/dev/")
        self._source: SharedPictureReader | None = None
        self._sequence = 0
        self._due_ns, self._reopen_ns, self._written_ns = now_ns, now_ns, now_ns
        self._plain = np.full(video.picture_bytes, 128, np.uint8)
        self._plain[: video.width * video.height] = 30
        self.output_problem: SinkError | None = None
        self.published, self.repeated, self.write_errors = 0, 0, 0
        self._latencies_ns: deque[int] = deque(maxlen=_RECENT)
        self._fresh_ns: deque[int] = deque(maxlen=_RECENT)
        self.longest_gap_ns = 0
        self._calm = False
        self._output_listener: Callable[[tuple[Path, int] | None], None] = lambda _: None
        self.inherited: U8 | None = None  # the last picture of the keeper before us, where we go on with its stream
        self._attach(now_ns)
        if store is not None:
            store.drop_given()
        if isinstance(self._sink, HandedOn):
            self.inherited = self._sink.inherited

    @property
    def output_name(self) -> str:
        """Where the pictures can be seen."""
        return self._sink.name

    @property
    def attached(self) -> bool:
        """There is a real output."""
        return self._sink_is_ours

    @property
    def node(self) -> Path | None:
        """The device that readers have open."""
        return self._sink.node

    @property
    def due_ns(self) -> int:
        """When `fill_in` has something to do."""
        return self._due_ns

    def show(self, source: SharedPictureReader) -> None:
        """Publish from `source` from now on; its newest picture goes out with the next call."""
        if source is not self._source:
            self._source, self._sequence = source, 0
            self._due_ns = 0

    def picture_ready(self, now_ns: int) -> None:
        """Publish the source's newest picture, if it is new."""
        if self._source is not None and self._source.newest_sequence() != self._sequence:
            self._write(now_ns)

    def fill_in(self, now_ns: int) -> None:
        """Publish again what was published last, where nothing new came in time; try for a lost output."""
        if not self._sink_is_ours and self._may_come_back and now_ns >= self._reopen_ns:
            self._attach(now_ns)
        if now_ns >= self._due_ns:
            self._write(now_ns)

    def follow_output(self, listener: Callable[[tuple[Path, int] | None], None]) -> None:
        """Tell `listener`, now and at each change, which node is written to and by which descriptor; None for none."""
        self._output_listener = listener
        self._tell_output()

    def set_pace(self, now_ns: int, *, calm: bool) -> None:
        """Publish one picture a second where `calm`, else at the nominal rate, beginning at once."""
        if self._calm and not calm:
            self._due_ns = self._written_ns = now_ns
        self._calm = calm
        self._sustain()

    def _sustain(self) -> None:
        """Somebody who reads shall see a picture also where this process is gone; without readers it is a waste."""
        if self._store is not None and self._store.keeps and isinstance(self._sink, HandedOn):
            self._sink.sustain(on=not self._calm)

    def overwrite(self, now_ns: int) -> None:
        """Publish what is on air, and leave nothing else in the output's buffers for the next reader to see."""
        picture = np.empty_like(self._plain)
        if self._source is None or self._source.copy_newest(picture) is None:
            np.copyto(picture, self._plain)
        try:
            self._sink.overwrite(picture)
        except SinkError as error:
            self._lose(error, now_ns)

    def figures(self, now_ns: int) -> dict[str, object]:
        """Return rates and latencies of the last seconds, as `lensd status` shows them."""
        fresh = [moment for moment in self._fresh_ns if now_ns - moment < 2_000_000_000]
        latencies = sorted(self._latencies_ns) if fresh else []
        rate = (len(fresh) - 1) / (fresh[-1] - fresh[0]) * 1e9 if len(fresh) > 1 and fresh[-1] > fresh[0] else 0.0
        return {
            "fps": round(rate, 1),
            "latency_ms": {
                f"p{part}": round(latencies[(len(latencies) - 1) * part // 100] / 1e6, 1) for part in (50, 95, 99)
            }
            if latencies
            else None,
            "published": self.published,
            "repeated": self.repeated,
            "write_errors": self.write_errors,
            "longest_gap_ms": round(self.longest_gap_ns / 1e6, 1),
        }

    def close(self) -> None:
        """Give the output back, or hand it on where the store keeps it for the next keeper."""
        if self._store is not None and self._store.keeps and isinstance(self._sink, HandedOn):
            self._sink.hand_on()
            return
        if self._sink.node is not None:
            with contextlib.suppress(SinkError):
                self._sink.overwrite(self._plain)  # no picture of anybody stays in it
        self._sink.close()

    def forsake(self) -> None:
        """The end is for good: nobody is to go on with the output."""
        if self._store is not None and self._sink.node is not None:
            self._store.drop(self._sink.node)

    def _tell_output(self) -> None:
        sink = self._sink
        self._output_listener((sink.node, sink.fileno()) if sink.node is not None else None)

    def _write(self, now_ns: int) -> None:
        source, stamp = self._source, None
        try:
            buffer = self._sink.begin()
            stamp = source.copy_newest(buffer) if source is not None else None
            if stamp is None:
                if self._sequence and now_ns - self._written_ns < 2 * self._format.period_ns:
                    self._due_ns = now_ns + _AGAIN_NS  # it changed under the copy; what is on air stays for now
                    return
                np.copyto(buffer, self._plain)  # nothing drawn yet; and never what the buffer held before
            self._sink.commit()
        except SinkError as error:
            self._lose(error, now_ns)
            return
        self._account(stamp, now_ns)

    def _account(self, stamp: Stamp | None, now_ns: int) -> None:
        fresh = stamp is not None and stamp.sequence != self._sequence
        self._due_ns = now_ns + (_CALM_NS if self._calm else int(self._format.period_ns * (_PATIENCE if fresh else 1)))
        if not self._calm:
            self.longest_gap_ns = max(self.longest_gap_ns, now_ns - self._written_ns)
        self._written_ns = now_ns
        self.published += 1
        if stamp is not None and fresh:
            self._sequence = stamp.sequence
            self._fresh_ns.append(now_ns)
            self._latencies_ns.append(max(0, now_ns - stamp.captured_ns))
        else:
            self.repeated += 1

    def _lose(self, error: SinkError, now_ns: int) -> None:
        then = "Trying again every second." if self._may_come_back else "Nothing more is written to it."
        log.warning("The output failed: %s. %s", error, then)
        self.write_errors += 1
        self.output_problem = error
        self.forsake()
        with contextlib.suppress(SinkError):  # it has failed already
            self._sink.close()
        self._sink, self._sink_is_ours = NullSink(self._format), False
        self._tell_output()
        self._reopen_ns = now_ns + _REOPEN_NS
        self._due_ns = now_ns

    def _attach(self, now_ns: int) -> None:
        self._reopen_ns = now_ns + _REOPEN_NS
        if self._output == "none":
            return
        try:
            sink = open_sink(self._output, self._format, self._store.take if self._store is not None else _nothing)
        except SinkError as error:
            if not self._may_come_back:
                raise
            if self.output_problem is None or str(error) != str(self.output_problem):
                level = logging.INFO if isinstance(error, SinkMissing) else logging.WARNING
                log.log(level, "No output: %s. Trying every second. %s", error, error.hint)
            self.output_problem = error
            return
        self._sink.close()
        self._sink, self._sink_is_ours, self.output_problem = sink, True, None
        if self._store is not None and sink.node is not None and isinstance(sink, HandedOn):
            self._store.keep(sink.node, sink.fileno())
            self._sustain()
        self._tell_output()
        self._due_ns = now_ns
        log.info("Writing to %s", sink.name)


def _nothing(_node: Path) -> int | None:
    return None

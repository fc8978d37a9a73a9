"""Decides which picture goes out when, and has it written: a new one at once, else the last one or a card in time.

Nothing here waits. The clock only fills in, because a free-running 30 Hz clock would add up to 33 ms of latency.
All outputs are given the same picture; a reader of v4l2loopback 0.14 and later needs a device of its own.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from lensd.keeper.output import Output
from lensd.virtualcam import further_labels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.errors import SinkError
    from lensd.frames import U8, VideoFormat
    from lensd.keeper.descriptor_store import DescriptorStore
    from lensd.shared_picture import SharedPictureReader, Stamp

_PATIENCE = 1.25  # periods without a new picture before the last one is repeated
_AGAIN_NS = 2_000_000
_RECENT = 256
_CALM_NS = 1_000_000_000  # between two pictures while nobody has an output open
_LOOK_NS, _CALM_LOOK_NS = 2_000_000_000, 5_000_000_000  # for further devices: 20 us for each that there is


class Publisher:
    """Owns the outputs. All times in ns of CLOCK_MONOTONIC, given by the caller."""

    def __init__(self, output: str, video: VideoFormat, now_ns: int, store: DescriptorStore | None = None) -> None:
        """Open the output, or go on without one and try again every second.

        Args:
            output: as `Settings.output`; "auto" means all our devices, "SnapLens Camera", "SnapLens Camera 2", ...
            video: size and rate of everything that is published.
            now_ns: the time.
            store: keeps the virtual cameras over a restart, where there is one.

        Raises:
            ConfigError: an output that is no output. SinkError: a file that cannot be written.
        """
        self._format, self._store, self._several = video, store, output == "auto"
        self._source: SharedPictureReader | None = None
        self._sequence = 0
        self._due_ns, self._look_ns, self._written_ns = now_ns, now_ns, now_ns
        self._plain = np.full(video.picture_bytes, 128, np.uint8)
        self._plain[: video.width * video.height] = 30
        self.published, self.repeated = 0, 0
        self._latencies_ns: deque[int] = deque(maxlen=_RECENT)
        self._fresh_ns: deque[int] = deque(maxlen=_RECENT)
        self.longest_gap_ns = 0
        self._calm = False
        self._new_output: Callable[[Output], None] = lambda _: None
        self.on_published: Callable[[], None] = lambda: None  # with each picture that went out
        self.outputs = [Output(output, video, store)]  # the first has a sink always, were it one into nothing
        self.outputs[0].attach(now_ns)
        self.outputs[0].sustain(on=True)
        for more in self._look_for_more(now_ns):
            more.attach(now_ns)
        if store is not None:
            store.drop_given()

    @property
    def output_name(self) -> str:
        """Where the pictures can be seen."""
        return ", ".join(each.sink.name for each in self.outputs if each.attached)

    @property
    def output_problem(self) -> SinkError | None:
        """What is wrong with the first output."""
        return self.outputs[0].problem

    @property
    def attached(self) -> bool:
        """There is a real output."""
        return any(each.attached for each in self.outputs)

    @property
    def nodes(self) -> list[Path]:
        """The devices that readers have open."""
        return [each.sink.node for each in self.outputs if each.sink.node is not None]

    @property
    def inherited(self) -> U8 | None:
        """The last picture of the keeper before us, where we go on with its stream."""
        return next((each.inherited for each in self.outputs if each.inherited is not None), None)

    @property
    def write_errors(self) -> int:
        """How often an output was lost."""
        return sum(each.errors for each in self.outputs)

    @property
    def due_ns(self) -> int:
        """When `fill_in` has something to do."""
        return min(self._due_ns, *(each.due_ns for each in self.outputs))

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
        """Publish again what was published last, where nothing new came in time; try for lost and further outputs."""
        for output in self.outputs:
            if output.retry(now_ns):
                self._due_ns = now_ns
        if now_ns >= self._look_ns:
            for more in self._look_for_more(now_ns):
                more.retry(now_ns)
        if now_ns >= self._due_ns:
            self._write(now_ns)

    def follow_outputs(self, listener: Callable[[Output], None]) -> None:
        """Tell `listener` of every output, now and when another one comes; none ever goes, but may be lost."""
        self._new_output = listener
        for output in self.outputs:
            listener(output)

    def set_pace(self, now_ns: int, *, calm: bool) -> None:
        """Publish one picture a second where `calm`, else at the nominal rate, beginning at once."""
        if self._calm and not calm:
            self._due_ns = self._written_ns = now_ns
        self._calm = calm
        for output in self.outputs:
            output.sustain(on=not calm)

    def overwrite(self, now_ns: int) -> None:
        """Publish what is on air, and leave nothing else in the outputs' buffers for the next reader to see."""
        picture = np.empty_like(self._plain)
        if self._source is None or self._source.copy_newest(picture) is None:
            np.copyto(picture, self._plain)
        for output in self.outputs:
            output.overwrite(picture, now_ns)

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
        """Give the outputs back, or hand them on where the store keeps them for the next keeper."""
        for output in self.outputs:
            output.close(self._plain)

    def forsake(self) -> None:
        """The end is for good: nobody is to go on with the outputs."""
        for output in self.outputs:
            output.forsake()

    def _look_for_more(self, now_ns: int) -> list[Output]:
        """Return outputs for devices of ours that were not known, to be opened."""
        self._look_ns = now_ns + (_CALM_LOOK_NS if self._calm else _LOOK_NS)
        known = {output.label for output in self.outputs}
        more = [label for label in further_labels() if label not in known] if self._several else []
        found = [Output("auto", self._format, self._store, label) for label in more]
        for output in found:
            self.outputs.append(output)
            output.sustain(on=not self._calm)
            self._new_output(output)
        return found

    def _write(self, now_ns: int) -> None:
        source, stamp, whole, written = self._source, None, None, False
        for output in self.outputs:
            if not output.attached and output is not self.outputs[0]:
                continue
            if (buffer := output.begin(now_ns)) is None:
                continue
            if whole is not None:
                np.copyto(buffer, whole)
            else:
                stamp = source.copy_newest(buffer) if source is not None else None
                if stamp is None:
                    if self._sequence and now_ns - self._written_ns < 2 * self._format.period_ns:
                        self._due_ns = now_ns + _AGAIN_NS  # it changed under the copy; what is on air stays for now
                        return
                    np.copyto(buffer, self._plain)  # nothing drawn yet; and never what the buffer held before
                whole = buffer
            written = output.commit(now_ns) or written
        if written:
            self._account(stamp, now_ns)
        else:
            self._due_ns = now_ns

    def _account(self, stamp: Stamp | None, now_ns: int) -> None:
        fresh = stamp is not None and stamp.sequence != self._sequence
        self._due_ns = now_ns + (_CALM_NS if self._calm else int(self._format.period_ns * (_PATIENCE if fresh else 1)))
        if not self._calm:
            self.longest_gap_ns = max(self.longest_gap_ns, now_ns - self._written_ns)
        self._written_ns = now_ns
        self.published += 1
        self.on_published()
        if stamp is not None and fresh:
            self._sequence = stamp.sequence
            self._fresh_ns.append(now_ns)
            self._latencies_ns.append(max(0, now_ns - stamp.captured_ns))
        else:
            self.repeated += 1

"""The frame's path in one thread, frame after frame, each stage by the time it takes of a core.

The same parts as in the worker and the keeper, joined in the same order: decode into the shared slot, track, draw,
blend, publish, copy into the sink's buffer. What the threads and sockets between them cost is measured by
`bench/speed.py`, which runs the two processes.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, cast

import numpy as np

from lensd.camera.decode import Decoder
from lensd.composite.blend import Compositor
from lensd.composite.depth import far_to_near
from lensd.engine.select import open_engine
from lensd.face.landmarks import LandmarkNetwork, read_landmarks_network
from lensd.face.tracker import MeshTracker
from lensd.lens.engine_around import EngineAround
from lensd.lens.none import NoLens
from lensd.lens.open import find_package, lens_of
from lensd.lens.package import open_package
from lensd.metrics import Metrics, Ring
from lensd.shared_picture import SharedPictureReader, SharedPictureWriter, create_shared_picture
from lensd.tuning.tuner import Tuner
from lensd.virtualcam.none import NullSink

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from lensd.config import RuntimeChoice
    from lensd.frames import F32, U8, RawFrame, VideoFormat
    from lensd.lens.manifest import Precision
    from lensd.ports import Engine, FrameSink, Lens

STAGES = ("decode", "track", "lens", "blend", "publish", "write")


class TimedEngine(EngineAround):
    """A `ports.Engine` around another one that keeps what each run took of its thread's time."""

    def __init__(self, engine: Engine) -> None:
        """Take over `engine`."""
        super().__init__(engine)
        self.taken, self.last_ns = Ring(), 0

    def infer(self, x: U8, out: U8 | F32) -> None:
        """Run the network once.

        Raises:
            EngineError: as the engine's own.
        """
        begin = time.thread_time_ns()
        super().infer(x, out)
        self.last_ns = time.thread_time_ns() - begin
        self.taken.add(self.last_ns)


class FramePath:
    """All that a frame goes through, for one lens and one size; a context."""

    def __init__(
        self, lens: str | Path, video: VideoFormat, runtime: RuntimeChoice = "auto", sink: FrameSink | None = None
    ) -> None:
        """Load everything.

        Args:
            lens: as `open_lens` takes it.
            video: size and rate of the pictures.
            runtime: what the lens's network runs in; with "auto" the fastest way on this machine, measured before
                anything else where it is not known, as the daemon has it after its first minute.
            sink: where pictures go; its owner's to close. None for memory of the same kind as a driver's buffer.

        Raises:
            LensError: no such lens, or a damaged one. EngineError: a network cannot be run here.
        """
        self.video, self._sink = video, sink or NullSink(video)
        self._decoder, self._compositor = Decoder(video), Compositor()
        self.metrics = Metrics(STAGES, time.thread_time_ns)
        self._closing = ExitStack()
        with ExitStack() as opened:
            self.tracking_network = TimedEngine(open_engine(read_landmarks_network(), runtime="onnxruntime"))
            self._tracker = opened.enter_context(closing(MeshTracker(LandmarkNetwork(self.tracking_network))))
            self.lens_network: TimedEngine | None = None
            self._lens = opened.enter_context(closing(self._opened(lens, runtime)))
            descriptor = create_shared_picture("lensd-rehearsal", video.width, video.height)
            opened.callback(os.close, descriptor)
            self._writer = SharedPictureWriter(descriptor)
            self._reader = SharedPictureReader(descriptor, marks=True)
            self._closing = opened.pop_all()

    @property
    def runtime(self) -> str | None:
        """What the lens's network runs in; None where it has none."""
        return self.lens_network.runtime if self.lens_network is not None else None

    def _opened(self, name: str | Path, runtime: RuntimeChoice) -> Lens:
        if (path := find_package(name)) is None:
            return NoLens()
        package, precision = open_package(path), "float32"
        if runtime == "auto" and package.manifest.generator is not None:
            runtime, precision = cast("tuple[RuntimeChoice, str]", Tuner().measure(package))

        def timed(network: bytes) -> TimedEngine:
            self.lens_network = TimedEngine(open_engine(network, runtime=runtime))
            return self.lens_network

        return lens_of(package, timed, cast("Precision", precision))

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def show(self, frame: RawFrame) -> int:
        """Take one frame from the camera's bytes to the sink's buffer; return how many faces have their lens.

        Raises:
            CameraError: the frame is broken. EngineError: the network could not be run. SinkError: not written.
        """
        metrics = self.metrics
        mark = metrics.begin()
        picture = self._writer.slot()
        self._decoder.decode(frame, picture)
        mark = metrics.lap("decode", mark)
        faces = self._tracker.update(picture, frame.captured_ns)
        mark = metrics.lap("track", mark)
        layers = [(self._lens.draw(picture, face), face.opacity) for face in far_to_near(faces)]
        mark = metrics.lap("lens", mark)
        drawn = [layer for layer, opacity in layers if layer and self._compositor.blend(picture, layer, opacity)]
        mark = metrics.lap("blend", mark)
        self._writer.publish(frame.captured_ns)
        mark = metrics.lap("publish", mark)
        self._reader.copy_newest(self._sink.begin())
        self._sink.commit()
        metrics.lap("write", mark)
        return len(drawn)

    def rehearse(self, frames: list[RawFrame], rounds: int = 1) -> list[float]:
        """Show all `frames`, `rounds` times, and return what each took of this thread, ms."""
        taken = []
        for _ in range(rounds):
            for frame in frames:
                begin = time.thread_time_ns()
                self.show(frame)
                taken.append((time.thread_time_ns() - begin) / 1e6)
        return taken

    def close(self) -> None:
        """Give everything back but the sink."""
        self._closing.close()


def machine_gmacs() -> float:
    """Return 10^9 multiplications a second of one core: NumPy's float32 product of 2048x2048, the best of three.

    By the time that all threads together took, so that neither NumPy's threads nor other programs count. The machine
    for which the project's targets were set has 45.
    """
    side = 2048
    a = np.random.default_rng(0).random((side, side), np.float32)
    b, out = a.copy(), np.empty_like(a)
    best = 0.0
    for _ in range(3):
        begin = time.process_time_ns()
        np.matmul(a, b, out)
        best = max(best, side**3 / (time.process_time_ns() - begin))
    return best

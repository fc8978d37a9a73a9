"""The five seams of the frame's path, as protocols. Whoever implements one says so in its docstring.

Each object is used by one thread only, and closed once, by its owner; nothing is called on it afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lensd.frames import F32, U8, Face, Layer, Picture, RawFrame, TensorSpec, VideoFormat


class Closeable(Protocol):
    """Owns something of the system's."""

    def close(self) -> None:
        """Give it back. Called exactly once, also after an error."""


class FrameSource(Closeable, Protocol):
    """Where frames come from."""

    @property
    def name(self) -> str:
        """The camera's name as people know it, such as "Integrated Camera"."""

    @property
    def format(self) -> VideoFormat:
        """What the camera really gives, never what it was asked for."""

    def read(self, timeout_s: float) -> RawFrame:
        """Return the newest frame, at the camera's own pace.

        Raises:
            SourceTimeout: none within `timeout_s`.
            CameraMissing: unplugged, or the file has ended.
            CameraError: anything else; the source is to be closed and opened again.
        """


class FrameSink(Closeable, Protocol):
    """Where pictures go; size, format and rate are fixed for its life."""

    @property
    def name(self) -> str:
        """Where the pictures can be seen, such as "SnapLens Camera (/dev/video10)"."""

    @property
    def format(self) -> VideoFormat:
        """Size and rate of every picture written."""

    @property
    def node(self) -> Path | None:
        """The device that other programs may have open; None where there is none."""

    def fileno(self) -> int:
        """Return the descriptor of that device; -1 where there is none."""

    def begin(self) -> U8:
        """Return where the next picture is to be written: (H * 3 // 2 * W,) uint8, I420, BT.601 limited.

        What it holds before is undefined. Begin again to abandon a picture; there is then another place, or the same.

        Raises:
            SinkError: the sink is to be closed and opened again.
        """

    def commit(self) -> None:
        """Publish the picture that was written where the last `begin` said. That place is the sink's again.

        Raises:
            SinkError: it could not be published; the sink is to be closed and opened again.
        """

    def write(self, picture: U8) -> None:
        """Publish a copy of one picture: `begin`, copy, `commit`.

        Raises:
            SinkError: it could not be written; the sink is to be closed and opened again.
        """

    def overwrite(self, picture: U8) -> None:
        """Publish a copy of one picture, and leave no other one where a reader that comes later could see it.

        Raises:
            SinkError: it could not be written; the sink is to be closed and opened again.
        """


class FaceTracker(Closeable, Protocol):
    """Where the faces are; keeps state from frame to frame."""

    def update(self, picture: Picture, captured_ns: int) -> tuple[Face, ...]:
        """Return the faces of this picture, those known longest first; empty where there is none."""

    def reset(self) -> None:
        """Forget all faces: another camera follows."""


class Engine(Closeable, Protocol):
    """One network, loaded and ready."""

    @property
    def runtime(self) -> str:
        """Its name, one of `lensd.config.RuntimeChoice` but auto."""

    @property
    def input(self) -> TensorSpec:
        """What goes in."""

    @property
    def output(self) -> TensorSpec:
        """What comes out."""

    def infer(self, x: U8, out: U8 | F32) -> None:
        """Run the network once.

        Args:
            x: as `input` says, C-contiguous; not modified.
            out: as `output` says, C-contiguous; written whole. The caller owns both.

        Raises:
            EngineError: a buffer is not as specified (nothing was run), or the runtime failed (the engine is to be
                closed).
        """


@runtime_checkable
class BatchEngine(Protocol):
    """What an engine has besides, where several pictures in one run cost less than one run each: on a GPU.

    On a processor they do not: 2 and 4 faces of thug-life take 0.99 and 1.00 times as long in one batch (one thread of
    a Zen 3, `bench/batch.py`).
    """

    @property
    def faces(self) -> int:
        """How many pictures at most."""

    def infer_many(self, x: U8, out: U8) -> None:
        """Run the network once for `len(x)` pictures; buffers as for `Engine.infer` but for their first side.

        Raises:
            EngineError: as `Engine.infer`.
        """


@runtime_checkable
class BatchLens(Protocol):
    """What a lens has besides, where it can draw all faces at once."""

    @property
    def most_at_once(self) -> int:
        """How many faces; 1 where nothing is gained by it."""

    def draw_all(self, picture: Picture, faces: Sequence[Face]) -> list[Layer | None]:
        """Return what `Lens.draw` returns for each of at most that many faces.

        Raises:
            EngineError: the network could not be run.
        """


class Lens(Closeable, Protocol):
    """What a face becomes."""

    @property
    def name(self) -> str:
        """As in `lensd switch NAME`."""

    def draw(self, picture: Picture, face: Face) -> Layer | None:
        """Return what to lay over `picture` for `face`, or None for nothing. The picture is not modified.

        The layer stays as it is while the lens draws MOST_FACES - 1 others (`lensd.frames`): so all are drawn before
        the first is laid over, and no lens sees the paint of another face.

        Raises:
            EngineError: the network could not be run.
        """

    def follow(self, face: Face) -> Layer | None:
        """Return what was last drawn for `face`, moved to where the face is now, without running a network.

        None where there is nothing to move: it is then to be drawn, which is cheap, or the face is new.
        """

"""The thread that turns frames into pictures: decode, track, draw, blend, publish."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from lensd.composite.blend import Compositor
from lensd.composite.depth import far_to_near
from lensd.composite.points import draw_points
from lensd.config import NO_LENS
from lensd.errors import CameraError, LensdError
from lensd.frames import Picture
from lensd.mailbox import MailboxClosed
from lensd.metrics import Metrics
from lensd.pipeline.conditions import Condition, State
from lensd.pipeline.doubt import Doubt
from lensd.pipeline.overload import Overload
from lensd.ports import BatchLens

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.config import Settings
    from lensd.frames import Face, Layer, RawFrame
    from lensd.pipeline.capture import Capture
    from lensd.pipeline.conditions import Conditions
    from lensd.pipeline.loader import LensLoader, Loaded, Order, Outcome
    from lensd.ports import Lens

log = logging.getLogger(__name__)

STAGES = ("decode", "track", "lens", "blend", "publish")
_IDLE_S = 0.1  # how soon a switch is carried out while no frames come
_BROKEN_S = 1.0  # single broken frames are left out; this long nothing but broken ones is a broken camera
_BACK_OFF_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
_MENDING_S = 1.0  # so long the last picture stands while a lens that has failed is loaded again; the keeper allows 2 s
_HANGS_S = 1.0  # in one run of a network; the keeper ends the worker after two seconds without a picture
_MENDED = 60  # pictures after which a failure is forgotten


class Outlet(Protocol):
    """Where pictures are written and given away, as `SharedPictureWriter`."""

    def slot(self) -> Picture:
        """Return the picture to be filled next."""

    def publish(self, captured_ns: int) -> int:
        """Give the filled picture away."""


class Render:
    """One frame after another, the newest first; owns the lens from the moment it is loaded.

    A chosen lens that is loading or has failed never shows the bare face: without a lens to draw nothing is
    published, and the conditions say why.
    """

    def __init__(
        self,
        capture: Capture,
        loader: LensLoader,
        conditions: Conditions,
        outlet: Outlet,
        decode: Callable[[RawFrame, Picture], None],
        settings: Settings,
        lens: str,
        switched: Callable[[Order, LensdError | None], None],
        failed: Callable[[LensdError], None] = lambda _error: None,
    ) -> None:
        """Make it; `start` begins.

        Args:
            capture, loader, conditions: the other parts; not owned.
            outlet: filled and published by this thread only.
            decode: a frame into a picture, all of it; raises CameraError for a broken one.
            settings: `no_face` and `show_points` are looked at.
            lens: the one to begin with, which the loader has been told of.
            switched: told what has come of each order.
            failed: told of the error of a lens that failed while it drew, before it is loaded again.
        """
        self._capture, self._loader, self._conditions = capture, loader, conditions
        self._outlet, self._decode, self._settings = outlet, decode, settings
        self._switched, self._told_failed = switched, failed
        self._compositor = Compositor()
        self._loaded: Loaded | None = None
        self._chosen = lens
        self._lens_failure: LensdError | None = None
        self._failures = self._unbroken = 0
        self._mending_until = 0.0
        self._broken_since: float | None = None
        self._held: Picture | None = None
        self._camera_opened = 0
        self._drawing_since_ns = 0
        self._doubt = Doubt()
        self.metrics = Metrics(STAGES)
        self.overload = Overload(settings.fps)
        self.faces = 0
        self._thread = threading.Thread(target=self._run, name="render")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread's end, which the capture's brings; tell whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def lens(self) -> str | None:
        """The lens that is drawn at the moment."""
        loaded = self._loaded
        return loaded.lens.name if loaded else None

    @property
    def runtime(self) -> str | None:
        """What its network runs in."""
        loaded = self._loaded
        return loaded.runtime if loaded else None

    @property
    def doubt(self) -> str:
        """What is odd about the camera's pictures at the moment; empty where nothing is."""
        return self._doubt.note

    @property
    def hangs(self) -> str:
        """Which lens has been drawing one picture for far too long, and in what; empty where none has."""
        since_ns, where = self._drawing_since_ns, f"lens {self.lens} in {self.runtime or 'no network'}"
        spent_s = (time.monotonic_ns() - since_ns) / 1e9 if since_ns else 0.0
        return f"{where} has not answered for {spent_s:.1f} s" if spent_s > _HANGS_S else ""

    def _run(self) -> None:
        with suppress(MailboxClosed):
            while True:
                if outcome := self._loader.outcome():
                    self._carry_out(outcome)
                self._turn()
        if self._loaded is not None:
            self._loaded.lens.close()

    def _carry_out(self, outcome: Outcome) -> None:
        """Change to the lens that was loaded; after a failure the old one stays, if there is one."""
        order, error = outcome.order, outcome.error
        if outcome.loaded is not None:
            if self._loaded is not None:
                self._loader.dispose(self._loaded.lens)
            self._loaded, self._chosen = outcome.loaded, order.lens
            self._lens_failure, self._held = None, None
            self.overload.reset()
            self._mending_until = 0.0
            log.info("Lens %s is on air, in %s", order.lens, outcome.loaded.runtime or "no network")
        elif self._loaded is None:
            self._mending_until = 0.0
            if not order.identity:
                self._chosen, self._lens_failure = order.lens, error
            self._try_again()
        self._switched(order, error)

    def _try_again(self) -> None:
        """Have the chosen lens loaded again, the first time at once: another runtime may take it."""
        self._loader.try_again(self._chosen, _BACK_OFF_S[min(self._failures, len(_BACK_OFF_S) - 1)])
        self._failures += 1

    def _turn(self) -> None:
        """Take a frame, if there is one in time, and make a picture of it, if one is due."""
        with self._capture.frames.using(_IDLE_S) as frame:
            loaded, why = self._loaded, self._nothing_to_draw()
            if frame is None:
                return
            if loaded is None or why is not None:
                if time.monotonic() < self._mending_until:
                    return
                self._conditions.held_back(why or Condition(State.LOADING))
                return
            mark = begin = self.metrics.begin()
            picture = self._outlet.slot()
            if not self._decoded(frame, picture):
                return
            captured_ns = frame.captured_ns
            moved = self.overload.begin(frame.sequence, captured_ns)
        mark = self.metrics.lap("decode", mark)
        faces: tuple[Face, ...] = ()
        if loaded.tracker is not None:
            if self._camera_opened != self._capture.opened:
                self._camera_opened = self._capture.opened
                loaded.tracker.reset()
            faces = loaded.tracker.update(picture, captured_ns)
            mark = self.metrics.lap("track", mark)
        self.faces = len(faces)
        try:
            layers, lens_ns = self._layers(picture, faces, loaded.lens, moved)
            drawn = self._laid(picture, faces, layers, loaded)
        except LensdError as error:
            self._lens_has_failed(error)
            return
        if drawn:
            self._publish(picture, captured_ns)
        else:
            self._conditions.held_back(Condition(State.NO_FACE))
        self.overload.done((self.metrics.begin() - begin) / 1e9, lens_ns / 1e9 if lens_ns else None)

    def _nothing_to_draw(self) -> Condition | None:
        """Return why no picture may go out at the moment."""
        if self._loaded is not None and self._loaded.lens.name != NO_LENS:
            return None
        # The user has chosen a lens: until it is here, the bare face is not shown.
        if (awaited := self._loader.awaited) not in {None, NO_LENS}:
            return Condition(State.LOADING, f"lens {awaited}")
        if self._loaded is not None:
            return None
        if self._lens_failure is not None:
            return Condition(State.LENS_FAILED, str(self._lens_failure))
        return Condition(State.LOADING)

    def _decoded(self, frame: RawFrame, picture: Picture) -> bool:
        """Decode `frame` into `picture`; tell whether it could be."""
        try:
            self._decode(frame, picture)
        except CameraError as error:
            now = time.monotonic()
            if self._broken_since is None:
                self._broken_since = now
            elif now - self._broken_since > _BROKEN_S:
                self._broken_since = None
                self._capture.complain(error)
            return False
        self._broken_since = None
        if frame.sensor and (why := self._doubt.look(picture.y, time.monotonic())):
            self._capture.complain(CameraError(self._capture.name or "the camera", why))
        return True

    def _layers(
        self, picture: Picture, faces: tuple[Face, ...], lens: Lens, moved: bool
    ) -> tuple[list[tuple[Layer | None, float]], int]:
        """Return each face's layer with its opacity, the farthest first, and how long drawing them took, ns.

        Where `moved`, the last layers are moved along with their faces, and faces that have none yet are drawn.

        Raises:
            EngineError: the lens's network could not be run.
        """
        mark, drawn = self.metrics.begin(), False
        self._drawing_since_ns = time.monotonic_ns()
        ordered = far_to_near(faces)
        layers: list[Layer | None]
        if not moved and isinstance(lens, BatchLens) and 1 < len(ordered) <= lens.most_at_once:
            layers, drawn = lens.draw_all(picture, ordered), True
        else:
            layers = []
            for face in ordered:
                layer = lens.follow(face) if moved else None
                if layer is None:
                    layer, drawn = lens.draw(picture, face), True
                layers.append(layer)
        self._drawing_since_ns = 0
        spent = self.metrics.lap("lens", mark) - mark if drawn else 0
        return [(layer, face.opacity) for layer, face in zip(layers, ordered, strict=True)], spent

    def _laid(
        self,
        picture: Picture,
        faces: tuple[Face, ...],
        layers: list[tuple[Layer | None, float]],
        loaded: Loaded,
    ) -> bool:
        """Lay the layers over the picture, in place; False where no picture is to be shown."""
        mark = self.metrics.begin()
        # Where the bare face is never shown, it is not shown for the tenths of a second of a fade either.
        fades = self._settings.no_face == "pass"
        for layer, opacity in layers:
            if layer is not None:
                self._compositor.blend(picture, layer, opacity if fades else 1.0)
        if any(layer is not None for layer, _ in layers):
            self.metrics.lap("blend", mark)
        if self._settings.show_points:
            for face in faces:
                draw_points(picture, face.landmarks_px)
        if loaded.lens.name == NO_LENS or self._settings.no_face == "pass":
            return True
        if self._settings.no_face == "hold":
            return self._holds(picture, lensed=bool(faces))
        return bool(faces)

    def _holds(self, picture: Picture, *, lensed: bool) -> bool:
        """Keep a lensed picture; put the last one in place of one without a face. False where there is none yet."""
        if lensed:
            if self._held is None:
                self._held = Picture(picture.width, picture.height)
            self._held.data[:] = picture.data
        elif self._held is not None:
            picture.data[:] = self._held.data
        return self._held is not None

    def _publish(self, picture: Picture, captured_ns: int) -> None:
        mark = self.metrics.begin()
        self._outlet.publish(captured_ns)
        self.metrics.lap("publish", mark)
        self.metrics.published(captured_ns)
        self._conditions.pictures_go_out()
        self._unbroken += 1
        if self._unbroken == _MENDED:
            self._failures = 0

    def _lens_has_failed(self, error: LensdError) -> None:
        """Take the lens off air, rather than show the bare face, and have it loaded again."""
        log.error("Lens %s failed: %s", self._chosen, error)
        if self._loaded is not None:
            self._loader.dispose(self._loaded.lens)
        self._loaded, self._lens_failure, self._unbroken, self._drawing_since_ns = None, error, 0, 0
        self._told_failed(error)
        if self._failures == 0:
            self._mending_until = time.monotonic() + _MENDING_S
        else:
            self._conditions.held_back(Condition(State.LENS_FAILED, str(error)))
        self._try_again()

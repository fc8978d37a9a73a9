"""From a lens's name to lens, tracker and runtime, for the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lensd.config import NO_LENS
from lensd.errors import EngineError, LensError
from lensd.lens.none import NoLens
from lensd.pipeline.loader import Loaded

if TYPE_CHECKING:
    from lensd.config import Settings
    from lensd.errors import LensdError
    from lensd.ports import Engine, FaceTracker
    from lensd.tuning.tuner import Tuner


class LensMaker:
    """Loads lenses, and the one tracker that they share when the first of them needs it; owns the tracker.

    Lens "none" needs no faces, so neither a runtime nor the cascade is loaded for it: 70 MB and 0.3 s.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the runtime and whether points are to be shown from `settings`."""
        self._settings = settings
        self._tracker: FaceTracker | None = None
        self._tuner: Tuner | None = None

    def __call__(self, name: str) -> Loaded:
        """Load lens `name`, warmed up. Called by the loader's thread only.

        Raises:
            LensError: no such lens, or a package that fails a check.
            EngineError: its network, or the tracker's, cannot be run here.
        """
        if name == NO_LENS:
            self._forget()
            return Loaded(NoLens(), self._shared_tracker() if self._settings.show_points else None, None)
        # Here, and so in the loader's thread: runtimes are loaded while the camera is being opened.
        from lensd.lens.open import find_package, lens_of
        from lensd.lens.package import open_package
        from lensd.tuning.tuner import Tuner

        if (path := find_package(name)) is None:
            raise LensError(f"lens {name}", "there is no such lens", "lensd lenses")
        tracker, package = self._shared_tracker(), open_package(path)
        if package.manifest.generator is None:
            self._forget()
            return Loaded(lens_of(package, _no_engine), tracker, None)
        if self._tuner is None:
            self._tuner = Tuner(self._settings.runtime)
        lens, way = self._tuner.open(package)
        return Loaded(lens, tracker, way.runtime)

    def failed(self, error: LensdError) -> None:
        """Take note that the lens on air has failed; the next load is in another runtime, where there is one."""
        if self._tuner is not None and isinstance(error, EngineError):
            self._tuner.failed(error.why)

    def faster(self) -> str | None:
        """Go on measuring runtimes; return the lens that is to be loaded again, because it can run faster."""
        return self._tuner.turn() if self._tuner is not None else None

    def status(self) -> dict[str, Any]:
        """Return what is known of the runtimes for the lens on air, as `Tuner.status`."""
        return self._tuner.status() if self._tuner is not None else {}

    def end_measuring(self) -> None:
        """End what is being measured."""
        if self._tuner is not None:
            self._tuner.close()

    def _forget(self) -> None:
        if self._tuner is not None:
            self._tuner.forget()

    def close(self) -> None:
        """Close the tracker, when no thread uses it any more."""
        if self._tracker is not None:
            self._tracker.close()

    def _shared_tracker(self) -> FaceTracker:
        if self._tracker is None:
            from lensd.engine.select import open_engine
            from lensd.face.landmarks import LandmarkNetwork, read_landmarks_network
            from lensd.face.tracker import MeshTracker

            # On the processor, whatever the lens runs in: 3 ms there, and a lens on the GPU has it to itself.
            engine = open_engine(read_landmarks_network(), runtime="onnxruntime", name="face tracker")
            self._tracker = MeshTracker(LandmarkNetwork(engine))
        return self._tracker


def _no_engine(_network: bytes) -> Engine:
    """Stand where an overlay's engine would be made: it has no network.

    Raises:
        EngineError: always.
    """
    raise EngineError("an overlay", "has no network to run")

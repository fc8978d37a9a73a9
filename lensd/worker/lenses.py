"""From a lens's name to lens, tracker and runtime, for the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lensd.config import NO_LENS
from lensd.lens.none import NoLens
from lensd.pipeline.loader import Loaded

if TYPE_CHECKING:
    from lensd.config import Settings
    from lensd.ports import Engine, FaceTracker


class LensMaker:
    """Loads lenses, and the one tracker that they share when the first of them needs it; owns the tracker.

    Lens "none" needs no faces, so neither a runtime nor the cascade is loaded for it: 70 MB and 0.3 s.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the runtime and whether points are to be shown from `settings`."""
        self._settings = settings
        self._tracker: FaceTracker | None = None

    def __call__(self, name: str) -> Loaded:
        """Load lens `name`, warmed up. Called by the loader's thread only.

        Raises:
            LensError: no such lens, or a package that fails a check.
            EngineError: its network, or the tracker's, cannot be run here.
        """
        if name == NO_LENS:
            return Loaded(NoLens(), self._shared_tracker() if self._settings.show_points else None, None)
        # Here, and so in the loader's thread: runtimes are loaded while the camera is being opened.
        from lensd.engine.select import open_engine
        from lensd.lens.open import open_lens

        runtime: str | None = None

        def make_engine(network: bytes) -> Engine:
            nonlocal runtime
            engine = open_engine(network, runtime=self._settings.runtime, name=f"lens {name}")
            runtime = engine.runtime
            return engine

        tracker = self._shared_tracker()
        lens = open_lens(name, make_engine)
        return Loaded(lens, tracker, runtime)

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

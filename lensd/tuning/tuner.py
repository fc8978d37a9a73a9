"""Opens each lens in the fastest way that is known on this machine, and finds out what is not known yet."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from lensd.engine.select import builds_for_long, candidates, needs_plan, open_engine
from lensd.errors import EngineError, GoldenMismatch, RuntimeMissing
from lensd.lens.open import lens_of
from lensd.tuning.machine import key_of, precisions
from lensd.tuning.measuring import Measuring
from lensd.tuning.notes import Measured, Notes, Way
from lensd.tuning.order import PROCESSORS_OWN, Order, order_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.config import RuntimeChoice
    from lensd.lens.manifest import Precision
    from lensd.lens.package import LensPackage
    from lensd.ports import Lens

_log = logging.getLogger(__name__)

_SETTLED_S = 2.0  # a lens that comes on air has the machine to itself for so long
_POLL_S = 0.02


@dataclass(slots=True)
class _Tuned:
    """One lens as it is on air, or about to be."""

    package: LensPackage
    key: dict[str, Any]
    safe: Way
    ways: tuple[Way, ...]
    refused: dict[str, str]
    known: dict[Way, Measured]
    way: Way
    since_s: float

    @property
    def unmeasured(self) -> list[Way]:
        """What is still to be measured; nothing where there is nothing to choose from."""
        return [way for way in self.ways if way not in self.known] if {*self.ways} - {self.safe} else []

    def file_of(self, way: Way) -> tuple[str, str]:
        """Return a runtime and the SHA-256 of what it would run: by this a failure is remembered."""
        return way.runtime, self.key["networks"][way.precision]


class Tuner:
    """Which way runs which lens. `open` and `failed` may be called by other threads than the rest.

    While nothing is known a lens runs in ONNX Runtime in float32, which opens at once; the other ways are measured in
    the background, one at a time, and `turn` tells when a faster one was found.
    """

    def __init__(self, runtime: RuntimeChoice = "auto", notes: Notes | None = None) -> None:
        """Take what the user asked for: a runtime's name, or "auto"."""
        self._runtime, self._notes = runtime, notes or Notes()
        self._lock = threading.Lock()
        self._patient: set[str] = set()
        self._failed: dict[tuple[str, str], str] = {}
        self._again: set[tuple[str, str]] = set()
        self._tuned: _Tuned | None = None
        self._measuring: tuple[_Tuned, Measuring] | None = None

    def open(self, package: LensPackage, *, patient: bool = False) -> tuple[Lens, Way]:
        """Return the lens in a generator's package, ready to draw, and how it runs.

        Args:
            package: whose lens.
            patient: nobody waits for the lens, so the fastest way may take over half a second to load.

        Raises:
            RuntimeMissing: the runtime that was asked for by name is not here.
            LensError, EngineError: as `lens_of`, in every way that there is.
        """
        tuned = self._looked_at(package)
        order = self._order(tuned, patient=patient or package.name in self._patient)
        failure: EngineError | GoldenMismatch | None = None
        for way in order.ways:
            make = partial(
                open_engine, runtime=cast("RuntimeChoice", way.runtime), name=f"lens {package.name}", may_build=False
            )
            try:
                lens = lens_of(package, make, cast("Precision", way.precision))
            except (EngineError, GoldenMismatch) as error:
                failure = error
                if needs_plan(way.runtime) and tuned.file_of(way) not in self._again:
                    self._again.add(tuned.file_of(way))
                    tuned.known.pop(way, None)  # its plan is gone or of no use: built and measured once more
                else:
                    self._failed[tuned.file_of(way)] = error.why
                _log.warning("lens %s does not run in %s: %s", package.name, way, error.why)
                continue
            tuned.way, tuned.since_s = way, time.monotonic()
            with self._lock:
                self._tuned = tuned
            _log.info("lens %s runs in %s%s", package.name, way, self._reasons(tuned))
            return lens, way
        if failure is not None:
            raise failure
        raise RuntimeMissing(f"lens {package.name}", "there is no runtime to run it", "lensd doctor")

    def measure(self, package: LensPackage, tell: Callable[[Way], None] = lambda _way: None) -> Way:
        """Measure now what is not known of a generator, and return its fastest way; a second or two for each.

        Plans that take up to a minute to build are left to the daemon, which has the time.

        Args:
            package: whose networks.
            tell: told what is measured next.

        Raises:
            RuntimeMissing: the runtime that was asked for by name is not here.
        """
        tuned = self._looked_at(package)
        for way in tuned.unmeasured:
            if builds_for_long(way.runtime):
                continue
            tell(way)
            with closing(self._measuring_of(tuned, way)) as measuring:
                while (measured := measuring.advance()) is None:
                    time.sleep(_POLL_S)
            self._note(tuned, measured)
        return self._order(tuned, patient=True).ways[0]

    def failed(self, why: str) -> None:
        """The lens on air failed while it drew: what ran it is out of use, as long as this process lives.

        But for the last resort, which is tried again.
        """
        with self._lock:
            tuned = self._tuned
        if tuned is not None:
            self._failed[tuned.file_of(tuned.way)] = why

    def turn(self) -> str | None:
        """Go on measuring, without waiting; return the lens for which `open` has a faster way now, if there is one."""
        with self._lock:
            tuned = self._tuned
        if self._measuring is not None:
            measured_for, measuring = self._measuring
            if tuned is None or tuned.key != measured_for.key:
                self._stop()
            elif (measured := measuring.advance()) is not None:
                self._stop()
                self._note(tuned, measured)
        if tuned is None or self._measuring is not None or time.monotonic() - tuned.since_s < _SETTLED_S:
            return None
        if left := tuned.unmeasured:
            self._measuring = tuned, self._measuring_of(tuned, left[0])
            return None
        return self._better(tuned)

    def status(self) -> dict[str, Any]:
        """Return what runs the lens, and why not something else; JSON can carry it. Empty without a network."""
        with self._lock:
            tuned = self._tuned
        if tuned is None:
            return {}
        measuring = self._measuring
        known = sorted(tuned.known.values(), key=lambda row: (row.ms is None, row.ms or 0))
        failures = dict(self._failed)
        failed = {way: failures[tuned.file_of(way)] for way in tuned.ways if tuned.file_of(way) in failures}
        return {
            "precision": tuned.way.precision,
            "measured": [{"way": str(row.way), "ms": row.ms, "golden_db": row.psnr_db} for row in known if not row.why],
            "refused": [
                *({"way": name, "why": why} for name, why in tuned.refused.items()),
                *({"way": str(row.way), "why": row.why} for row in known if row.why and row.way not in failed),
                *({"way": str(way), "why": why} for way, why in failed.items()),
            ],
            "measuring": None
            if measuring is None
            else {"way": str(measuring[1].way), "progress": measuring[1].progress},
        }

    def forget(self) -> None:
        """Take note that a lens without a network is on air now."""
        with self._lock:
            self._tuned = None

    def close(self) -> None:
        """End what is being measured."""
        self._stop()

    def _looked_at(self, package: LensPackage) -> _Tuned:
        """Return what this machine and the package have.

        Raises:
            RuntimeMissing: not what was asked for by name.
        """
        asked = self._runtime
        there, refused = [], {}
        for candidate in candidates():
            if asked not in {"auto", candidate.runtime}:
                continue
            if candidate.available:
                there.append(candidate.runtime)
                continue
            if asked != "auto":
                raise RuntimeMissing(asked, candidate.why, candidate.hint)
            refused[candidate.runtime] = candidate.why
        ways = tuple(Way(runtime, precision) for runtime in there for precision in precisions(package))
        # Where a plan was asked for by name, the processor serves while it is built.
        own = PROCESSORS_OWN if asked == "auto" or needs_plan(asked) else asked
        safe, key = Way(own, "float32"), key_of(package)
        return _Tuned(package, key, safe, ways, refused, self._notes.load(key), safe, 0.0)

    @staticmethod
    def _measuring_of(tuned: _Tuned, way: Way) -> Measuring:
        network = tuned.package.network_in(cast("Precision", way.precision))
        digest = hashlib.sha256(network).hexdigest()
        return Measuring(tuned.package.path, way, digest, builds=needs_plan(way.runtime))

    def _note(self, tuned: _Tuned, measured: Measured) -> None:
        tuned.known[measured.way] = measured
        self._notes.store(tuned.key, tuned.known.values())
        told = f"{measured.ms:g} ms a frame" if measured.ms is not None else f"refused: {measured.why}"
        _log.info("lens %s in %s: %s", tuned.package.name, measured.way, told)

    def _better(self, tuned: _Tuned) -> str | None:
        """Return the lens's name where another way than that on air is wanted."""
        best = self._order(tuned, patient=True).best
        if best is None or best == tuned.way:
            return None
        self._patient.add(tuned.package.name)
        tuned.since_s = time.monotonic()  # asked for again in two seconds, where something else is being loaded now
        return tuned.package.name

    def _order(self, tuned: _Tuned, *, patient: bool) -> Order:
        failed = {way for way in tuned.ways if tuned.file_of(way) in self._failed}
        return order_of(tuned.safe, tuned.ways, tuned.known, failed, patient=patient)

    def _stop(self) -> None:
        if self._measuring is not None:
            self._measuring[1].close()
            self._measuring = None

    def _reasons(self, tuned: _Tuned) -> str:
        reasons = [f"{name}: {why}" for name, why in tuned.refused.items()]
        reasons += [f"{row.way}: {row.why}" for row in tuned.known.values() if row.why]
        return f" ({'; '.join(reasons)})" if reasons else ""

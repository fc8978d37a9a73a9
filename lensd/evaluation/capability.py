"""What this machine can do: every lens at every size, measured, and said in words."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from lensd.config import NO_LENS
from lensd.evaluation.frame_path import FramePath
from lensd.evaluation.rehearsal import Rehearsal, golden_face
from lensd.frames import PixelFormat, VideoFormat
from lensd.lens.open import find_package
from lensd.lens.package import open_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lensd.config import RuntimeChoice
    from lensd.frames import RawFrame

SIZES: Final = ((640, 480), (1280, 720), (1920, 1080))
FORMATS: Final = (PixelFormat.MJPG, PixelFormat.YUYV)
_FACE_OF = "thug-life"  # whose golden picture is the person
_FRAMES, _WARM_UP = 16, 8
_PERIOD_MS = 1000 / 30
# What else a call does (its own encoding above all) needs room too, and a notebook slows down when it is warm.
_WELL = 0.75
_NS = 33_333_333


@dataclass(frozen=True, slots=True)
class Figure:
    """One lens at one size, from a webcam's frame to the written picture.

    Attributes:
        lens, runtime: what drew, and what its network ran in; no runtime where it has no network.
        width, height: of frame and picture. pixels: the webcam's format, "MJPG" or "YUYV".
        median_ms, worst_ms: of one core's time a picture; the second worst of 16 is the worst, for what happens once.
        busy: how many times as long it took by the clock; well over 1 where other programs want the machine too.
    """

    lens: str
    runtime: str | None
    width: int
    height: int
    pixels: str
    median_ms: float
    worst_ms: float
    busy: float

    @property
    def share(self) -> float:
        """Of one core's time, at 30 pictures a second."""
        return self.median_ms / _PERIOD_MS

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON carries them."""
        return {name: round(value, 2) if isinstance(value, float) else value for name, value in asdict(self).items()}


class Survey:
    """Measures lens after lens; frames are made once for each size."""

    def __init__(self, runtime: RuntimeChoice = "auto") -> None:
        """Take the runtime for the lenses' networks."""
        self._runtime: RuntimeChoice = runtime
        self._face = golden_face(open_package(_path_of(_FACE_OF)))
        self._frames: dict[tuple[int, int, PixelFormat], list[RawFrame]] = {}

    def measure(self, lens: str, size: tuple[int, int]) -> list[Figure]:
        """Return a figure for each pixel format; 0.5 to 1 s.

        Raises:
            LensError: no such lens, or a damaged one. EngineError: its network cannot be run here.
        """
        video, found = VideoFormat(*size, 30), []
        with FramePath(lens, video, self._runtime) as path:
            for pixels in FORMATS:
                frames = self._frames_of(video, pixels)
                path.rehearse(frames[:_WARM_UP])
                begin, before = time.monotonic(), time.thread_time()
                taken = sorted(path.rehearse(frames[_WARM_UP:]))
                busy = (time.monotonic() - begin) / max(time.thread_time() - before, 1e-9)
                found.append(Figure(lens, path.runtime, *size, pixels.name, median(taken), taken[-2], busy))
        return found

    def _frames_of(self, video: VideoFormat, pixels: PixelFormat) -> list[RawFrame]:
        key = (video.width, video.height, pixels)
        if key not in self._frames:
            rehearsal = Rehearsal(*self._face, video)
            self._frames[key] = [rehearsal.frame(n, pixels, 10**9 + n * _NS) for n in range(_WARM_UP + _FRAMES)]
        return self._frames[key]


def survey(
    lenses: Sequence[str], runtime: RuntimeChoice, limit_s: float, tell: Callable[[], None]
) -> tuple[list[Figure], list[str]]:
    """Measure `lenses` at all sizes, and return the figures and the lenses for which there was no time.

    Args:
        lenses: names; "none" is the path without a network.
        runtime: for their networks.
        limit_s: no lens is begun later.
        tell: called after each lens and size.

    Raises:
        LensError, EngineError: as `Survey.measure`.
    """
    measured, figures, left_out = Survey(runtime), list[Figure](), list[str]()
    end = time.monotonic() + limit_s
    for lens in lenses:
        if time.monotonic() > end:
            left_out.append(lens)
        for size in SIZES:
            if lens not in left_out:
                figures += measured.measure(lens, size)
            tell()
    return figures, left_out


def processor() -> str:
    """Return the processor's name, as the kernel has it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.machine()


def in_words(figures: Sequence[Figure]) -> list[str]:
    """Return what the figures mean for somebody who wants to be seen: one sentence a line."""
    told = [_lens_in_words(lens, [each for each in figures if each.lens == lens]) for lens in _names(figures)]
    drawn = [each for each in figures if each.lens != NO_LENS]
    slowest = {size: max((e for e in drawn if (e.width, e.height) == size), key=_taken, default=None) for size in SIZES}
    fits = [size for size, worst in slowest.items() if worst is not None and worst.worst_ms <= _WELL * _PERIOD_MS]
    if fits:
        width, height = fits[-1]
        told.append(f"Every lens measured runs well at {width}x{height}: lensd run --size {width}x{height}")
    elif drawn:
        quickest = min(drawn, key=_taken)
        told.append(
            f"Not every lens keeps up here; {quickest.lens} is the lightest: "
            f"lensd run --lens {quickest.lens} --size {quickest.width}x{quickest.height}"
        )
    saved = _saved_by_yuyv(drawn)
    if saved >= 1:
        told.append(f"A webcam that gives YUYV at 1280x720 saves {saved:.1f} ms a picture over MJPG; auto prefers it.")
    if figures and median(each.busy for each in figures) > 1.3:
        told.append("Other programs want this machine at the same time: with them ended, there is more room.")
    return told


def _lens_in_words(lens: str, figures: Sequence[Figure]) -> str:
    sizes = []
    for each in figures:
        if each.pixels == PixelFormat.MJPG.name:
            share, room = f"{each.share:.0%} of one core", each.worst_ms / _PERIOD_MS
            can = f"only {1000 / each.worst_ms:.0f} a second" if room > 1 else ("just" if room > _WELL else "")
            sizes.append(f"{each.width}x{each.height} takes {share}" + (f" ({can})" if can else ""))
    runtime = figures[0].runtime
    return f"{lens}{f' in {runtime}' if runtime else ''}: {', '.join(sizes)}."


def _taken(figure: Figure) -> float:
    return figure.worst_ms


def _saved_by_yuyv(figures: Iterable[Figure]) -> float:
    by_format = {
        pixels.name: [e.median_ms for e in figures if (e.height, e.pixels) == (720, pixels.name)] for pixels in FORMATS
    }
    return median(by_format["MJPG"]) - median(by_format["YUYV"]) if all(by_format.values()) else 0.0


def _names(figures: Iterable[Figure]) -> list[str]:
    return list(dict.fromkeys(each.lens for each in figures))


def _path_of(lens: str) -> Path:
    path = find_package(lens)
    if path is None:
        raise ValueError(f"{lens} is no package")
    return path


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))

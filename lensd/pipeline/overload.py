"""What gives way first where the machine cannot keep the rate: the lens's network, on every second frame.

Between, the layers that it last painted are moved along with the faces, which the tracker finds on every frame.
"""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)

_ENTER = 0.92  # of a period, for a whole frame: from here on the camera's frames begin to be replaced
_LEAVE = 0.75  # well below, so that it does not go to and fro
_SHARE_MIN = 0.15  # of a period: a lens that takes less is not what is wrong
_FRAMES = 16  # that the means look back on, half a second
_CLIP = 2.0  # periods: a single long frame (another lens is being loaded) counts as no more
_CALM_S, _CALM_MAX_S = 3.0, 60.0  # with room to spare for so long: every frame again; longer each time it was too early
_TOO_EARLY_S = 15.0


class Overload:
    """Says for each frame whether the network is to run. Used by one thread; `every_second` may be read by any.

    All costs are times by the clock, not the processor's: a core that others take away is as slow as a slow one.

    Attributes:
        every_second: whether the network runs on every second frame only.
    """

    def __init__(self, fps: float) -> None:
        """Begin with every frame; `fps` is the nominal rate, until the camera's own is known."""
        self.every_second = False
        self._period_s = 1 / fps
        self._periods = 0
        self._last: tuple[int, int] | None = None
        self._rest_s = self._lens_s = 0.0
        self._busy_frames = self._seen = 0
        self._calm_since: float | None = None
        self._calm_s = _CALM_S
        self._now_s, self._left_at = 0.0, float("-inf")
        self._moved = False

    def begin(self, sequence: int, captured_ns: int) -> bool:
        """Take note of the next frame; return True where its layers are to be moved rather than painted.

        Args:
            sequence, captured_ns: of the frame; they tell the camera's rate even where frames were replaced.
        """
        if self._last is not None and sequence > self._last[0]:
            period_s = (captured_ns - self._last[1]) / 1e9 / (sequence - self._last[0])
            if 0.002 < period_s < 1.0:
                self._periods += 1
                self._period_s += (period_s - self._period_s) / min(self._periods, _FRAMES)
        self._last, self._now_s = (sequence, captured_ns), captured_ns / 1e9
        self._moved = self.every_second and not self._moved
        return self._moved

    def done(self, whole_s: float, lens_s: float | None) -> None:
        """Take note of what the frame took, from when it was taken to when it was published.

        Args:
            whole_s: all of it.
            lens_s: the networks' part of it; None where no network ran.
        """
        most = _CLIP * self._period_s
        self._rest_s += (min(whole_s - (lens_s or 0.0), most) - self._rest_s) / min(self._seen + 1, _FRAMES)
        self._seen += 1
        if lens_s is None:
            return
        self._lens_s += (min(lens_s, most) - self._lens_s) / min(self._seen, _FRAMES)
        if self.every_second:
            self._look_for_calm()
        elif self._whole > _ENTER * self._period_s and self._lens_s > _SHARE_MIN * self._period_s:
            self._busy_frames += 1
            if self._busy_frames >= _FRAMES // 2:
                self._enter()
        else:
            self._busy_frames = 0

    def reset(self) -> None:
        """Forget what the lens takes: another one follows."""
        self.every_second = self._moved = False
        self._rest_s = self._lens_s = 0.0
        self._busy_frames = self._seen = 0
        self._calm_s = _CALM_S

    @property
    def _whole(self) -> float:
        """Seconds that a frame takes where the network runs."""
        return self._rest_s + self._lens_s

    def _enter(self) -> None:
        now = self._now_s
        early = now - self._left_at < _TOO_EARLY_S
        self._calm_s = min(2 * self._calm_s, _CALM_MAX_S) if early else _CALM_S
        self.every_second, self._calm_since, self._busy_frames = True, None, 0
        log.warning(
            "The machine is overloaded: %.0f ms a frame of %.0f ms; the lens runs on every second one",
            1e3 * self._whole,
            1e3 * self._period_s,
        )

    def _look_for_calm(self) -> None:
        now = self._now_s
        if self._whole > _LEAVE * self._period_s:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since > self._calm_s:
            self.every_second, self._left_at, self._calm_since = False, now, None
            log.info("The machine keeps up again: the lens runs on every frame")

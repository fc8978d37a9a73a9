"""Pictures that a working camera does not give: the same one for seconds, or nothing but black.

A sensor's noise makes each picture another one, so pictures that equal each other, pixel by pixel, come from a camera
that hangs; blackness may be one that woke up badly. Both may also be a lens cap, a shutter or a dark room. So it is
opened again, which nobody sees (the picture stands still already), and then less and less often while it stays so.
"""

from __future__ import annotations

import numpy as np

from lensd.frames import U8

_LOOK_S = 0.5
_AFTER_S = 6.0
_STEP = 8  # every 8th pixel of every 8th row: 14,400 at 720p
_BLACK, _FLAT = 24, 3  # mean luma and its largest deviation; 16 is black
_AGAIN_S = (0.0, 30.0, 120.0, 600.0)  # how long after the last reopening the next one may be
_WELL_S = 600.0


class Doubt:
    """Looks at decoded pictures, before anything is drawn on them; one thread's."""

    def __init__(self) -> None:
        """Begin without any doubt."""
        self.note = ""
        self._looked_s = self._since_s = 0.0
        self._black_s: float | None = None
        self._last: U8 | None = None
        self._tries, self._tried_s = 0, float("-inf")

    def look(self, luma: U8, now_s: float) -> str:
        """Judge a picture's luma, (H, W) uint8; `now_s` is CLOCK_MONOTONIC's.

        Returns:
            Why the camera is to be opened again; empty where it is not. `note` has what is to be told of it meanwhile.
        """
        if now_s - self._looked_s < _LOOK_S:
            return ""
        if now_s - self._looked_s > _AFTER_S:  # nothing was looked at meanwhile
            self._last, self._black_s = None, None
        self._looked_s = now_s
        sample = luma[_STEP // 2 :: _STEP, _STEP // 2 :: _STEP]
        if self._last is None or not np.array_equal(sample, self._last):
            self._last, self._since_s = sample.copy(), now_s
        dark = float(sample.mean()) < _BLACK and int(sample.max()) - int(sample.min()) <= _FLAT
        self._black_s = None if not dark else now_s if self._black_s is None else self._black_s
        black = self._black_s is not None and now_s - self._black_s >= _AFTER_S
        still = now_s - self._since_s >= _AFTER_S
        self.note = ""
        if black:
            self.note = "gives nothing but black: a lens cap, a shutter, or a dark room?"
        elif still:
            self.note = "gives the same picture again and again"
        return self._once_in_a_while(now_s) if self.note else ""

    def _once_in_a_while(self, now_s: float) -> str:
        if now_s - self._tried_s > _WELL_S:
            self._tries = 0
        if now_s - self._tried_s < _AGAIN_S[min(self._tries, len(_AGAIN_S) - 1)]:
            return ""
        self._tries, self._tried_s = self._tries + 1, now_s
        self._since_s, self._black_s = now_s, None
        return self.note

"""What a network has to see of a face so that it can paint what lies in a given box."""

from __future__ import annotations

import math

from trainer.pairs import Crop

# Seen whatever is painted, so that the face can be told: x0, y0, x1, y1 in face units.
_FACE = (-0.45, -0.40, 0.45, 0.30)
_ROOM = 1.45  # over the box's width: heads turn, and what they wear slides to one side of the crop
_ROOM_DOWN = 1.25
_SIDE_MIN, SIDE_MAX = 1.3, 2.4
_UP = 0.05


def crop_round(box: tuple[float, float, float, float], size_px: int, side_max: float = SIDE_MAX) -> Crop:
    """Return the crop for what is painted in `box`: the box with room to slide, and the eyes and nose.

    Args:
        box: x0, y0, x1, y1 in face units.
        size_px: pixels a side.
        side_max: at most so large, face units.
    """
    x0, y0, x1, y1 = box
    top, bottom = min(y0, _FACE[1]), max(y1, _FACE[3])
    across = 2 * max(-x0, x1, _FACE[2])
    side = min(max(_ROOM * across, _ROOM_DOWN * (bottom - top), _SIDE_MIN), side_max)
    # The face stays as near the middle as the box lets it.
    slack = max(side - _ROOM_DOWN * (bottom - top), 0.0) / 2
    away = -(top + bottom) / 2 - _UP
    up = _UP + math.copysign(max(abs(away) - slack, 0.0), away)
    return Crop(round(side, 3), round(up, 3), size_px)

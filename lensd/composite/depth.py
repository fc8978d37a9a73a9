"""Which face is before which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lensd.frames import Face


def far_to_near(faces: Iterable[Face]) -> list[Face]:
    """Return `faces` in the order in which to draw them: the largest, which is the nearest as a rule, last."""
    return sorted(faces, key=lambda face: float(np.ptp(face.landmarks_px[:, 1])))

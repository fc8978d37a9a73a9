"""The last touch of a painter's picture: what a network could not guess or would smear, done by a rule that both share.

A painter then leaves a picture without it, and a plane that says where it goes. Samples are finished after they were
moved and lit, and the network finishes what it paints by the same rule, so that it learns the plane and not the touch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trainer.flattening import flatten
from trainer.hatching import hatch, sheet, sheet_on

if TYPE_CHECKING:
    from lensd.frames import U8, Affine

Finish = Literal["hatched", "flat"]
"""Strokes as dark as the plane says (`trainer.hatching`); or tones in a few steps, and the plane is ink."""


def finished(finish: Finish, drawing: U8, plane: U8, to_picture: Affine | None = None) -> U8:
    """Return the picture with its last touch.

    Args:
        finish: which.
        drawing: (S, S, 3) uint8, without it.
        plane: (S, S) uint8.
        to_picture: (2, 3), the lens's pixels to the picture's; None where the picture is the lens's square.
    """
    if finish == "flat":
        return flatten(drawing, plane)
    size = len(drawing)
    return hatch(drawing, plane, sheet(size) if to_picture is None else sheet_on(to_picture, size))

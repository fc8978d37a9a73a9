"""Lens "none": the camera as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lensd.config import NO_LENS

if TYPE_CHECKING:
    from lensd.frames import Face, Layer, Picture


class NoLens:
    """Implements `Lens`: draws nothing, holds nothing."""

    @property
    def name(self) -> str:
        """Always "none"."""
        return NO_LENS

    def draw(self, picture: Picture, face: Face) -> Layer | None:
        """Return None: nothing is laid over the picture."""
        return None

    def follow(self, face: Face) -> Layer | None:
        """Return None, as `draw`."""
        return None

    def close(self) -> None:
        """Nothing is held."""

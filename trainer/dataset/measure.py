"""What is measured of one pair, in a process of its own; `check` compares the pairs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from lensd.errors import LensdError
from trainer.dataset.faces import best_finders, find_faces

if TYPE_CHECKING:
    from lensd.frames import F32, U8

_SIDE_MAX = 1024  # of what is correlated, pixels
# Below this peak, A and B have too little in common to say where one lies on the other. Measured at 128 to 512 px: a
# photograph against its own edges or itself in four colours 0.44 to 0.77, against others -0.02 to 0.05, against its own
# mirror image 0.16.
_PEAK = 0.25
_HASH_PX, _HASH_BITS = 32, 8
_THUMB_PX = 32
_MATTE_SEEN = 128


class PairToMeasure(Protocol):
    """A pair, wherever it lies."""

    @property
    def label(self) -> str:
        """How people call it."""

    @property
    def phase(self) -> str:
        """Its part of the split, or ""."""

    @property
    def person(self) -> str:
        """Whose picture it is, or ""."""

    def read(self) -> tuple[U8, U8]:
        """Return A and B, uint8 RGB."""

    def read_matte(self) -> U8 | None:
        """Return the matte, if there is one."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One pair's figures.

    Attributes:
        label, phase, person: as in the pair.
        problem: why it could not be read; "" where it was, and what follows holds.
        size_a, size_b: (width, height).
        digest_a, digest_b: SHA-256 of the pixels.
        code: 64-bit perceptual hash of A.
        thumbs: (2, 32, 32) uint8, the luma of A and B.
        shift: (x, y) px by which B lies right of and below A; None where they have too little in common to say.
        matte_share: of the picture that the matte covers, 0..1; None without a matte.
        matte_size: (width, height).
        faces: how many A shows; None where nobody looked.
    """

    label: str
    phase: str
    person: str
    problem: str = ""
    size_a: tuple[int, int] = (0, 0)
    size_b: tuple[int, int] = (0, 0)
    digest_a: str = ""
    digest_b: str = ""
    code: int = 0
    thumbs: U8 | None = None
    shift: tuple[float, float] | None = None
    matte_share: float | None = None
    matte_size: tuple[int, int] | None = None
    faces: int | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """Measures a pair; `look_for_faces` costs 50 to 200 ms a picture."""

    look_for_faces: bool

    def __call__(self, pair: PairToMeasure) -> Measured:
        """Return the pair's figures; what cannot be read is one of them."""
        try:
            a, b = pair.read()
            matte = pair.read_matte()
            faces = len(find_faces(a, best_finders())) if self.look_for_faces else None
        except LensdError as error:
            return Measured(pair.label, pair.phase, pair.person, problem=error.why)
        same = a.shape == b.shape
        return Measured(
            pair.label,
            pair.phase,
            pair.person,
            size_a=(a.shape[1], a.shape[0]),
            size_b=(b.shape[1], b.shape[0]),
            digest_a=_digest(a),
            digest_b=_digest(b),
            code=perceptual_hash(a),
            thumbs=np.stack([_thumb(side) for side in (a, b)]),
            shift=displacement(a, b) if same else None,
            matte_share=None if matte is None else float((matte >= _MATTE_SEEN).mean()),
            matte_size=None if matte is None else (matte.shape[1], matte.shape[0]),
            faces=faces,
        )


def perceptual_hash(rgb: U8) -> int:
    """Return 64 bits that stay nearly the same when a picture is scaled or saved anew.

    Source: the sign of the 8x8 lowest frequencies of a 32x32 cosine transform against their median (pHash).
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_HASH_PX, _HASH_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:_HASH_BITS, :_HASH_BITS].reshape(-1)
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def displacement(a: U8, b: U8) -> tuple[float, float] | None:
    """Return how far B lies right of and below A, pixels; None where they have too little in common to say.

    Phase correlation of the strength of their outlines, which a photograph shares with its drawing, its edges and its
    label map; colours need not agree.

    Args:
        a, b: (H, W, 3) uint8 of one size.
    """
    height, width = a.shape[:2]
    scale = min(1.0, _SIDE_MAX / max(height, width))
    first, second = (_outlines(side, scale) for side in (a, b))
    window = cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F) if min(first.shape) > 2 else None
    if window is None or not first.any() or not second.any():
        return None
    (x, y), peak = cv2.phaseCorrelate(first, second, window)
    return (x / scale, y / scale) if peak >= _PEAK and np.isfinite((x, y)).all() else None


def _outlines(rgb: U8, scale: float) -> F32:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)
    soft = cv2.GaussianBlur(grey, (0, 0), 1.0)
    strength = cv2.magnitude(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    # The logarithm, so that a few hard lines do not outweigh the rest; what is under a grey level or two is noise.
    found: F32 = np.log1p(np.maximum(strength - 8, 0)).astype(np.float32)
    return found


def _thumb(rgb: U8) -> U8:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (_THUMB_PX, _THUMB_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _digest(picture: U8) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture).data).hexdigest()

"""The golden pair: a picture, and what the network made of it where the lens was made.

Every machine runs it before a lens is shown, so that a runtime which computes something else (a float16 that
overflows, an operator that it gets wrong) is told apart from one that works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lensd.errors import GoldenMismatch, PackageError
from lensd.lens.decode_png import decode_png
from lensd.lens.manifest import GOLDEN_IN, GOLDEN_OUT

if TYPE_CHECKING:
    from lensd.frames import F32, U8
    from lensd.lens.manifest import Precision
    from lensd.lens.package import LensPackage
    from lensd.ports import Engine

# A blotch of 40/255 in one tile leaves 40 dB over the whole picture, and is plain to see.
_TILE_PX = 16
_TILE_ERROR_MAX = 16.0
_MATTE_MIN = 0.002  # mean matte, 0..1, of a golden picture; an empty one would prove nothing


@dataclass(frozen=True, slots=True)
class GoldenResult:
    """How near an engine comes to the golden picture.

    Attributes:
        psnr_db: over colour multiplied by matte, and matte; infinite where equal.
        tile_error: the worst 16x16 tile's mean absolute difference, 0..255.
    """

    psnr_db: float
    tile_error: float


def golden_pair(package: LensPackage) -> tuple[U8, U8]:
    """Return the package's golden pair: (1, S, S, 3) uint8 RGB in, (1, S, S, 4) uint8 RGB and matte out.

    Raises:
        PackageError: not a generator, a damaged picture, or one that shows nothing.
    """
    lens = f"{package.name}.lens"
    if package.manifest.crop is None:
        raise PackageError(f"lens {package.name}", f"is of kind {package.manifest.kind} and has no golden pair")
    x = decode_png(package.contents[GOLDEN_IN], f"{lens}/{GOLDEN_IN}", 3)
    y = decode_png(package.contents[GOLDEN_OUT], f"{lens}/{GOLDEN_OUT}", 4)
    if y[..., 3].mean() < 255 * _MATTE_MIN:
        raise PackageError(f"{lens}/{GOLDEN_OUT}", "has an empty matte, and so proves nothing")
    return x[None], y[None]


class GoldenProof:
    """A package's golden pair, at hand to be run again and again: 0.5 MB."""

    def __init__(self, package: LensPackage, precision: Precision = "float32") -> None:
        """Decode the pair of `package`, for its network in `precision`.

        Raises:
            PackageError: the pair cannot be used.
        """
        self._lens = package.name
        self._x, self._expected = golden_pair(package)
        self._actual = np.zeros_like(self._expected)
        variant = package.manifest.generator.variant(precision) if package.manifest.generator else None
        self._psnr_db = variant.golden_psnr_db if variant else 40.0

    def __call__(self, engine: Engine) -> GoldenResult:
        """Run it through `engine`, and compare.

        Raises:
            GoldenMismatch: another picture than the package's own; says by how much.
            EngineError: the network could not be run.
        """
        expected, actual = self._expected, self._actual
        if engine.output.shape != expected.shape or engine.output.dtype != np.uint8:
            why = f"gives {engine.output.dtype} {engine.output.shape}, not uint8 {expected.shape}"
            raise GoldenMismatch(f"lens {self._lens} in {engine.runtime}", why)
        actual[:] = 0
        engine.infer(self._x, actual)
        return compare_golden(actual, expected, self._psnr_db, self._lens, engine.runtime)


def check_golden(package: LensPackage, engine: Engine, precision: Precision = "float32") -> GoldenResult:
    """Run the golden pair through `engine`, which has the network in `precision`, and compare.

    Raises:
        GoldenMismatch: another picture than the package's own; says by how much.
        PackageError: the pair cannot be used.
        EngineError: the network could not be run.
    """
    return GoldenProof(package, precision)(engine)


def compare_golden(actual: U8, expected: U8, psnr_db: float, lens: str, runtime: str) -> GoldenResult:
    """Return how near `actual` comes to `expected`, both (1, S, S, 4) uint8.

    Raises:
        GoldenMismatch: less than `psnr_db`, or a tile that is off by more than 16 of 255.
    """
    what, hint = f"lens {lens} in {runtime}", "lensd run --runtime onnxruntime"
    if not actual[..., 3].any():
        raise GoldenMismatch(what, "draws nothing at all on its golden picture", hint)
    difference = _premultiplied(actual) - _premultiplied(expected)
    mean_square = float(np.square(difference).mean())
    psnr = float("inf") if mean_square == 0 else 10 * float(np.log10(255**2 / mean_square))
    size = expected.shape[1]
    tiles = np.abs(difference).reshape(size // _TILE_PX, _TILE_PX, size // _TILE_PX, _TILE_PX, 4).mean((1, 3, 4))
    result = GoldenResult(psnr, float(tiles.max()))
    if psnr < psnr_db:
        why = f"gives another picture than the golden one: {psnr:.1f} dB, {psnr_db:g} dB are needed"
        raise GoldenMismatch(what, why, hint)
    if result.tile_error > _TILE_ERROR_MAX:
        why = f"a part of the picture is off by {result.tile_error:.0f} of 255; {_TILE_ERROR_MAX:g} are allowed"
        raise GoldenMismatch(what, why, hint)
    return result


def _premultiplied(rgba: U8) -> F32:
    """Return (S, S, 4) float32, 0..255; colour that nobody sees does not count."""
    out: F32 = rgba[0].astype(np.float32)
    out[..., :3] *= out[..., 3:] / 255
    return out

"""From a lens's name to a lens that draws: found, checked, loaded, and proved on its golden pair."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from lensd.config import NO_LENS
from lensd.errors import LensError
from lensd.lens.catalogue import find_lens
from lensd.lens.decode_png import decode_png
from lensd.lens.generator import GeneratorLens
from lensd.lens.golden import GoldenProof
from lensd.lens.network import check_network
from lensd.lens.none import NoLens
from lensd.lens.overlay import OverlayLens, Sticker
from lensd.lens.package import LensPackage, open_package
from lensd.lens.proved_engine import proved_again
from lensd.ports import Engine

if TYPE_CHECKING:
    from lensd.lens.manifest import Precision
    from lensd.ports import Lens

MakeEngine: TypeAlias = Callable[[bytes], Engine]
"""Takes an ONNX file's bytes, already checked; raises EngineError. Layers keep `lens` from importing `engine`."""


def open_lens(name_or_path: str | Path, make_engine: MakeEngine) -> Lens:
    """Return the lens, ready to draw; it is the caller's to close.

    Args:
        name_or_path: "none", a name as `lensd lenses` lists them, or the path of a package (a folder or a zip).
        make_engine: makes the engine of a generator.

    Raises:
        LensError: no such lens, or a package that fails a check.
        EngineError: its network cannot be run here.
    """
    path = find_package(name_or_path)
    return NoLens() if path is None else lens_of(open_package(path), make_engine)


def find_package(name_or_path: str | Path) -> Path | None:
    """Return where the package is; None for lens "none".

    Raises:
        LensError: no such lens.
    """
    text = str(name_or_path)
    if text == NO_LENS:
        return None
    if isinstance(name_or_path, Path) or "/" in text or text.endswith((".lens", ".zip")):
        return Path(name_or_path)
    return find_lens(text).path


def lens_of(package: LensPackage, make_engine: MakeEngine, precision: Precision = "float32") -> Lens:
    """Return the lens in a package that was opened; it is the caller's to close.

    Args:
        package: of either kind.
        make_engine: makes the engine of a generator.
        precision: which of a generator's networks is run.

    Raises:
        LensError: its network is not allowed, a picture is damaged, or the golden pair comes out otherwise.
        EngineError: its network cannot be run here.
    """
    manifest = package.manifest
    if manifest.crop is None or manifest.generator is None:
        return OverlayLens(package.name, stickers_of(package))
    network, variant = package.network_in(precision), manifest.generator.variant(precision)
    file = variant.network if variant else manifest.generator.network
    check_network(network, manifest.crop.size_px, f"{package.name}.lens/{file}")
    proof = GoldenProof(package, precision)
    lens = GeneratorLens(package.name, manifest.crop, proved_again(engine := make_engine(network), proof))
    try:
        proof(engine)
    except BaseException:
        lens.close()
        raise
    return lens


def stickers_of(package: LensPackage) -> list[Sticker]:
    """Return an overlay's stickers, decoded, in the order in which they are drawn; none of a generator.

    Raises:
        PackageError: a damaged picture.
    """
    return [
        Sticker(
            decode_png(package.contents[spec.image], f"{package.name}.lens/{spec.image}", 4),
            spec.anchor,
            spec.centre,
            spec.width,
            spec.when,
        )
        for spec in package.manifest.stickers
    ]


def teacher_of(package: LensPackage) -> list[Sticker] | None:
    """Return the overlay that a generator was taught, or an overlay itself, as stickers; None without.

    Raises:
        LensError: the overlay that it names is not there, or is none.
    """
    if package.manifest.stickers:
        return stickers_of(package)
    if package.manifest.teacher is None:
        return None
    beside = package.path.parent / f"{package.manifest.teacher}.lens"
    path = beside if beside.is_dir() else find_lens(package.manifest.teacher).path
    if path is None or not (stickers := stickers_of(open_package(path))):
        what = f"lens {package.name}"
        raise LensError(what, f"names {package.manifest.teacher} as its teacher, which is no overlay")
    return stickers

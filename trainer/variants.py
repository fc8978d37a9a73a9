"""A lens package with its network in INT8 and float16 besides: made, proved on the golden pair, measured, written."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lensd.engine.onnxruntime import OnnxRuntimeEngine
from lensd.errors import ConfigError, LensdError
from lensd.lens.golden import compare_golden, golden_pair
from lensd.lens.manifest import Manifest, VariantSpec
from lensd.lens.network import check_network
from trainer.calibrate import face_crops, losses_db, ranges
from trainer.half import halve
from trainer.package import write_package
from trainer.quantise import float_tensors, quantise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lensd.lens.manifest import Precision
    from lensd.lens.package import LensPackage

CALIBRATED_ON, MEASURED_ON = 64, 32
_GOLDEN_MIN_DB, _GOLDEN_MAX_DB, _SLACK_DB = 30.0, 40.0, 3.0


@dataclass(frozen=True, slots=True)
class Variant:
    """One network that was made.

    Attributes:
        precision: its arithmetic. content: its ONNX file.
        golden_db: on the golden pair, against the picture of the float32 network.
        mean_db, worst_db: on faces held out, against the float32 network; None where nobody is held out.
    """

    precision: Precision
    content: bytes
    golden_db: float
    mean_db: float | None
    worst_db: float | None

    def __str__(self) -> str:
        """Return the figures as a line of the card."""
        faces = (
            "" if self.mean_db is None else f"; on faces held out {self.mean_db:.1f} dB, the worst {self.worst_db:.1f}"
        )
        return f"{self.precision}: {len(self.content) / 1e6:.2f} MB, golden pair {self.golden_db:.1f} dB{faces}"


def make_variants(
    package: LensPackage, faces: Path, precisions: Sequence[Precision], tell: Callable[[], None] = lambda: None
) -> list[Variant]:
    """Return the network of `package` in other precisions, each checked as a package's network is.

    Args:
        package: of kind generator.
        faces: a folder of photographs with meshes; people held out of training are measured, the others calibrate.
        precisions: "int8", "float16".
        tell: called after each face.

    Raises:
        MediaError: the folder cannot be read.
        ConfigError: nobody to calibrate on, or a network that cannot be altered so.
        GoldenMismatch: less than 30 dB are left of it, or a part of the picture is off.
    """
    network, crop = package.network, package.manifest.crop
    if crop is None:
        raise ConfigError(f"lens {package.name}", "has no network")
    held_out = face_crops(faces, crop, taught=False, count=MEASURED_ON)
    made = []
    for precision in precisions:
        try:
            if precision == "int8":
                crops = face_crops(faces, crop, taught=True, count=CALIBRATED_ON)
                if not len(crops):
                    raise ConfigError(str(faces), "everybody there is held out, so nobody is left to calibrate on")
                content = quantise(network, ranges(network, float_tensors(network), crops, tell))
            else:
                content = halve(network)
        except ValueError as error:
            raise ConfigError(f"lens {package.name}", f"cannot be made {precision}: {error}") from error
        check_network(content, crop.size_px, f"generator.{precision}.onnx")
        losses = losses_db(network, content, held_out)
        mean, worst = (float(losses.mean()), float(losses.min())) if len(losses) else (None, None)
        made.append(Variant(precision, content, _golden_db(package, precision, content), mean, worst))
    return made


def write_variants(package: LensPackage, made: Sequence[Variant], folder: Path) -> None:
    """Write `package` with the networks `made` to `folder`, NAME.lens; the lens gets that name.

    Raises:
        OSError: the folder cannot be written.
        LensdError: what was written is no package.
    """
    manifest, contents = package.manifest, dict(package.contents)
    if manifest.generator is None:
        raise ConfigError(f"lens {package.name}", "has no network")
    spec = manifest.generator
    for variant in made:
        file = f"generator.{variant.precision}.onnx"
        needed = min(_GOLDEN_MAX_DB, max(_GOLDEN_MIN_DB, float(int(variant.golden_db - _SLACK_DB))))
        added = VariantSpec(file, needed)
        spec = replace(spec, int8=added) if variant.precision == "int8" else replace(spec, float16=added)
        contents[file] = variant.content
    card = contents.get("CARD.md", f"# {manifest.title}\n".encode()).decode().rstrip()
    lines = "\n".join(f"- {variant}" for variant in made)
    text = f"{card}\n\n## The network in other precisions, against float32 in ONNX Runtime\n\n{lines}\n"
    contents["CARD.md"] = text.encode()
    write_package(folder, head(replace(manifest, name=folder.stem, generator=spec)), contents)


def head(manifest: Manifest) -> str:
    """Return lens.toml of a generator, up to [files]."""
    generator, crop = manifest.generator, manifest.crop
    if generator is None or crop is None:
        raise LensdError(f"lens {manifest.name}", "is no generator")
    lines = ["schema = 1"]
    keys = ("name", "title", "version", "author", "licence", "kind")
    lines += [f"{key} = {_quoted(getattr(manifest, key))}" for key in keys]
    lines.append(f"tags = [{', '.join(_quoted(tag) for tag in manifest.tags)}]")
    lines += ["", "[crop]", f"side = {crop.side}", f"up = {crop.up}", f"size_px = {crop.size_px}"]
    tables = {"generator": generator, "generator.float16": generator.float16, "generator.int8": generator.int8}
    for name, table in tables.items():
        if table is not None:
            lines += ["", f"[{name}]", f'network = "{table.network}"', f"golden_psnr_db = {table.golden_psnr_db}"]
    if manifest.teacher:
        lines += ["", "[teacher]", f'overlay = "{manifest.teacher}"']
    return "\n".join(lines)


def _quoted(text: str) -> str:
    # A JSON string of printable text is a TOML string, as long as no character outside the BMP is written as two.
    return json.dumps(text, ensure_ascii=False)


def _golden_db(package: LensPackage, precision: str, content: bytes) -> float:
    engine = OnnxRuntimeEngine(content, name=f"lens {package.name} in {precision}")
    try:
        x, expected = golden_pair(package)
        actual = expected.copy()
        engine.infer(x, actual)
    finally:
        engine.close()
    return compare_golden(actual, expected, _GOLDEN_MIN_DB, package.name, f"ONNX Runtime as {precision}").psnr_db

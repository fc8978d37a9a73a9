"""lens.toml, schema 1: bytes from a stranger to a `Manifest`, or a sentence that says what is wrong.

Every key is checked for presence, type and range; a key that the schema does not know is an error, so that a lens made
for a later version is refused rather than half understood. docs/lens-format.md has the schema.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

from lensd.errors import ManifestError
from lensd.lens.strict_table import StrictTable, one_line, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
MANIFEST_NAME = "lens.toml"
MANIFEST_BYTES_MAX = 64 * 1024
_LINE_BYTES_MAX = 2000
GOLDEN_IN, GOLDEN_OUT, PREVIEW = "golden/in.png", "golden/out.png", "preview.webp"
DOCUMENTS = ("CARD.md", "LICENSE")

Kind = Literal["generator", "overlay"]
Anchor = Literal["eyes", "nose", "mouth", "brow", "head"]
When = Literal["always", "mouth-open"]
Precision = Literal["float32", "float16", "int8"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PIXELS_MIN, _PIXELS_MAX, _PIXELS_STEP = 64, 512, 16
_STICKERS_MAX = 16


@dataclass(frozen=True, slots=True)
class Crop:
    """What the network sees of a face.

    Attributes:
        side: side of the square in face units, 0.5..6.
        up: how far its centre lies above the face's, face units, -2..2.
        size_px: pixels a side, 64..512, a multiple of 16.
    """

    side: float
    up: float
    size_px: int


@dataclass(frozen=True, slots=True)
class VariantSpec:
    """The same network in another arithmetic; run where it is faster and passes the golden pair.

    Attributes:
        network: its file, inputs and outputs as the generator's.
        golden_psnr_db: what a runtime must reach with it on the golden pair; 30..60.
    """

    network: str
    golden_psnr_db: float


@dataclass(frozen=True, slots=True)
class GeneratorSpec:
    """The network of a lens.

    Attributes:
        network: its file, input (1, S, S, 3) uint8 RGB, output (1, S, S, 4) uint8 RGB and matte.
        golden_psnr_db: what a runtime must reach on the golden pair, 30..60.
        float16, int8: the same network in these, or None.
    """

    network: str
    golden_psnr_db: float
    float16: VariantSpec | None = None
    int8: VariantSpec | None = None

    def variant(self, precision: Precision) -> VariantSpec | None:
        """Return the network in `precision`, which float32 always is; None where the package has none."""
        plain = VariantSpec(self.network, self.golden_psnr_db)
        return {"float32": plain, "float16": self.float16, "int8": self.int8}[precision]


@dataclass(frozen=True, slots=True)
class StickerSpec:
    """One picture of an overlay.

    Attributes:
        image: its file, RGBA.
        anchor: the mesh points it moves with.
        centre: (x, y) in face units, where the picture's centre lies on the template, -4..4.
        width: face units, 0.01..8.
        when: "mouth-open" fades it in as the lips part.
    """

    image: str
    anchor: Anchor
    centre: tuple[float, float]
    width: float
    when: When = "always"


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that lens.toml says.

    Attributes:
        name: [a-z0-9][a-z0-9-]{0,39}; the folder's name without ".lens".
        title, version, author, licence: printable text of one line.
        tags: at most 16.
        crop, generator: of kind "generator" only.
        teacher: the overlay that the generator was taught, or None.
        stickers: of kind "overlay" only, in the order in which they are drawn.
        files: every other file of the package with its SHA-256, 64 lower-case hex digits.
    """

    name: str
    title: str
    version: str
    author: str
    licence: str
    kind: Kind
    tags: tuple[str, ...]
    crop: Crop | None
    generator: GeneratorSpec | None
    teacher: str | None
    stickers: tuple[StickerSpec, ...]
    files: Mapping[str, str]


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Return the manifest in `content`.

    Args:
        content: lens.toml as read, at most 64 KiB.
        where: the file's name for error messages, such as "thug-life.lens/lens.toml".

    Raises:
        ManifestError: names the key and says what is allowed.
    """
    if len(content) > MANIFEST_BYTES_MAX:
        raise ManifestError(where, f"has {len(content)} bytes; at most {MANIFEST_BYTES_MAX} are allowed")
    # A key of 30,000 dots takes tomllib 38 s: its time grows with the square of a line's length.
    if max(map(len, content.split(b"\n"))) > _LINE_BYTES_MAX:
        raise ManifestError(where, f"has a line of more than {_LINE_BYTES_MAX} bytes")
    try:
        values = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and TOMLDecodeError are ValueErrors
        raise ManifestError(where, f"is not TOML: {one_line(error)}") from error
    top = StrictTable(where, "", values)
    schema = top.integer("schema", 1, 2**31)
    if schema != SCHEMA:
        why = f"schema is {schema}; this version reads schema {SCHEMA}"
        raise ManifestError(where, why, "update lensd: pip install -U snaplens" if schema > SCHEMA else "")
    kind: Kind = top.choice("kind", get_args(Kind))
    generator = kind == "generator"
    manifest = Manifest(
        name=top.name("name"),
        title=top.text("title", 60),
        version=top.text("version", 40),
        author=top.text("author", 120),
        licence=top.text("licence", 120),
        kind=kind,
        tags=top.texts("tags", 16, 40),
        crop=_crop(top.table("crop")) if generator else None,
        generator=_generator(top.table("generator")) if generator else None,
        teacher=_teacher(top.table("teacher")) if generator and top.has("teacher") else None,
        stickers=() if generator else tuple(_sticker(table) for table in top.tables("sticker", _STICKERS_MAX)),
        files=MappingProxyType(_files(top.table("files"))),
    )
    top.end(f" to schema {SCHEMA} in a lens of kind {kind!r}")
    _check_files(manifest, where)
    return manifest


def _crop(table: StrictTable) -> Crop:
    crop = Crop(
        side=table.number("side", 0.5, 6),
        up=table.number("up", -2, 2),
        size_px=table.integer("size_px", _PIXELS_MIN, _PIXELS_MAX),
    )
    if crop.size_px % _PIXELS_STEP:
        table.refuse("size_px", f"a multiple of {_PIXELS_STEP}", crop.size_px)
    table.end()
    return crop


def _generator(table: StrictTable) -> GeneratorSpec:
    network, golden_psnr_db = _network(table)
    float16, int8 = (_variant(table, key) for key in ("float16", "int8"))
    table.end()
    return GeneratorSpec(network, golden_psnr_db, float16, int8)


def _variant(table: StrictTable, key: str) -> VariantSpec | None:
    if not table.has(key):
        return None
    inner = table.table(key)
    spec = VariantSpec(*_network(inner))
    inner.end()
    return spec


def _network(table: StrictTable) -> tuple[str, float]:
    return table.file("network", ".onnx"), table.number("golden_psnr_db", 30, 60, default=40.0)


def _teacher(table: StrictTable) -> str:
    name = table.name("overlay")
    table.end()
    return name


def _sticker(table: StrictTable) -> StickerSpec:
    anchor: Anchor = table.choice("anchor", get_args(Anchor))
    image, width = table.file("image", ".png"), table.number("width", 0.01, 8)
    when: When = table.choice("when", get_args(When)) if table.has("when") else "always"
    sticker = StickerSpec(image, anchor, table.point("centre", 4), width, when)
    table.end()
    return sticker


def _files(table: StrictTable) -> dict[str, str]:
    hashes = {}
    for name in table.names():
        digest = table.text(name, 64)
        if not _SHA256.fullmatch(digest):
            table.refuse(name, "a SHA-256 in 64 lower-case hex digits", digest)
        hashes[name] = digest
    return hashes


def _check_files(manifest: Manifest, where: str) -> None:
    needed = {sticker.image for sticker in manifest.stickers}
    if manifest.generator:
        spec = manifest.generator
        networks = [variant.network for variant in map(spec.variant, get_args(Precision)) if variant]
        if len(set(networks)) < len(networks):
            raise ManifestError(where, "generator names one file as two networks")
        needed = {*networks, GOLDEN_IN, GOLDEN_OUT}
    if missing := needed - manifest.files.keys():
        raise ManifestError(where, f"[files] lacks {min(missing)!r}, which this lens needs")
    allowed = needed | {PREVIEW, *DOCUMENTS}
    if foreign := manifest.files.keys() - allowed:
        why = f"[files] names {shown(min(foreign))}; this lens may hold {', '.join(sorted(allowed))}"
        raise ManifestError(where, why, "a lens holds no code, no pickle and no other data")

"""A lens package, opened: listed, bounded, hashed and held in memory, before anything in it is used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from lensd.errors import ManifestError, PackageError
from lensd.lens.container import open_container
from lensd.lens.manifest import (
    DOCUMENTS,
    GOLDEN_IN,
    GOLDEN_OUT,
    MANIFEST_BYTES_MAX,
    MANIFEST_NAME,
    PREVIEW,
    Manifest,
    parse_manifest,
)
from lensd.lens.picture_headers import check_png, check_webp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lensd.lens.container import Container
    from lensd.lens.manifest import Precision

PREVIEW_BYTES_MAX = 1024 * 1024
_ONNX_FIRST_FIELD = b"\x08"  # ModelProto.ir_version; every exporter writes it first
_PICKLES = {b"\x80": "a pickle", b"PK": "a zip, as torch.save writes pickles"}


@dataclass(frozen=True, slots=True)
class LensPackage:
    """A package that passed every check but those that need its network run.

    Attributes:
        path: where it came from; nothing is read from there any more.
        manifest: what lens.toml says.
        contents: the files that the manifest lists, as they were hashed.
        toml: lens.toml itself, as it was read.
    """

    path: Path
    manifest: Manifest
    contents: Mapping[str, bytes] = field(repr=False)
    toml: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """As in `lensd switch NAME`."""
        return self.manifest.name

    @property
    def fingerprint(self) -> str:
        """SHA-256 of lens.toml, which has the hashes of all the rest: two packages of one fingerprint are the same."""
        return hashlib.sha256(self.toml).hexdigest()

    @property
    def network(self) -> bytes:
        """The generator's ONNX file.

        Raises:
            PackageError: the lens is not a generator.
        """
        return self.network_in("float32")

    def network_in(self, precision: Precision) -> bytes:
        """Return the generator's ONNX file in `precision`.

        Raises:
            PackageError: the lens is not a generator, or has no such file.
        """
        if self.manifest.generator is None:
            raise PackageError(f"lens {self.name}", f"is of kind {self.manifest.kind} and has no network")
        variant = self.manifest.generator.variant(precision)
        if variant is None:
            raise PackageError(f"lens {self.name}", f"has no network in {precision}", "lensd quantise --help")
        return self.contents[variant.network]


def read_manifest(path: Path) -> tuple[Manifest, Container]:
    """Return the manifest of the package at `path`, and its files, listed but neither read nor hashed.

    Raises:
        ManifestError: lens.toml is missing or breaks its schema.
        PackageError: the files break a bound, or the folder has another name than the lens.
    """
    container = open_container(path)
    return _manifest_in(container, path)[0], container


def _manifest_in(container: Container, path: Path) -> tuple[Manifest, bytes]:
    where = f"{container.folder or path.name}/{MANIFEST_NAME}"
    size = container.sizes.get(MANIFEST_NAME)
    if size is None:
        raise ManifestError(where, "is missing", "a lens is a folder NAME.lens with a lens.toml, or a zip of one")
    if size > MANIFEST_BYTES_MAX:
        raise ManifestError(where, f"has {size} bytes; at most {MANIFEST_BYTES_MAX} are allowed")
    toml = container.read(MANIFEST_NAME)
    manifest = parse_manifest(toml, where)
    if container.folder is not None and container.folder != f"{manifest.name}.lens":
        why = f"the folder must be named {manifest.name}.lens, as the manifest's name says"
        raise PackageError(container.folder, why, f"rename the folder to {manifest.name}.lens")
    return manifest, toml


def open_package(path: Path) -> LensPackage:
    """Return the package at `path`, a folder or a zip of it, with every file checked.

    Raises:
        ManifestError: lens.toml is missing or breaks its schema.
        PackageError: files, sizes, paths, hashes or headers are not what they should be.
    """
    container = open_container(path)
    manifest, toml = _manifest_in(container, path)
    lens = f"{manifest.name}.lens"
    listed, present = set(manifest.files), set(container.sizes) - {MANIFEST_NAME}
    if missing := listed - present:
        raise PackageError(lens, f"lacks {min(missing)}, which [files] lists")
    if foreign := present - listed:
        raise PackageError(lens, f"holds {min(foreign)}, which [files] does not list")
    contents = {}
    for name, digest in sorted(manifest.files.items()):
        content = container.read(name)
        if hashlib.sha256(content).hexdigest() != digest:
            why = "is not the file that the manifest was made for: its SHA-256 is another"
            raise PackageError(f"{lens}/{name}", why, "get the lens again; it was damaged or changed on the way")
        _check_content(name, content, manifest, lens)
        contents[name] = content
    return LensPackage(path, manifest, MappingProxyType(contents), toml)


def _check_content(name: str, content: bytes, manifest: Manifest, lens: str) -> None:
    where = f"{lens}/{name}"
    if name == PREVIEW:
        if len(content) > PREVIEW_BYTES_MAX:
            raise PackageError(where, f"has {len(content)} bytes; at most {PREVIEW_BYTES_MAX} are allowed")
        check_webp(content, where)
    elif name in DOCUMENTS:
        try:
            content.decode()
        except UnicodeDecodeError as error:
            raise PackageError(where, "is not a text in UTF-8") from error
    elif name in (GOLDEN_IN, GOLDEN_OUT) and manifest.crop is not None:
        check_png(content, where, 3 if name == GOLDEN_IN else 4, px=manifest.crop.size_px)
    elif name.endswith(".png"):
        check_png(content, where, 4)
    elif not content.startswith(_ONNX_FIRST_FIELD):
        what = next((what for magic, what in _PICKLES.items() if content.startswith(magic)), "no ONNX network")
        raise PackageError(where, f"is {what}", "export the network with: lensd export")

"""Which lenses there are: those in the package, the user's own, and "none"."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lensd.config import NO_LENS, shipped_lenses_dir, user_lenses_dir
from lensd.errors import LensdError, LensError
from lensd.lens.manifest import MANIFEST_NAME, PREVIEW
from lensd.lens.package import read_manifest

Source = Literal["built-in", "user"]
_SUFFIXES = (".lens", ".lens.zip")


@dataclass(frozen=True, slots=True)
class LensInfo:
    """What a list of lenses shows.

    Attributes:
        name: as in `lensd switch NAME`.
        title: for people.
        kind: "generator", "overlay" or "none".
        source: "built-in" came with lensd, "user" from the user's folder.
        path: the package, or None for lens "none".
        preview: a WebP picture, or None; not yet checked.
        version, author: as the manifest says; empty for lens "none".
        tags: words to find it by.
    """

    name: str
    title: str
    kind: str
    source: Source
    path: Path | None
    preview: Path | None
    version: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON carries them."""
        path, preview = (None if p is None else str(p) for p in (self.path, self.preview))
        named = {"name": self.name, "title": self.title, "kind": self.kind, "source": self.source}
        told = {"version": self.version, "author": self.author, "tags": list(self.tags)}
        return {**named, **told, "path": path, "preview": preview}

    def is_about(self, word: str) -> bool:
        """Say whether `word` is in its name, title, author or tags; upper and lower case are alike."""
        texts = (self.name, self.title, self.author, *self.tags)
        return any(word.casefold() in text.casefold() for text in texts)


@dataclass(frozen=True, slots=True)
class SkippedLens:
    """A package in a lenses folder that cannot be offered, and the reason."""

    path: Path
    error: LensdError


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All lenses: "none", what is learned by name, what is drawn by name; and what was skipped."""

    lenses: tuple[LensInfo, ...]
    skipped: tuple[SkippedLens, ...]


def read_catalogue() -> Catalogue:
    """Look through both lenses folders; only manifests are read, and again only those that have changed.

    The keeper asks at each switch, between two pictures: of 208 lenses all manifests take 87 ms of a Zen 3.
    """
    found: dict[str, LensInfo] = {}
    skipped: list[SkippedLens] = []
    for source, folder in _folders():
        try:
            packages = _packages(folder)
        except LensError as error:
            skipped.append(SkippedLens(folder, error))
            continue
        for path in packages:
            try:
                info = _looked_up(path, source)
                if (known := found.get(info.name)) is not None:
                    why = f"the name {info.name} is taken by {_told(known)}"
                    raise LensError(path.name, why, "give the lens another name, in lens.toml and of its folder")
                found[info.name] = info
            except LensdError as error:
                skipped.append(SkippedLens(path, error))
    none = LensInfo(NO_LENS, "No lens", NO_LENS, "built-in", None, None)
    # A drawing is there to be compared with: whoever steps through the lenses sees each learned one once before.
    order = sorted(found, key=lambda name: (found[name].kind == "overlay", name))
    return Catalogue((none, *(found[name] for name in order)), tuple(skipped))


def find_lenses() -> list[LensInfo]:
    """Return the lenses that can be chosen, in the catalogue's order."""
    return list(read_catalogue().lenses)


def find_lens(name: str) -> LensInfo:
    """Return the lens called `name`.

    Raises:
        LensError: there is none, or it is there and cannot be used; the hint names the nearest.
    """
    catalogue = read_catalogue()
    for info in catalogue.lenses:
        if info.name == name:
            return info
    shown = "".join(c if c.isprintable() else "?" for c in name[:60])
    for skipped in catalogue.skipped:
        if skipped.path.name in (name + suffix for suffix in _SUFFIXES):
            raise LensError(f"lens {shown}", f"{skipped.error.what}: {skipped.error.why}", skipped.error.hint)
    near = difflib.get_close_matches(name, [info.name for info in catalogue.lenses], n=1, cutoff=0.5)
    raise LensError(f"lens {shown}", "there is no such lens", f"did you mean {near[0]}?" if near else "lensd lenses")


def _folders() -> tuple[tuple[Source, Path], ...]:
    return ("built-in", shipped_lenses_dir()), ("user", user_lenses_dir())


def _packages(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(_SUFFIXES))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LensError(str(folder), error.strerror or "cannot be read") from error


def _looked_up(path: Path, source: Source) -> LensInfo:
    """Return what is known of a package, looking again where it was exchanged or written to."""
    try:
        marks = tuple((it.st_dev, it.st_ino, it.st_mtime_ns, it.st_size) for it in map(os.stat, _looked_at(path)))
    except OSError:
        marks = None
    if (before := _known.get(path)) is not None and marks is not None and before.marks == marks:
        if isinstance(before.info, LensdError):
            raise before.info.with_traceback(None)
        return before.info
    try:
        info = _info(path, source)
    except LensdError as error:
        _known[path] = _Known(marks, error)
        raise
    _known[path] = _Known(marks, info)
    return info


def _looked_at(path: Path) -> tuple[Path, ...]:
    return (path, path / MANIFEST_NAME) if path.is_dir() else (path,)


class _Known(NamedTuple):
    marks: tuple[tuple[int, ...], ...] | None
    info: LensInfo | LensdError


_known: dict[Path, _Known] = {}  # one process sees some hundreds of packages in its life


def _info(path: Path, source: Source) -> LensInfo:
    manifest, container = read_manifest(path)
    preview = path / PREVIEW if path.is_dir() and PREVIEW in container.sizes else None
    told = manifest.version, manifest.author, manifest.tags
    return LensInfo(manifest.name, manifest.title, manifest.kind, source, path, preview, *told)


def _told(info: LensInfo) -> str:
    return "a lens that came with lensd" if info.source == "built-in" else str(info.path)

"""What was asked for, looked at before anything is written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lensd.config import APP, user_lenses_dir
from lensd.errors import ConfigError, ManifestError
from lensd.lens.manifest import parse_manifest
from lensd.whole_file import write_whole
from trainer.new.cropping import crop_round
from trainer.new.installing import INSTALLED
from trainer.new.stages import LOCK, locked
from trainer.new.sticker import box_of, read_sticker
from trainer.pairs import Crop

if TYPE_CHECKING:
    from lensd.lens.overlay import Anchor, Sticker
    from trainer.new.efforts import Effort

_WISH = "new.json"
_SUFFIX = "-overlay"
_KEPT = (INSTALLED, LOCK)  # by --restart
OWN_USE = "not stated: for its maker's own use"


@dataclass(frozen=True, slots=True)
class Words:
    """What is told about a lens; people read it.

    Attributes:
        title: its name for people.
        author: who made it.
        licence: under which it may be passed on; one line.
        data: what it was made from, for the card.
    """

    title: str
    author: str
    licence: str
    data: str


@dataclass(frozen=True, slots=True)
class Wish:
    """A lens that somebody wants.

    Attributes:
        name: of the lens.
        words: for its manifest and card.
        effort: how much is put into it.
        sticker: to be worn, and with it `crop`, what the network shall see; None where pairs are given.
        source: the folder of photographs, or of pairs.
        digest: of the sticker and its place, or of the path of the pairs: what a run is about.
        told: the same in words.
    """

    name: str
    words: Words
    effort: Effort
    sticker: Sticker | None
    crop: Crop | None
    source: Path
    digest: str
    told: str

    @property
    def overlay_name(self) -> str:
        """The name of the overlay that teaches the lens."""
        return self.name + _SUFFIX


def default_faces() -> Path:
    """Return the folder of photographs that is taken where none is named; it may not be there."""
    return user_lenses_dir().parent / "faces"


def default_run(name: str) -> Path:
    """Return the folder in which lens `name` is made."""
    return user_lenses_dir().parent / "new" / name


def wish_for_sticker(
    name: str,
    words: Words,
    effort: Effort,
    png: Path,
    faces: Path | None,
    anchor: Anchor,
    width: float | None,
    centre: tuple[float, float] | None,
) -> Wish:
    """Return the wish for a lens that wears a sticker.

    Raises:
        MediaError: the PNG cannot be used.
        ConfigError: no photographs, or words that a lens may not have.
    """
    check_words(name, words, _SUFFIX)
    sticker = read_sticker(png, anchor, width, centre)
    folder = faces or default_faces()
    if not folder.is_dir():
        why = "there is no such folder" if faces else "no photographs were named, and there is no such folder"
        hint = "photographs of hundreds of people's faces are needed: --faces FOLDER, JPEG or PNG files in it"
        raise ConfigError(str(folder), why, hint)
    place = [sticker.anchor, list(sticker.centre), sticker.width]
    digest = hashlib.sha256(sticker.image.tobytes() + json.dumps(place).encode()).hexdigest()
    crop = crop_round(box_of(sticker), effort.size_px)
    return Wish(name, words, effort, sticker, crop, folder, digest, f"the sticker {png.name} on the {anchor}")


def wish_for_pairs(name: str, words: Words, effort: Effort, folder: Path) -> Wish:
    """Return the wish for a lens that paints what pairs show.

    Raises:
        ConfigError: no such folder, or words that a lens may not have.
    """
    check_words(name, words, "")
    if not folder.is_dir():
        hint = "a folder of A|B pictures is needed, or one with folders A and B: --pairs FOLDER"
        raise ConfigError(str(folder), "there is no such folder", hint)
    place = str(folder.resolve())
    digest = hashlib.sha256(place.encode()).hexdigest()
    return Wish(name, words, effort, None, None, folder, digest, f"the pairs in {folder.resolve().name}")


def check_words(name: str, words: Words, suffix: str) -> None:
    """See that a manifest takes them; `suffix` is what the name of its overlay has more.

    Raises:
        ConfigError: it does not.
    """
    if len(name + suffix) > 40:
        raise ConfigError(
            f"the name {name}", f"is too long; {40 - len(suffix)} characters are the most", "a shorter one"
        )
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in _texts(name, words).items()}
    head = "\n".join(f"{key} = {value}" for key, value in quoted.items())
    sticker = '[[sticker]]\nimage = "sticker.png"\nanchor = "eyes"\ncentre = [0, 0]\nwidth = 1.0'
    files = f'[files]\n"sticker.png" = "{"0" * 64}"'
    text = f'schema = 1\nversion = "1.0.0"\nkind = "overlay"\n{head}\n{sticker}\n{files}\n'
    try:
        parse_manifest(text.encode(), "the lens")
    except ManifestError as error:
        raise ConfigError(error.what, error.why, "lensd new --help says what may be given") from error


def _texts(name: str, words: Words) -> dict[str, str]:
    return {"name": name, "title": words.title, "author": words.author, "licence": words.licence}


def listing(folder: Path) -> str:
    """Return a digest of the names, sizes and times of all files under `folder`.

    Raises:
        OSError: it cannot be read.
    """
    lines = []
    for root, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            facts = Path(root, file).stat()
            lines.append(f"{root}/{file}".removeprefix(str(folder)) + f" {facts.st_size} {facts.st_mtime_ns}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_run(run: Path) -> bool:
    """Say whether `lensd new` has begun in this folder."""
    return (run / _WISH).is_file()


def throw_away(run: Path) -> None:
    """Remove all that a run has made, but for the list of what it has installed.

    Raises:
        ConfigError: another `lensd new` is at work there.
        OSError: something cannot be removed.
    """
    with locked(run):
        for path in run.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in _KEPT:
                path.unlink()


def begin_run(run: Path, wish: Wish) -> None:
    """Make the run's folder, or see that it was begun for the same.

    Raises:
        ConfigError: it holds something else, or cannot be written.
    """
    try:
        _begin(run, wish)
    except OSError as error:
        raise ConfigError(str(run), (error.strerror or str(error)).lower(), "name another folder with --run") from error


def _begin(run: Path, wish: Wish) -> None:
    try:
        before: dict[str, Any] = json.loads((run / _WISH).read_bytes())
    except FileNotFoundError:
        if run.exists() and any(path.name not in _KEPT for path in run.iterdir()):
            raise ConfigError(str(run), "is no run of lensd new, and not empty", "name another --run") from None
        run.mkdir(parents=True, exist_ok=True)
        write_whole(
            run / _WISH,
            json.dumps({"app": APP, "name": wish.name, "digest": wish.digest, "told": wish.told}, indent=1).encode(),
        )
        return
    except ValueError as error:
        raise ConfigError(str(run / _WISH), "cannot be read", "add --restart to begin anew") from error
    if (before.get("name"), before.get("digest")) != (wish.name, wish.digest):
        why = f"was begun as {before.get('name')}, from {before.get('told')}; now it is {wish.name}, from {wish.told}"
        raise ConfigError(str(run), why, "add --restart to begin anew, or give the lens another name")

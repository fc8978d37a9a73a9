"""The overlay packages that ship with lensd, written anew from their art: `python -m trainer.art.shipped FOLDER`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lensd.lens.overlay import Sticker
from trainer.art import cat, crown, dog, moustache, party, thug_life
from trainer.export import export_overlay

if TYPE_CHECKING:
    from collections.abc import Callable

_CARD = """# {title} (drawn)

{what} A flat picture that moves with the face's mesh: needs no network, and is what a learned lens `{name}` is taught
from and measured against.

- Art: drawn by this project's own code (`trainer/art/{art}.py`). MIT.
- Preview: NASA's portrait of Eileen Collins, public domain.
"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """An overlay that ships.

    Attributes:
        name: of the learned lens; the overlay's own is NAME-overlay.
        title, tags, what: for people.
        stickers: draws them, in their order. files: their names.
        view: the preview's side and how far up it lies, face units.
        version: of the package.
    """

    name: str
    title: str
    tags: tuple[str, ...]
    what: str
    stickers: Callable[[], list[Sticker]]
    files: tuple[str, ...]
    view: tuple[float, float] = (2.6, 0.3)
    version: str = "1.0.0"


def thug_life_sticker() -> Sticker:
    """Return the pixel sunglasses as they are worn."""
    return Sticker(thug_life.draw(), "eyes", (0.0, -0.165), 0.88)


def moustache_stickers() -> list[Sticker]:
    """Return the gentleman's monocle and moustache as they are worn; the hairs take 3 s."""
    return [
        Sticker(moustache.draw_monocle(), "eyes", (0.224, 0.03), 0.47),
        Sticker(moustache.draw_moustache(), "nose", (0.0, 0.155), 0.66),
    ]


DRAWN = (
    Drawn(
        "thug-life",
        "Thug Life",
        ("sticker", "glasses"),
        "Pixel sunglasses of 16 by 5 blocks.",
        lambda: [thug_life_sticker()],
        ("glasses.png",),
        (1.9, 0.0),
    ),
    Drawn(
        "moustache",
        "Monocle and Moustache",
        ("sticker", "glasses", "moustache"),
        "A golden monocle on a chain, and a handlebar moustache that stays while its wearer talks.",
        moustache_stickers,
        ("monocle.png", "moustache.png"),
        (1.9, 0.0),
        "2.0.0",
    ),
    Drawn(
        "crown",
        "Crown",
        ("sticker", "hat"),
        "A golden crown of five points with jewels.",
        crown.stickers,
        ("crown.png",),
    ),
    Drawn(
        "dog",
        "Dog",
        ("sticker", "animal"),
        "Hanging ears, a wet nose, and a tongue while the mouth is open.",
        dog.stickers,
        ("ears.png", "tongue.png", "nose.png"),
    ),
    Drawn(
        "cat",
        "Cat",
        ("sticker", "animal"),
        "Upright ears, a small nose and whiskers.",
        cat.stickers,
        ("ears.png", "whiskers.png", "nose.png"),
        version="1.1.0",
    ),
    Drawn(
        "party",
        "Party",
        ("sticker", "hat"),
        "A pointed hat with spots and a pompom, and streamers.",
        party.stickers,
        ("streamers.png", "hat.png"),
        (3.0, 0.35),
    ),
)


def write(drawn: Drawn, lenses: Path) -> Path:
    """Write one package into the folder of lenses, and return its folder."""
    stickers = drawn.stickers()
    head = [
        "schema = 1",
        f'name = "{drawn.name}-overlay"',
        f'title = "{drawn.title} (drawn)"',
        f'version = "{drawn.version}"',
        'author = "SnapLens Camera"',
        'licence = "MIT"',
        'kind = "overlay"',
        f"tags = {json.dumps(drawn.tags)}",
    ]
    for name, sticker in zip(drawn.files, stickers, strict=True):
        head += ["", "[[sticker]]", f'image = "{name}"', f'anchor = "{sticker.anchor}"']
        head += [f"centre = {json.dumps(sticker.centre)}", f"width = {sticker.width}"]
        if sticker.when != "always":
            head.append(f'when = "{sticker.when}"')
    art = drawn.name.replace("-", "_")
    card = _CARD.format(title=drawn.title, what=drawn.what, name=drawn.name, art=art)
    folder = lenses / f"{drawn.name}-overlay.lens"
    export_overlay(folder, "\n".join(head), stickers, drawn.files, card, drawn.view)
    return folder


if __name__ == "__main__":
    for each in DRAWN:
        sys.stdout.write(f"wrote {write(each, Path(sys.argv[1]))}\n")

"""The lenses of the gallery: what each is called, who teaches it, and how long it learns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from lensd.errors import ConfigError
from trainer.art import bronze, cartoon, comic, neon, pencil, skull, tiger
from trainer.distil.weights import Weights
from trainer.pairs import Crop

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.frames import F32, U8
    from trainer.finish import Finish

SIZE_PX = 256


class Painter(Protocol):
    """A teacher that paints: slow, and always the same."""

    def __call__(self, photo: U8, points: F32, seed: int = 0) -> tuple[U8, U8]:
        """Paint (S, S, 3) uint8 RGB with its mesh (478, 3): the same size of RGB, and a matte (S, S) uint8."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """How a student learns; the names are `trainer.distil.DistilOptions`'s.

    Attributes:
        start_from: name of the shipped lens that it begins as; None: from nothing.
    """

    small_steps: int
    steps: int
    place_steps: int = 0
    start_from: str | None = "skull"
    rate: float = 3e-3
    adversarial_from: float = 0.25
    wide: float = 0.15
    near: float = 0.15
    mirrored: float = 0.5
    weights: Weights = field(default_factory=Weights)


@dataclass(frozen=True, slots=True)
class Taught:
    """A lens that learns.

    Attributes:
        name, title, tags: as in its manifest.
        what: a sentence for its card.
        crop: what the network sees: the face, and all that is painted, wherever the head turns.
        painter: the teacher; None where the overlay NAME-overlay teaches.
        finish, drawer: where a rule does the last touch (`trainer.finish`): which, and what the teacher makes without
            it, with its plane and the matte.
        lesson: how.
        worn: the art lies on a canvas that the network wears; else it paints all by itself.
        version: of the lens.
    """

    name: str
    title: str
    tags: tuple[str, ...]
    what: str
    crop: Crop
    painter: Painter | None
    lesson: Lesson
    version: str = "1.0.0"
    worn: bool = False
    finish: Finish | None = None
    drawer: Callable[[U8, F32], tuple[U8, U8, U8]] | None = None

    @property
    def overlay(self) -> str | None:
        """Return the overlay that teaches it, if one does."""
        return None if self.painter else f"{self.name}-overlay"


# Stickers and paint are worn: most of the lessons go into where on the face each pixel lies. Whole faces are painted,
# and need the discriminator for their texture. All but the first begin as a lens that knows where a face is. Crops lie
# still on it, as behind our tracker: with every second one astray a crown had no jewels after 2,600 steps.
_WORN = Lesson(3600, 3700, place_steps=3000, weights=Weights(gradient=0.5))
_WORN_AS_SKULL = Lesson(600, 700, rate=2e-3, weights=Weights(gradient=0.5))
_WORN_AS_CROWN = replace(_WORN_AS_SKULL, start_from="crown")
_WHOLE = Lesson(800, 2000, adversarial_from=0.5, weights=Weights(adversarial=0.05, matching=1.0))
_LIT = replace(_WHOLE, mirrored=0.0)  # its light comes from one side
# Strokes lie still on the square: a face that moves by a pixel does not take them along, so no twin is to agree.
_HATCHED = Lesson(800, 2400, adversarial_from=0.6, weights=Weights(adversarial=0.05, matching=1.0, warp=0))


def _sticker(
    name: str,
    title: str,
    tags: tuple[str, ...],
    what: str,
    crop: tuple[float, float],
    lesson: Lesson,
    version: str = "1.0.0",
) -> Taught:
    return Taught(name, title, tags, what, Crop(*crop, SIZE_PX), None, lesson, version, worn=True)


GALLERY = (
    _sticker(
        "thug-life",
        "Thug Life",
        ("sticker", "glasses"),
        "Pixel sunglasses of 16 by 5 blocks.",
        (1.305, 0.05),
        replace(_WORN_AS_SKULL, small_steps=3000, steps=4000),
        version="1.2.0",
    ),
    _sticker(
        "moustache",
        "Monocle and Moustache",
        ("sticker", "glasses", "moustache"),
        "A golden monocle on a chain, and a handlebar moustache that stays while its wearer talks.",
        (1.4, 0.05),
        _WORN_AS_SKULL,
    ),
    _sticker("crown", "Crown", ("sticker", "hat"), "A golden crown of five points with jewels.", (1.9, 0.36), _WORN),
    _sticker(
        "dog",
        "Dog",
        ("sticker", "animal"),
        "Hanging ears, a wet nose, and a tongue while the mouth is open.",
        (1.8, 0.2),
        _WORN_AS_CROWN,
    ),
    _sticker(
        "cat", "Cat", ("sticker", "animal"), "Upright ears, a small nose and whiskers.", (1.75, 0.3), _WORN_AS_CROWN
    ),
    _sticker(
        "party",
        "Party",
        ("sticker", "hat"),
        "A pointed hat with spots and a pompom, and streamers.",
        (2.3, 0.4),
        _WORN_AS_CROWN,
    ),
    Taught(
        "skull",
        "Skull",
        ("paint", "halloween"),
        "A skull painted on the face: black sockets, hollow cheeks, and teeth that part with the lips.",
        Crop(1.4, 0.03, SIZE_PX),
        skull.paint,
        replace(_WORN, small_steps=8000, steps=8300, place_steps=7000, start_from=None),
        worn=True,
    ),
    Taught(
        "tiger",
        "Tiger",
        ("paint", "animal"),
        "A tiger's coat painted on the face, hair by hair, with the face's own light on it.",
        Crop(1.4, 0.03, SIZE_PX),
        tiger.paint,
        _WORN_AS_SKULL,
        worn=True,
    ),
    Taught(
        "comic",
        "Comic",
        ("paint", "comic"),
        "The face printed in halftone with bold ink lines and red lips; the eyes stay its wearer's own.",
        Crop(1.4, 0.03, SIZE_PX),
        comic.paint,
        _WORN_AS_SKULL,
        worn=True,
    ),
    Taught(
        "cartoon",
        "Cartoon",
        ("whole-face", "cartoon"),
        "The head as a cartoon: flat colours in a few tones, clean ink lines, large eyes.",
        Crop(1.75, 0.15, SIZE_PX),
        cartoon.paint,
        _WHOLE,
        finish="flat",
        drawer=cartoon.draw,
    ),
    Taught(
        "bronze",
        "Bronze",
        ("whole-face", "statue"),
        "The head cast in bronze: relit by lamps of its own, with highlights, and verdigris in the hollows.",
        Crop(1.75, 0.15, SIZE_PX),
        bronze.paint,
        _LIT,
    ),
    Taught(
        "neon",
        "Neon",
        ("whole-face", "light"),
        "Brows, eyes, nose and lips as tubes of light in the dark.",
        Crop(1.75, 0.15, SIZE_PX),
        neon.paint,
        _LIT,
    ),
    Taught(
        "pencil",
        "Pencil",
        ("whole-face", "drawing"),
        "The head drawn in pencil: hatched by one hand, with clean contours, on paper.",
        Crop(pencil.SIDE, pencil.UP, SIZE_PX),
        pencil.paint,
        _HATCHED,
        finish="hatched",
        drawer=pencil.draw,
    ),
)


def taught(name: str) -> Taught:
    """Return the lens of that name.

    Raises:
        ConfigError: there is none.
    """
    for lens in GALLERY:
        if lens.name == name:
            return lens
    raise ConfigError(name, "is not in the gallery", f"one of {', '.join(lens.name for lens in GALLERY)}")

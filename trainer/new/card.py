"""What a lens that `lensd new` made says of itself: CARD.md, honest about what nobody said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.new.efforts import predecessor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lensd.evaluation.evaluate import Figures
    from trainer.new.wish import Wish

FIGURES = "{figures}"


def card_of(wish: Wish, taught: Mapping[str, object]) -> str:
    """Return the card of the generator; "{facts}" and "{figures}" are filled in later.

    Args:
        wish: what was asked for.
        taught: facts of the stage "pairs": faces, persons.
    """
    if wish.sticker is None:
        how = (
            "A photograph before (A) and after (B) are moved, turned and lit alike, and A is spoiled like a webcam's "
            "picture; the network learns to paint B where it differs from A."
        )
    else:
        how = (
            f"A photograph is moved, turned by the depth of its mesh, dressed and spoiled like a webcam's picture; "
            f"then the sticker of `{wish.overlay_name}` is drawn on the moved points. The sticker is a constant of the "
            f"network, which learns where on the face it lies, how bright it is, and what of it is seen."
        )
    begun = ""
    if wish.crop is not None:
        begun = (
            f"\nThe network began as the lens `{predecessor(wish.crop)}` of SnapLens Camera, whose card names its data."
        )
    return f"""# {wish.words.title}

Made by `lensd new` with effort {wish.effort.name}, from {wish.told}.

{{facts}}

## How it was taught

{how}

## Data

{taught["faces"]} faces of {taught["persons"]} people, as far as file names and tables tell them apart.
{wish.words.data}{begun}

Preview and golden picture are NASA's portrait of Eileen Collins, public domain.

## Measured, on people it was not taught with

{FIGURES}

Nobody has looked for whom it works less well: try it on people of every age and skin, with glasses and in poor light,
before you pass it on.

## Licence

{wish.words.licence}
"""


def overlay_card(wish: Wish) -> str:
    """Return the card of the overlay that teaches it."""
    return f"""# {wish.words.title} (drawn)

The sticker as a flat picture that moves with the face's mesh: needs no network, and is the teacher of the learned lens
`{wish.name}`, which is measured against it. Made by `lensd new`.

Preview: NASA's portrait of Eileen Collins, public domain.

## Licence

{wish.words.licence}
"""


def figures_text(figures: Figures) -> str:
    """Return the figures as a list; what was not measured is left out."""
    lines = [f"- faces: {figures.faces}, fired on {figures.fired:.1%}"]
    if figures.iou_mean is not None and figures.iou_p5 is not None:
        lines.append(f"- IoU of the matte: mean {figures.iou_mean:.3f}, 5th percentile {figures.iou_p5:.3f}")
    if figures.inside_l1 is not None and figures.psnr_inside is not None:
        lines.append(f"- colour under it: L1 {figures.inside_l1:.3f}, PSNR {figures.psnr_inside:.1f} dB")
    if figures.change_outside is not None:
        lines.append(f"- change away from it: {figures.change_outside:.3f} of 255")
    return "\n".join(lines)

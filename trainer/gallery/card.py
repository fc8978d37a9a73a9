"""What a lens of the gallery says of itself: how it was taught, with whose pictures, how good it is, and where not."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lensd.evaluation.evaluate import Evaluation, Figures
    from trainer.gallery.lenses import Taught

_AUTHORS = "DeBruine, L. and Jones, B. (2017)"
_CREDITS = {
    "congress118": "official portraits of members of the US Congress (public domain)",
    "ushouse": "official portraits of members of the US House of Representatives (public domain)",
    "ussenate": "official portraits of members of the US Senate (public domain)",
    "voteview": "official portraits collected by voteview/member_photos (public domain or free)",
    "pixabay": "portraits uploaded to Pixabay as CC0",
    "london": f"{_AUTHORS}: Face Research Lab London Set, doi 10.6084/m9.figshare.5047666.v5, CC BY 4.0",
    "canada": f"{_AUTHORS}: Young Adult White Faces, doi 10.6084/m9.figshare.4220517.v1, CC BY 4.0",
}
_WORSE = 0.02  # of IoU below the mean of all: a group that the lens does less well on


def card_of(lens: Taught, faces: int, persons: int, sources: Sequence[str]) -> str:
    """Return CARD.md, in which "{facts}" and "{figures}" wait for the export and for what is measured.

    Args:
        lens: of the gallery.
        faces, persons: that it was taught with.
        sources: of the photographs.
    """
    made = "Worn" if lens.worn else "Painted"
    worn = (
        "The art is a constant of it; it says where on the face that lies, how bright it is, and what of it is seen.\n"
    )
    finish = {
        "hatched": "The strokes are a constant of it; it says how densely they cover each place.\n",
        "flat": "It paints smooth colours and ink; that light falls in a few steps is a rule of its last layer.\n",
    }
    if lens.painter is None:
        how = f"""A photograph is moved, turned by the depth of its mesh, dressed (glasses, sunglasses, hands) and
spoiled like a webcam's picture; then the stickers of `{lens.overlay}` are drawn on the moved points. The network learns
to paint them."""
        truth = "the stickers drawn on the mesh, whose own noise caps the overlap"
    else:
        module = lens.painter.__module__.replace(".", "/")
        how = f"""A slow painter of ours (`{module}.py`) paints each photograph with the help of its mesh; some wear
drawn glasses. Both pictures are moved, turned and lit alike, the photograph is spoiled like a webcam's, and the
network learns to paint what the painter did."""
        truth = "what the painter makes of the same photograph"
    thanks = "\n".join(f"- {_CREDITS.get(source, source)}" for source in sources)
    return f"""# {lens.title}

{lens.what} {made} by a small network that looks at the face: colour and matte come out of it at every frame.
{worn if lens.worn else finish.get(lens.finish or "", "")}
{{facts}}

## How it was taught

{how}

Exported is the running mean of the weights, with batch normalisation folded in.

## Data

{faces:,} photographs of {persons:,} people with pseudo labels of the MediaPipe face mesh (Apache-2.0), with thanks:

{thanks}

No photograph is in this package; preview and golden picture are NASA's portrait of Eileen Collins, public domain.

## Measured, on people it was not taught with

{{figures}}

The truth is {truth}. The photographs are mostly smiling, frontal adults in good light: expect less on children
and on profiles beyond 40 degrees. Sunglasses, hands (fingers, or something else before a part of the face) and the dark
were put into the photographs of the same people.
"""


def figures_text(evaluation: Evaluation, hardships: Mapping[str, Figures]) -> str:
    """Return what was measured as a table, and a sentence on the faces that the lens does less well on.

    Args:
        evaluation: on people held out.
        hardships: the same people with something done to their photographs. Their colours are left out: what should
            have been painted was not drawn anew.
    """
    rows = [("all", evaluation.whole), *evaluation.groups.items()]
    head = "| faces | how many | IoU mean | 5th percentile | fired | change outside, of 255 | L1 inside, of 1 |\n"
    lines = [_row(name, figures) for name, figures in rows]
    lines += [_row(name, replace(figures, change_outside=None, inside_l1=None)) for name, figures in hardships.items()]
    table = head + "|---|---|---|---|---|---|---|\n" + "\n".join(lines)
    whole = evaluation.whole.iou_mean or 0.0
    worse = [
        f"{name} ({figures.iou_mean:.3f})"
        for name, figures in [*evaluation.groups.items(), *hardships.items()]
        if figures.iou_mean is not None and figures.iou_mean < whole - _WORSE
    ]
    least = evaluation.worst(1)
    said = f"It does less well where: {', '.join(worse)}." if worse else "No group of these faces does notably worse."
    if least and least[0].iou is not None:
        said += f" The least overlap of all is {least[0].iou:.2f}."
    return f"{table}\n\n{said}"


def wrapped(text: str) -> str:
    """Return Markdown whose paragraphs are filled up to 120 columns; headings, lists and tables stay."""
    parts = text.strip().split("\n\n")
    filled = [part if part[0] in "#-|" else textwrap.fill(" ".join(part.split()), 120) for part in parts]
    return "\n\n".join(filled) + "\n"


def _row(name: str, figures: Figures) -> str:
    def shown(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    cells = [name, str(figures.faces), shown(figures.iou_mean), shown(figures.iou_p5), f"{figures.fired:.1%}"]
    return "| " + " | ".join([*cells, shown(figures.change_outside), shown(figures.inside_l1)]) + " |"

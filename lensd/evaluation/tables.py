"""The tables of an evaluation, as rows of texts: the command line aligns them, the report makes HTML of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lensd.evaluation.clip import Steadiness
    from lensd.evaluation.cost import Cost
    from lensd.evaluation.evaluate import Evaluation

_FACES = (
    ("faces", "faces", "d"),
    ("iou_mean", "IoU, mean", ".3f"),
    ("iou_p5", "IoU, 5th percentile", ".3f"),
    ("fired", "fired", ".1%"),
    ("change_outside", "change outside, of 255", ".3f"),
    ("inside_l1", "L1 inside", ".3f"),
    ("psnr_inside", "PSNR inside, dB", ".1f"),
    ("psnr_outside", "PSNR outside, dB", ".1f"),
    ("ssim_inside", "SSIM inside", ".3f"),
    ("ssim_outside", "SSIM outside", ".4f"),
    ("edge_sharpness", "edge sharpness, of the teacher's", ".2f"),
    ("leak", "leakage, mean matte", ".5f"),
)
_CLIP = (
    ("pictures", "pictures", "d"),
    ("faces", "with a face", "d"),
    ("matte_change", "matte change a picture, of its area", ".4f"),
    ("matte_change_drawn", "the same, as drawn", ".4f"),
    ("matte_change_calm", "matte change in the calmest quarter", ".4f"),
    ("matte_change_drawn_calm", "the same, as drawn", ".4f"),
    ("warp_error", "warping error, of 255", ".2f"),
    ("warp_error_drawn", "the same, as drawn", ".2f"),
    ("warp_error_camera", "the same, camera alone", ".2f"),
)
_NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name, the names of its columns (the first is the row's), and rows of as many texts."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """Return the table aligned, for a terminal."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.columns))]
        aligned = [
            "  ".join([line[0].ljust(widths[0])] + [t.rjust(w) for t, w in zip(line[1:], widths[1:], strict=True)])
            for line in lines
        ]
        return "\n".join([self.name, *aligned])


@dataclass(frozen=True, slots=True)
class Result:
    """All that was measured of one lens.

    Attributes:
        label: the lens's name, and the precision where it is not float32.
        evaluation: on faces. steadiness: on a clip, where one was given. cost: of a generator.
        precision: which of its networks drew.
    """

    label: str
    evaluation: Evaluation
    steadiness: Steadiness | None
    cost: Cost | None
    precision: str = "float32"


def tables_of(results: Sequence[Result]) -> list[Table]:
    """Return the tables of one lens, or of several side by side."""
    groups = [{"all": result.evaluation.whole, **result.evaluation.groups} for result in results]
    found = [
        _beside(f"faces: {name}", results, [group[name].as_dict() if name in group else {} for group in groups], _FACES)
        for name in dict.fromkeys(name for group in groups for name in group)
    ]
    if len(results) == 1:
        found = [_across(results[0])]
    if any(result.steadiness for result in results):
        clips = [result.steadiness.as_dict() if result.steadiness else {} for result in results]
        found.append(_beside("steadiness on the clip", results, clips, _CLIP))
    for result in results:
        if result.cost is not None:
            found.append(_cost(result.label, result.cost))
    return found


def _beside(
    name: str,
    results: Sequence[Result],
    values: Sequence[Mapping[str, float | None]],
    kinds: Sequence[tuple[str, str, str]],
) -> Table:
    rows = tuple((label, *(_shown(value.get(key), form) for value in values)) for key, label, form in kinds)
    return Table(name, ("", *(result.label for result in results)), rows)


def _across(result: Result) -> Table:
    """Return the figures with the groups as columns, as far as they were measured."""
    groups = {"all": result.evaluation.whole, **result.evaluation.groups}
    values = [figures.as_dict() for figures in groups.values()]
    rows = tuple((label, *(_shown(value[key], form) for value in values)) for key, label, form in _FACES)
    return Table(f"{result.label}, crops from the {result.evaluation.points}", ("", *groups), rows)


def _cost(label: str, cost: Cost) -> Table:
    name = f"{label}: {cost.gmac:.3f} real GMAC, {cost.parameters:,} parameters, {cost.network_mb:.2f} MB"
    rows = [
        (f"{row.runtime}, {row.precision}", f"{row.median_ms:.2f}", f"{row.parity_db:.1f}") for row in cost.runtimes
    ]
    rows += [(runtime, _NOTHING, why) for runtime, why in cost.refused]
    return Table(name, ("runtime", "ms, median here", "dB to float32 in ONNX Runtime"), tuple(rows))


def _shown(value: float | None, form: str) -> str:
    return _NOTHING if value is None else format(value, form)

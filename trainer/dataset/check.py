"""What is wrong with a folder of pairs, and what to drop."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from trainer.dataset.measure import Measure, Measured
from trainer.dataset.work import each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from trainer.dataset.measure import PairToMeasure

Kind = Literal[
    "broken", "alone", "sizes-differ", "other-size", "duplicate", "near-duplicate", "misaligned", "matte-empty",
    "no-face", "leak",
]  # fmt: skip
MISALIGNED_PX = 3.0
_NEAR_BITS = 6  # of 64
# Of 255, mean and greatest difference of the thumbnails: portraits scaled by half and saved again as JPEG 50 reach 1
# and 5, two portraits of one person taken in one session 3.2 and 31 at least, frames of a man who talks 0.7 and 22.
_NEAR_LEVELS, _NEAR_PEAK = 2.5, 16
_NOTHING = 1e-4  # of the picture: a matte with less is empty


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: what.
        pair: with which, its label.
        why: in words, with the figure.
        drop: whether to leave the pair out mends it.
    """

    kind: Kind
    pair: str
    why: str
    drop: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a folder.

    Attributes:
        pairs: how many there are, by phase.
        size: (width, height) of most.
        findings: in the order of the pairs.
        unsure: pairs of which nobody can say whether A lies on B.
        faces_looked_for: whether no-face was looked for.
        persons_known: whether leaks of persons could be looked for.
    """

    pairs: dict[str, int]
    size: tuple[int, int]
    findings: tuple[Finding, ...]
    unsure: int
    faces_looked_for: bool
    persons_known: bool

    @property
    def drop(self) -> list[str]:
        """Return the labels of the pairs that are better left out, each once."""
        return list(dict.fromkeys(finding.pair for finding in self.findings if finding.drop))

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON carries it."""
        return {**asdict(self), "drop": self.drop}

    def as_text(self) -> str:
        """Return it as people read it: the pairs, a line for each finding, and what to drop."""
        counts = ", ".join(f"{phase} {count}" for phase, count in self.pairs.items())
        lines = [f"{sum(self.pairs.values())} pairs ({counts}), most {self.size[0]}x{self.size[1]}"]
        width = max((len(finding.kind) for finding in self.findings), default=0)
        lines += [f"{finding.kind:<{width}}  {finding.pair}: {finding.why}" for finding in self.findings]
        if self.unsure:
            lines.append(f"{self.unsure} pairs have too little in common to say whether B lies on A")
        if not self.persons_known and len(self.pairs) > 1:
            lines.append("leaks were not looked for: no index.csv with a column person says who is on which picture")
        if not self.faces_looked_for:
            lines.append("faces were not looked for (--faces)")
        lines.append(f"drop {len(self.drop)}: {' '.join(self.drop)}" if self.drop else "nothing to drop")
        return "\n".join(lines)


def check_pairs(
    pairs: Sequence[PairToMeasure],
    alone: Iterable[str],
    *,
    look_for_faces: bool,
    workers: int,
    tell: Callable[[str, int, int], None],
) -> Report:
    """Measure all pairs and compare them.

    Args:
        pairs: at least one.
        alone: pictures without their other.
        look_for_faces: every A is to show a face.
        workers: processes.
        tell: called with "measured", how many were, and of how many.

    Raises:
        MediaError: a process died.
    """
    measured = []
    for done, one in enumerate(each(Measure(look_for_faces), pairs, workers), 1):
        measured.append(one)
        tell("measured", done, len(pairs))
    whole = [one for one in measured if not one.problem]
    sizes = Counter(one.size_a for one in whole)
    size = sizes.most_common(1)[0][0] if sizes else (0, 0)
    findings = [Finding("alone", label, "the picture of its name on the other side is missing") for label in alone]
    findings += [finding for one in measured for finding in _alone_wrong(one, size)]
    findings += [*_duplicates(whole), *_leaks(whole)]
    order = {one.label: number for number, one in enumerate(measured)}
    findings.sort(key=lambda finding: order.get(finding.pair, -1))
    return Report(
        dict(Counter(one.phase or "all" for one in measured)),
        size,
        tuple(findings),
        sum(one.shift is None and one.size_a == one.size_b for one in whole),
        look_for_faces,
        any(one.person for one in measured),
    )


def _alone_wrong(one: Measured, size: tuple[int, int]) -> Iterator[Finding]:
    """Give what is wrong with a pair without looking at the others."""
    if one.problem:
        yield Finding("broken", one.label, one.problem)
        return
    (width, height), (other_width, other_height) = one.size_a, one.size_b
    if one.size_a != one.size_b:
        yield Finding("sizes-differ", one.label, f"A is {width}x{height}, B is {other_width}x{other_height}")
    elif one.size_a != size:
        why = f"is {width}x{height}, most are {size[0]}x{size[1]}"
        yield Finding("other-size", one.label, why, drop=False)
    if one.shift is not None and (far := float(np.hypot(*one.shift))) > MISALIGNED_PX:
        x, y = (round(value, 1) + 0.0 for value in one.shift)  # no -0.0
        yield Finding("misaligned", one.label, f"B lies {far:.1f} px from A ({x:+.1f} across, {y:+.1f} down)")
    if one.matte_size is not None and one.matte_size != one.size_b:
        yield Finding("sizes-differ", one.label, f"its matte is {one.matte_size[0]}x{one.matte_size[1]}")
    if one.matte_share is not None and one.matte_share < _NOTHING:
        yield Finding("matte-empty", one.label, "its matte covers nothing")
    if one.faces == 0:
        yield Finding("no-face", one.label, "no face is found in A")


def _duplicates(measured: Sequence[Measured]) -> Iterator[Finding]:
    """Give each pair that is another, earlier one once more; in another part of the split, that is a leak."""
    codes = np.array([one.code for one in measured], np.uint64)
    for number, one in enumerate(measured):
        near = np.flatnonzero(np.bitwise_count(codes[:number] ^ codes[number]) <= _NEAR_BITS)
        earlier = [measured[index] for index in near.tolist()]
        same = next((other for other in earlier if other.digest_a == one.digest_a), None)
        other = same or next((other for other in earlier if _looks_like(one, other)), None)
        if other is None:
            continue
        kind: Kind = "duplicate" if same else "near-duplicate"
        what = "is the same picture as" if same else "looks the same as"
        if same and same.digest_b != one.digest_b:
            what = "has another B, and the same A as"
        where = ", which is in another part of the split" if one.phase != other.phase else ""
        yield Finding(kind, one.label, f"{what} {other.label}{where}")


def _looks_like(one: Measured, other: Measured) -> bool:
    if one.thumbs is None or other.thumbs is None:
        return False
    apart = np.abs(one.thumbs.astype(np.int16) - other.thumbs)
    return float(apart.mean((1, 2)).max()) < _NEAR_LEVELS and int(apart.max()) < _NEAR_PEAK


def _leaks(measured: Sequence[Measured]) -> Iterator[Finding]:
    """Give the training pairs of persons who are in another part too; those are the fewer that mend it."""
    held = {one.person: one.phase for one in measured if one.person and one.phase not in ("", "train")}
    tested = {one.person for one in measured if one.person and one.phase == "test"}
    for one in measured:
        if one.phase == "train" and one.person in held:
            yield Finding("leak", one.label, f"shows {one.person}, who is in {held[one.person]} too")
        elif one.phase == "val" and one.person in tested:
            yield Finding("leak", one.label, f"shows {one.person}, who is in test too")

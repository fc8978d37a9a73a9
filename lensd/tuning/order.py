"""In which order ways are tried, by what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lensd.tuning.notes import Way

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from lensd.tuning.notes import Measured

PROCESSORS_OWN = "onnxruntime"
"""The runtime that is always installed, opens in a tenth of a second and runs every lens."""

QUICK_MS = 500.0
_WORTH_IT = 0.9  # of another way's time; under a tenth is within what a measurement is off by


class Order(NamedTuple):
    """What to try.

    Attributes:
        ways: the first is tried first; never empty.
        best: what is wanted in the end: the fastest that is known; None while nothing is known.
    """

    ways: tuple[Way, ...]
    best: Way | None


def order_of(
    safe: Way, ways: Sequence[Way], known: Mapping[Way, Measured], failed: Collection[Way], *, patient: bool
) -> Order:
    """Return the order of `ways`.

    Args:
        safe: tried first while nothing is known, and last in any case.
        ways: all that this machine and the package have.
        known: what was measured of them.
        failed: those that have failed since, and are left out.
        patient: try the fastest even where it takes longer than half a second to load; else one that loads quickly
            goes before it, for somebody waits.
    """
    found = [known[way] for way in ways if way in known and way not in failed and known[way].ms is not None]
    fast = [measured.way for measured in sorted(found, key=lambda measured: (measured.ms or 0, measured.way))]
    near = [way for way in fast if (known[fast[0]].ms or 0) > _WORTH_IT * (known[way].ms or 0)]
    # Of those that are as good as the fastest the safe one, else the one nearest to the golden picture.
    best = safe if safe in near else max(near, key=lambda way: known[way].psnr_db or 0, default=None)
    first = [] if best is None else [best]
    if best is not None and known[best].load_ms > QUICK_MS and not patient and best != safe:
        first = [way for way in fast if known[way].load_ms <= QUICK_MS][:1] or [safe]
    return Order(tuple(dict.fromkeys([*first, *fast, safe])), best)

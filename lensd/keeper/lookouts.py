"""Who looks at any of the outputs: the sum over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lensd.keeper.lookout import Lookout

if TYPE_CHECKING:
    import selectors
    from collections.abc import Callable

    from lensd.keeper.output import Output
    from lensd.keeper.publisher import Publisher


class Lookouts:
    """A lookout for each output, also for those that come later. Times in ns of CLOCK_MONOTONIC."""

    def __init__(self, publisher: Publisher, selector: selectors.BaseSelector, happened: Callable[[int], None]) -> None:
        """Watch the publisher's outputs; `happened` is called with the time of any news."""
        self._selector, self._happened = selector, happened
        self._each: list[Lookout] = []
        publisher.follow_outputs(self._watch)

    @property
    def opened(self) -> bool:
        """Somebody has one of the nodes open, or had a moment ago."""
        return any(each.opened for each in self._each)

    @property
    def held(self) -> bool:
        """And that was asked for, not only told of."""
        return any(each.held for each in self._each)

    @property
    def openings(self) -> int:
        """How many times one was begun to be opened."""
        return sum(each.openings for each in self._each)

    @property
    def due_ns(self) -> int:
        """When `check` has something to do, if nothing happens before."""
        return min(each.due_ns for each in self._each)

    @property
    def changed_ns(self) -> int:
        """When one was last opened or closed."""
        return max(each.changed_ns for each in self._each)

    @property
    def streaming(self) -> int | None:
        """How many readers stream, as far as is known; None where there is no device."""
        counts = [each.streaming for each in self._each if each.streaming is not None]
        return sum(counts) if counts else None

    @property
    def told_by(self) -> str:
        """What this is known from."""
        return self._each[0].told_by

    def looked_at(self, now_ns: int) -> bool:
        """Tell whether somebody streams or reads."""
        return any(each.looked_at(now_ns) for each in self._each)

    def check(self, now_ns: int) -> None:
        """Take what was told, and ask where that is due."""
        for each in self._each:
            each.check(now_ns)

    def look_now(self) -> None:
        """Look who is there, and wait for that where the driver does not count."""
        for each in self._each:
            each.look_now()

    def close(self) -> None:
        """End; looks that are under way are waited for."""
        for each in self._each:
            each.close()

    def _watch(self, output: Output) -> None:
        self._each.append(Lookout(output, self._selector, self._happened))

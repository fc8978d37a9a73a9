"""Privacy on request: no worker and a closed webcam, and a card or blackness on air, also after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lensd.keeper.cards import BLANK

if TYPE_CHECKING:
    from lensd.keeper.memory import Memory
    from lensd.keeper.supervisor import Supervisor

PAUSED = "paused"
_CARDS = {PAUSED: PAUSED, BLANK: BLANK}


class Pause:
    """Whether the camera is paused, and what shows meanwhile; it is remembered, so that no crash ends it."""

    def __init__(self, memory: Memory, supervisor: Supervisor) -> None:
        """Go on with the pause that was not ended, before any worker is started."""
        self._memory, self._supervisor = memory, supervisor
        if (card := _CARDS.get(memory.text(PAUSED) or "")) is not None:
            supervisor.rest(PAUSED, card)

    @property
    def shows(self) -> str | None:
        """What is on air instead of the camera: "paused" (the card) or "blank"; None while it is not paused."""
        return _CARDS.get(self._memory.text(PAUSED) or "")

    def begin(self, *, blank: bool) -> None:
        """Close the webcam and show the card, or with `blank` nothing but black."""
        card = BLANK if blank else PAUSED
        self._supervisor.rest(PAUSED, card)
        self._memory.put(PAUSED, card)

    def end(self) -> None:
        """Go on."""
        self._memory.put(PAUSED, None)
        self._supervisor.wake(PAUSED)

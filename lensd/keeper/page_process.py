"""The preview page's process, and the addresses that it gives out."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lensd.errors import ControlError
from lensd.keeper.companion import Companion

if TYPE_CHECKING:
    import selectors
    from collections.abc import Callable

    from lensd.control.messages import Message
    from lensd.control.server import Answer, RequestHandler


class PageProcess(Companion):
    """The page: serves HTTP, asks as a client does, and is told what is on air."""

    def __init__(
        self, selector: selectors.BaseSelector, handler: RequestHandler, on_ready: Callable[[str], None]
    ) -> None:
        """Begin without a process; `tick` starts it.

        Args:
            selector: the keeper's.
            handler: serves the page's requests, as any client's.
            on_ready: told the address of each page that has begun to listen, token included.
        """
        super().__init__("The preview page", "lensd.page", selector, handler)
        self._on_ready = on_ready
        self._tickets: dict[int, Answer] = {}
        self._ticket_ids = itertools.count(1)

    def ticket(self, answer: Answer) -> None:
        """Have the page make a fresh address, and answer with it.

        Raises:
            ControlError: there is no page now.
        """
        if self._connection is None:
            raise ControlError("the preview page", "is not running now", "try again in a moment: lensd preview")
        identity = next(self._ticket_ids)
        self._tickets[identity] = answer
        self._connection.send({"event": "ticket", "id": identity})

    def _take(self, message: Message) -> None:
        event = message.get("event")
        if event == "ready":
            self._on_ready(str(message.get("url", ""))[:200])
        elif event == "ticket":
            identity = message.get("id")
            answer = self._tickets.pop(identity, None) if isinstance(identity, int) else None
            if answer is not None:
                answer({"url": str(message.get("url", ""))[:200]})
        else:
            super()._take(message)

    def _forget(self) -> None:
        super()._forget()
        gone = ControlError("the preview page", "ended before it answered", "try again: lensd preview")
        for answer in self._tickets.values():
            answer(gone)
        self._tickets.clear()

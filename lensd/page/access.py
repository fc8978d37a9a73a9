"""Who may see the page: a one-time token in the address becomes a session's cookie.

Any local program, of any user, can connect to a port on 127.0.0.1, and any web page can make the browser do it. So the
port alone admits nobody: an address from `lensd preview` does, once.
"""

from __future__ import annotations

import hmac
import secrets
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TOKEN_BYTES = 32
TOKEN_LIFE_S = 600.0
MAX_TOKENS = 16
MAX_SESSIONS = 8


class Access:
    """Tokens and sessions, in memory only: a page process that starts again knows none of the old ones."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any.

        Args:
            clock: seconds, never running backwards.
        """
        self._clock = clock
        self._tokens: dict[str, float] = {}  # to the time at which each ends; the oldest first
        self._sessions: dict[str, None] = {}  # a set that remembers who came first

    def token(self) -> str:
        """Return a fresh token: it opens one session within ten minutes. Of too many the oldest is forgotten."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._tokens[token] = self._clock() + TOKEN_LIFE_S
        while len(self._tokens) > MAX_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        return token

    def exchange(self, token: str) -> str | None:
        """Return a new session for a token that is still good, which it is no longer then; None for any other."""
        known = _find(token, self._tokens)
        if known is None or self._tokens.pop(known) < self._clock():
            return None
        session = secrets.token_urlsafe(_TOKEN_BYTES)
        self._sessions[session] = None
        while len(self._sessions) > MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return session

    def admits(self, session: str) -> bool:
        """Tell whether `session` is one that a token opened."""
        return _find(session, self._sessions) is not None


def _find(secret: str, known: Mapping[str, object]) -> str | None:
    """Look at every one, each in constant time: how long it takes tells nothing of them."""
    given, found = secret.encode(errors="replace"), None
    for candidate in known:
        if hmac.compare_digest(given, candidate.encode()):
            found = candidate
    return found

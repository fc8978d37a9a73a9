"""What every request must pass, and what every answer carries."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lensd.page.access import Access

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "lensd",
}


class Guard:
    """Checks the address that was asked for, where the request comes from, and the session."""

    def __init__(self, access: Access, port: int, locked_page: str) -> None:
        """Admit whom `access` admits, at `port` of this computer.

        Args:
            access: the sessions.
            port: where we listen.
            locked_page: HTML for those who have no session.
        """
        self._access, self._locked_page = access, locked_page
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        # Cookies know no ports: two daemons' pages on this computer would overwrite each other's.
        self._cookie = f"lensd-{port}"

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer in place of `handler` where a check fails, and put the headers on whatever is answered."""
        try:
            response = self._refuse(request) or await handler(request)
        except web.HTTPException as answer:
            response = refusal(answer.status, "the page", answer.reason.lower())
            if "Allow" in answer.headers:
                response.headers["Allow"] = answer.headers["Allow"]
        except Exception as error:
            # Neither the address (it may hold a token) nor a traceback; the route says enough.
            log.exception("%s of %s failed: %s", request.method, request.match_info.route.name, type(error).__name__)
            response = refusal(500, "the preview page", "failed; its log says more")
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def admit(self, request: web.Request, token: str) -> web.Response:
        """Return the answer to an address with a token: a session and the bare address, or a refusal."""
        session = self._access.exchange(token)
        if session is None and not self._has_session(request):
            return self.locked()
        response = web.Response(status=303, headers={"Location": "/"})
        if session is not None:
            response.set_cookie(self._cookie, session, path="/", httponly=True, samesite="Strict")
        return response

    def locked(self) -> web.Response:
        """Return the page for those who have no session."""
        return web.Response(status=403, text=self._locked_page, content_type="text/html")

    def _refuse(self, request: web.Request) -> web.Response | None:
        # A name of somebody's own that resolves to 127.0.0.1 makes this page theirs in the browser's eyes.
        if request.headers.getall("Host", []) not in [[host] for host in self._hosts]:
            return refusal(403, "the preview page", "is only at 127.0.0.1", "lensd preview")
        if request.method == "POST" and request.headers.get("Origin") not in {f"http://{host}" for host in self._hosts}:
            return refusal(403, "the preview page", "takes orders from itself only")
        if request.method == "GET" and request.path == "/" and "token" in request.query:
            return None
        return None if self._has_session(request) else self.locked()

    def _has_session(self, request: web.Request) -> bool:
        return self._access.admits(request.cookies.get(self._cookie, ""))


def refusal(status: int, what: str, why: str, hint: str = "") -> web.Response:
    """Return an error as the page's script shows it, with the fields of a `LensdError`."""
    fields = {"what": what, "why": why, "hint": hint}
    return web.Response(status=status, text=json.dumps({"error": fields}), content_type="application/json")

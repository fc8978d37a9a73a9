"""The page's composition root: the link to the keeper, the HTTP server on 127.0.0.1, and their end."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
from typing import TYPE_CHECKING

from aiohttp import web

from lensd.page.access import Access
from lensd.page.lens_list import LensList
from lensd.page.link import KeeperLink
from lensd.page.live import LivePicture
from lensd.page.web import PreviewSite

if TYPE_CHECKING:
    from collections import deque

    from lensd.control.messages import Message

log = logging.getLogger(__name__)

USUAL_PORT = 8790
_BACKLOG = 32
_SEND_BUFFER_BYTES = 256 * 1024  # one or two pictures
_END_S = 0.05


class PageProcess:
    """Serves the page until the keeper has gone, or SIGTERM."""

    def __init__(self, control: int) -> None:
        """Take over the inherited end of the keeper's socket. Within a running loop.

        Raises:
            OSError: `control` is no socket.
        """
        self._access = Access()
        self._live = LivePicture(self._tell_viewers)
        self._link = KeeperLink(control, self._event)
        self._url = ""

    async def run(self) -> None:
        """Serve.

        Raises:
            OSError: no port can be had.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._link.close)
        listener = listen()
        port = listener.getsockname()[1]
        application = PreviewSite(self._access, self._link, self._live, LensList()).application(port)
        # No access log: its lines would hold tokens. Nothing of aiohttp's own either: it quotes requests that it
        # cannot parse. A handler ends with its browser's connection, so that nothing is encoded for one that left.
        silent = logging.getLogger(f"{__name__}.http")
        silent.addHandler(logging.NullHandler())
        silent.propagate = False
        runner = web.AppRunner(
            application,
            access_log=None,
            logger=silent,
            handler_cancellation=True,
            keepalive_timeout=30,
            lingering_time=1,  # seconds in which a refused body is still read, so that the refusal is read too
            shutdown_timeout=_END_S,
        )
        await runner.setup()
        await web.SockSite(runner, listener, backlog=_BACKLOG).start()
        self._url = f"http://127.0.0.1:{port}/"
        self._link.send({"event": "ready", "url": self._fresh_url()})
        await self._link.ended.wait()
        await runner.cleanup()  # whoever waits for a picture is sent away before there are none
        await self._live.close()

    def _event(self, message: Message, descriptors: deque[int]) -> None:
        event = message["event"]
        if event == "show" and descriptors:
            self._live.show(descriptors.popleft())
        elif event == "ticket":
            self._link.send({"event": "ticket", "id": message.get("id"), "url": self._fresh_url()})
        else:
            log.warning("The keeper sent something unknown")

    def _fresh_url(self) -> str:
        return f"{self._url}?token={self._access.token()}"

    def _tell_viewers(self, count: int) -> None:
        self._link.send({"event": "viewers", "count": count})


def listen() -> socket.socket:
    """Return a socket that listens on 127.0.0.1 only, at the usual port if it is free, so that addresses stay short.

    Raises:
        OSError: no port can be had.
    """
    for port in (USUAL_PORT, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)  # connections inherit it
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            if not port or error.errno != errno.EADDRINUSE:
                raise
        else:
            return listener
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


async def serve(control: int) -> None:
    """Serve the page until its keeper has gone.

    Raises:
        OSError: `control` is no socket, or no port can be had.
    """
    await PageProcess(control).run()

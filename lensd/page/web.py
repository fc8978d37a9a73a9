"""The page's addresses: the page itself, the live picture, the lenses, the figures, and the switch."""

from __future__ import annotations

import asyncio
import re
from importlib.resources import files
from typing import TYPE_CHECKING

from aiohttp import web

from lensd.control.messages import decode
from lensd.errors import ControlError, LensdError, ProtocolError
from lensd.page.guard import Guard, refusal
from lensd.page.live import LivePicture, TooManyViewers
from lensd.page.words import figures_from_status

if TYPE_CHECKING:
    from lensd.page.access import Access
    from lensd.page.lens_list import LensList
    from lensd.page.link import KeeperLink

MAX_BODY_BYTES = 4096
MAX_NAME = 40
SWITCH_TIMEOUT_S = 20.0
_STATUS_TIMEOUT_S = 5.0
_PICTURE_TIMEOUT_S = 10.0
_VIEWER = re.compile(r"[a-z0-9]{8,32}")
_NUMBER = re.compile(r"[0-9]{1,15}")
_STATIC = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}


class PreviewSite:
    """The addresses, over what they show."""

    def __init__(self, access: Access, link: KeeperLink, live: LivePicture, lenses: LensList) -> None:
        self._access, self._link, self._live, self._lenses = access, link, live, lenses
        folder = files("lensd.page") / "static"
        self._page = (folder / "page.html").read_text()
        self._locked_page = (folder / "locked.html").read_text()
        self._static = {name: (folder / name).read_bytes() for name in _STATIC}

    def application(self, port: int) -> web.Application:
        """Return what an HTTP server on `port` of 127.0.0.1 serves."""
        self._guard = Guard(self._access, port, self._locked_page)
        application = web.Application(middlewares=[self._guard.middleware], client_max_size=MAX_BODY_BYTES)
        application.add_routes(
            [
                web.get("/", self._index, name="index", allow_head=False),
                web.get("/picture", self._picture, name="picture", allow_head=False),
                web.get("/status", self._status, name="status", allow_head=False),
                web.get("/lenses", self._lens_list, name="lenses", allow_head=False),
                web.get("/lenses/{name}/preview", self._preview, name="preview", allow_head=False),
                web.post("/switch", self._switch, name="switch"),
                web.post("/pause", self._pause, name="pause"),
                *(web.get(f"/{name}", self._file, name=name, allow_head=False) for name in _STATIC),
            ]
        )
        return application

    async def _index(self, request: web.Request) -> web.Response:
        if "token" in request.query:
            return self._guard.admit(request, request.query["token"])
        return web.Response(text=self._page, content_type="text/html")

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info.route.name or ""
        return web.Response(body=self._static[name], content_type=_STATIC[name])

    async def _picture(self, request: web.Request) -> web.Response:
        viewer, after = request.query.get("viewer", ""), request.query.get("after", "0")
        if not _VIEWER.fullmatch(viewer) or not _NUMBER.fullmatch(after):
            return refusal(400, "the picture", "needs a viewer (8 to 32 letters and digits) and a number")
        try:
            picture = await self._live.next(viewer, int(after), _PICTURE_TIMEOUT_S)
        except TooManyViewers:
            return refusal(429, "the live picture", "is open in too many tabs", "close some of them")
        if picture is None:
            return web.Response(status=204)
        headers = {"X-Picture-Number": str(picture.number), "X-Picture-Age-Ms": f"{picture.age_ms:.1f}"}
        return web.Response(body=picture.jpeg, content_type="image/jpeg", headers=headers)

    async def _status(self, _request: web.Request) -> web.Response:
        try:
            status = await self._link.call("status", {}, _STATUS_TIMEOUT_S)
        except LensdError as error:
            return _refused(error)
        return web.json_response(figures_from_status(status))

    async def _lens_list(self, _request: web.Request) -> web.Response:
        return web.json_response(await asyncio.to_thread(self._lenses.as_list))

    async def _preview(self, request: web.Request) -> web.Response:
        picture = await asyncio.to_thread(self._lenses.preview, request.match_info["name"])
        if picture is None:
            return refusal(404, "the lens", "has no preview")
        return web.Response(body=picture, content_type="image/webp")

    async def _switch(self, request: web.Request) -> web.Response:
        lens = await _posted(request, "lens")
        if not isinstance(lens, str) or len(lens) > MAX_NAME:
            return refusal(400, "the switch", "needs the name of a lens")
        try:
            result = await self._link.call("switch", {"lens": lens}, SWITCH_TIMEOUT_S)
        except LensdError as error:
            return _refused(error)
        return web.json_response({"lens": str(result.get("lens", lens))})

    async def _pause(self, request: web.Request) -> web.Response:
        paused = await _posted(request, "paused")
        if not isinstance(paused, bool):
            return refusal(400, "the pause", "must be true or false")
        try:
            await self._link.call("pause" if paused else "resume", {}, _STATUS_TIMEOUT_S)
        except LensdError as error:
            return _refused(error)
        return web.json_response({"paused": paused})


async def _posted(request: web.Request, name: str) -> object:
    """Return a value of the posted JSON object; None where it lacks it or is none."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        return decode(await request.read()).get(name)
    except ProtocolError:
        return None


def _refused(error: LensdError) -> web.Response:
    return refusal(503 if isinstance(error, ControlError) else 409, error.what, error.why, error.hint)

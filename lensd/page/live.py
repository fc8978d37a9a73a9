"""The live picture: encoded only while somebody looks, once for all who do, and never queued.

A browser asks for the next picture when it has drawn the last, and is given the newest. So a slow browser sees fewer
pictures, not older ones; a hidden or closed one asks for none, and then nothing is mapped, copied or encoded. A stream
(multipart/x-mixed-replace) would fill half a megabyte of socket buffers first, which is 8 pictures: 0.27 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lensd.page.encode import EncodedPicture, JpegEncoder, age_ms
from lensd.shared_picture import SharedPictureReader

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

MAX_VIEWERS = 16
_PERIOD_S = 1 / 30
_GLANCE_S = 0.004  # how often memory is looked at for a new picture; an eventfd has one reader, the keeper
_IDLE_GLANCE_S = 0.03  # when none has come for a while, as under a card
_IDLE_AFTER_S = 0.3
GONE_AFTER_S = 2.0


class TooManyViewers(Exception):
    """Sixteen tabs look already."""


class LivePicture:
    """Lives on one event loop, with one thread that encodes."""

    def __init__(self, on_viewers: Callable[[int], None]) -> None:
        """Begin with nothing on air and nobody looking. Within a running loop.

        Args:
            on_viewers: called with the number of viewers whenever it changes.
        """
        self._on_viewers = on_viewers
        self._loop = asyncio.get_running_loop()
        self._descriptor = -1
        self._reader: SharedPictureReader | None = None
        self._encoder: JpegEncoder | None = None
        self._sequence = 0  # of the reader's picture that was encoded last
        self._number = 0
        self._latest: EncodedPicture | None = None
        self._next: asyncio.Future[EncodedPicture] = self._loop.create_future()
        self._asked = asyncio.Event()
        self._viewers: dict[str, float] = {}  # when each was here last
        self._waiting: Counter[str] = Counter()
        self._counted = 0
        self._thread = ThreadPoolExecutor(1, "encode")
        self._producing: asyncio.Task[None] | None = None

    def show(self, descriptor: int) -> None:
        """Look at another shared picture from now on; `descriptor` is ours, the one before is closed."""
        self._close_descriptor()
        self._descriptor, self._reader, self._sequence, self._latest = descriptor, None, 0, None

    async def next(self, viewer: str, after: int, timeout_s: float) -> EncodedPicture | None:
        """Wait for a picture newer than number `after` and return the newest; None where there is none in time.

        Args:
            viewer: a name that the browser's tab gave itself.
            after: the number of the picture that it has; 0 for none.
            timeout_s: how long to wait.

        Raises:
            TooManyViewers: it is one too many.
        """
        if viewer not in self._viewers and len(self._viewers) >= MAX_VIEWERS:
            raise TooManyViewers
        self._waiting[viewer] += 1
        self._seen(viewer)
        try:
            if self._latest is not None and self._latest.number > after and not self._stale():
                return self._latest
            self._asked.set()
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(self._next)
        except TimeoutError:
            return None
        finally:
            self._waiting[viewer] -= 1
            self._seen(viewer)

    async def close(self) -> None:
        """End the thread and give the memory back."""
        if self._producing is not None:
            self._producing.cancel()
            await asyncio.wait([self._producing])
        self._thread.shutdown()
        self._forget_picture()
        self._close_descriptor()

    def _seen(self, viewer: str) -> None:
        self._viewers[viewer] = self._loop.time()
        self._count()
        if self._producing is None or self._producing.done():
            self._producing = self._loop.create_task(self._produce())
            self._producing.add_done_callback(self._produced)

    def _count(self) -> None:
        if len(self._viewers) != self._counted:
            self._counted = len(self._viewers)
            self._on_viewers(self._counted)

    def _forget_the_gone(self) -> None:
        now_s = self._loop.time()
        for viewer, seen_s in list(self._viewers.items()):
            if not self._waiting[viewer] and now_s - seen_s > GONE_AFTER_S:
                del self._viewers[viewer], self._waiting[viewer]
        self._count()

    async def _produce(self) -> None:
        """Encode for as long as there are viewers, whenever one of them waits."""
        due_s = changed_s = 0.0
        while self._viewers:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GONE_AFTER_S / 4):
                    await self._asked.wait()
            self._forget_the_gone()
            if not self._waiting.total():
                self._asked.clear()
                continue
            await asyncio.sleep(due_s - self._loop.time())
            begun_s = self._loop.time()
            if not await self._encode():
                await asyncio.sleep(_GLANCE_S if begun_s - changed_s < _IDLE_AFTER_S else _IDLE_GLANCE_S)
                continue
            # A little early, so that a camera of 30 pictures a second is never waited for a whole glance too long.
            changed_s, due_s = begun_s, begun_s + 0.8 * _PERIOD_S

    def _produced(self, task: asyncio.Task[None]) -> None:
        if self._producing is task:
            self._producing = None
        self._forget_picture()  # nobody looks: nothing is kept, nothing stays mapped
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("The live picture stopped: %s: %s", type(error).__name__, error)

    async def _encode(self) -> bool:
        """Encode the newest picture if it is new, and give it to all who wait."""
        reader = self._open()
        if reader is None or not self._stale():
            return False
        if self._encoder is None or self._encoder.size != (reader.width, reader.height):
            self._encoder = JpegEncoder(reader.width, reader.height)
        taken = await self._loop.run_in_executor(self._thread, self._encoder.encode, reader)
        if taken is None or reader is not self._reader:
            return False  # there is no whole picture yet, or it is no longer on air
        stamp, jpeg = taken
        self._sequence = stamp.sequence
        self._number += 1
        self._latest = EncodedPicture(self._number, jpeg, age_ms(stamp))
        self._asked.clear()
        waited, self._next = self._next, self._loop.create_future()
        waited.set_result(self._latest)
        return True

    def _open(self) -> SharedPictureReader | None:
        if self._reader is None and self._descriptor >= 0:
            try:
                self._reader = SharedPictureReader(self._descriptor, marks=False)
            except (ValueError, OSError) as error:
                log.warning("The picture on air cannot be looked at: %s", error)
                self._close_descriptor()
        return self._reader

    def _stale(self) -> bool:
        """There is another picture in memory than the one that was encoded last."""
        return self._reader is None or self._reader.newest_sequence() != self._sequence

    def _forget_picture(self) -> None:
        self._reader = self._encoder = self._latest = None
        self._sequence = 0

    def _close_descriptor(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

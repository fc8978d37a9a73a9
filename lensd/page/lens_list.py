"""The lenses as the page shows them, with their preview pictures."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from lensd.errors import LensdError
from lensd.lens.catalogue import find_lenses
from lensd.lens.package import PREVIEW_BYTES_MAX
from lensd.lens.picture_headers import check_webp

if TYPE_CHECKING:
    from lensd.lens.catalogue import LensInfo

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 2.0


class LensList:
    """Which lenses there are, looked up again when the page asks after two seconds. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lenses: dict[str, LensInfo] = {}
        self._read_s = -LOOK_AGAIN_S

    def as_list(self) -> list[dict[str, Any]]:
        """Return name, title, kind and source of each lens, and whether it has a preview. A few milliseconds."""
        return [
            {"name": lens.name, "title": lens.title, "kind": lens.kind, "source": lens.source, "preview": has_preview}
            for lens in self._look().values()
            for has_preview in [lens.preview is not None]
        ]

    def preview(self, name: str) -> bytes | None:
        """Return the preview of lens `name`, a WebP picture; None where there is none or it is not one.

        The name chooses among the lenses that are known; no path is made from it.
        """
        lens = self._look().get(name)
        if lens is None or lens.preview is None:
            return None
        try:
            with lens.preview.open("rb") as file:
                picture = file.read(PREVIEW_BYTES_MAX + 1)
            if len(picture) > PREVIEW_BYTES_MAX:
                return None
            check_webp(picture, f"{name}.lens/preview.webp")
        except (OSError, LensdError) as error:
            log.warning("The preview of lens %s cannot be shown: %s", name, error)
            return None
        return picture

    def _look(self) -> dict[str, LensInfo]:
        with self._lock:
            if time.monotonic() - self._read_s > LOOK_AGAIN_S:
                try:
                    self._lenses = {lens.name: lens for lens in find_lenses()}
                except LensdError as error:
                    log.warning("The lenses cannot be listed: %s", error)
                self._read_s = time.monotonic()
            return self._lenses

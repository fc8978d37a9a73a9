"""How fast each kernel ran on this GPU, kept from build to build: TensorRT then times only what it has not timed yet.

TensorRT for RTX times nothing while it builds (its own words: timing cache operations are no-ops there).
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    import tensorrt_rtx as api

    from lensd.engine.cuda import Gpu

_log = logging.getLogger(__name__)
_BYTES_MAX = 256 << 20


class TimingCache:
    """The timings of one builder configuration, from a file and back.

    TensorRT itself refuses timings of another version or GPU (it then begins anew), and the file is the user's own.
    """

    def __init__(self, config: api.IBuilderConfig, path: Path) -> None:
        """Give `config` the timings that `path` has, or none."""
        self._config, self._path = config, path
        cache = config.create_timing_cache(self._read())
        if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
            _log.warning("timing cache: %s is of no use here; the kernels are timed again", path.name)
            empty = config.create_timing_cache(b"")
            if empty is not None:
                config.set_timing_cache(empty, ignore_mismatch=False)

    def keep(self) -> int:
        """Write what is known after a build; return its bytes, 0 where nothing could be kept (logged)."""
        cache = self._config.get_timing_cache()
        content = cache.serialize() if cache is not None else None
        if content is None:
            return 0
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._path, bytes(content), mode=0o600)
        except OSError as error:
            _log.warning("timing cache: it could not be kept: %s", error)
            return 0
        return content.nbytes

    def _read(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                return file.read(_BYTES_MAX)
        except FileNotFoundError:
            return b""
        except OSError as error:
            _log.warning("timing cache: %s", error)
            return b""


def timings_file(folder: Path, version: str, device: Gpu) -> Path:
    """Return where the timings of TensorRT `version` on `device` are kept in `folder`."""
    key = f"{version} {device.name} {device.compute_capability} {device.driver}"
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.timings"

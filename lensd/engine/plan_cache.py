"""Plans, kept under a key of everything that makes them valid.

A plan is what TensorRT makes of a network for one GPU. Deserialising a corrupt or foreign one may crash the process, so
a plan is given to TensorRT only if its header names the very key and its hash is right; else it is built again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from lensd.config import cache_dir
from lensd.whole_file import write_whole

_log = logging.getLogger(__name__)

_FORMAT = 1
_HEADER_BYTES = 4096
_KEPT_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class PlanKey:
    """What a plan was built from, and for; two machines with equal keys may share the plan.

    Attributes:
        network_sha256: of the ONNX file, 64 hexadecimal digits.
        runtime: "tensorrt" or "tensorrt-rtx".
        version: of its module.
        compute_capability: of the GPU, such as "8.9".
        gpu: its name where the plan is tuned to the model ("tensorrt" times its kernels), else empty.
        driver: the driver's CUDA version, 13010 for 13.1.
        flags: the builder's, as they were set.
    """

    network_sha256: str
    runtime: str
    version: str
    compute_capability: str
    gpu: str
    driver: int
    flags: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """32 hexadecimal digits that name the plan's file."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


class PlanCache:
    """A folder of plans; several processes may use it at a time."""

    def __init__(self, folder: Path | None = None, kept_bytes: int = _KEPT_BYTES) -> None:
        """Use `folder`, by default the user's cache; the plans used longest ago go when it outgrows `kept_bytes`."""
        self._folder = cache_dir() / "plans" if folder is None else folder
        self._kept_bytes = kept_bytes

    def path(self, key: PlanKey) -> Path:
        """Return where the plan of `key` is kept."""
        return self._folder / f"{key.digest}.plan"

    def load(self, key: PlanKey) -> bytes | None:
        """Return the plan of `key`, or None; one that is corrupt, foreign or another user's is removed."""
        path = self.path(key)
        try:
            with path.open("rb") as file:
                mine = os.fstat(file.fileno()).st_uid == os.getuid()
                header, plan = file.readline(_HEADER_BYTES), file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("plan cache: %s", error)
            return None
        if mine and header == _header(key, plan):
            os.utime(path)
            return plan
        _log.warning("plan cache: %s is corrupt or foreign; it will be built again", path.name)
        path.unlink(missing_ok=True)
        return None

    def store(self, key: PlanKey, plan: bytes) -> None:
        """Keep `plan`. A full or read-only disk is logged, no more: the plan in hand serves without its file."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self.path(key), _header(key, plan) + plan, mode=0o600)
            self._prune(self.path(key))
        except OSError as error:
            _log.warning("plan cache: the plan could not be kept: %s", error)

    def _prune(self, newest: Path) -> None:
        sizes = {path: path.stat() for path in self._folder.glob("*.plan")}
        total = sum(stat.st_size for stat in sizes.values())
        for path in sorted(sizes, key=lambda path: sizes[path].st_mtime_ns):
            if total <= self._kept_bytes:
                return
            if path != newest:
                path.unlink(missing_ok=True)
                total -= sizes[path].st_size


def _header(key: PlanKey, plan: bytes) -> bytes:
    """Return the line that stands before a plan: its key, length and hash."""
    fields = {"format": _FORMAT, "key": asdict(key), "bytes": len(plan), "sha256": hashlib.sha256(plan).hexdigest()}
    return json.dumps(fields, sort_keys=True).encode() + b"\n"

"""A screen that nobody sits at: Xvfb, whose pixels lie in a file."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import numpy as np

SIZE = (800, 600)


class Screen:
    """One display; `environment` leads programs to it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "Xvfb_screen0"
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24"]
        command += ["-fbdir", str(folder), "-nolisten", "tcp", "-noreset"]
        self._process = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
        os.close(writing)
        with os.fdopen(reading) as told:
            self.name = f":{told.readline().strip()}"  # written once it answers

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DISPLAY": self.name}

    def pixels(self) -> np.ndarray:
        """What is seen: (H, W, 3) uint8 RGB. The file is an XWD dump: header, colour map, rows of B, G, R, nothing."""
        content = self._file.read_bytes()
        header = struct.unpack(">25I", content[:100])
        rows = np.frombuffer(content, np.uint8, offset=header[0] + header[19] * 12)[: header[12] * header[5]]
        return rows.reshape(header[5], header[12] // 4, 4)[..., 2::-1]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)

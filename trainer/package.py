"""A lens package written: its files, and the lens.toml that names and hashes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.errors import ConfigError
from lensd.lens.package import open_package
from lensd.sharing.pack import files_table
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lensd.frames import U8


def png(picture: U8) -> bytes:
    """Encode (H, W, 3 or 4) uint8 RGB or RGBA as PNG.

    Raises:
        ConfigError: it cannot be encoded.
    """
    code = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    return _encoded(".png", cv2.cvtColor(picture, code), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def webp(picture: U8) -> bytes:
    """Encode (H, W, 3) uint8 RGB as WebP.

    Raises:
        ConfigError: it cannot be encoded.
    """
    return _encoded(".webp", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, 88])


def write_package(folder: Path, head: str, files: Mapping[str, bytes]) -> None:
    """Write a package and open it again, so that what was written is what lensd takes.

    Args:
        folder: NAME.lens; made where missing. Files of an older version that are not written again are removed.
        head: lens.toml up to [files].
        files: name to content; lens.toml is written last.

    Raises:
        OSError: the folder cannot be written.
        LensError: what was written is no package.
    """
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    write_whole(folder / "lens.toml", f"{head.strip()}\n\n{files_table(files)}".encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in {*files, "lens.toml"}:
            path.unlink()
    open_package(folder)


def over(photo: U8, rgba: U8) -> U8:
    """Lay straight RGBA over a photograph of the same size: (H, W, 3) uint8."""
    matte = rgba[..., 3:].astype(np.float32) / 255
    return np.rint(photo * (1 - matte) + rgba[..., :3] * matte).astype(np.uint8)


def _encoded(suffix: str, picture: np.ndarray, options: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, picture, options)
    if not done:
        raise ConfigError(
            f"a {suffix} file", "could not be encoded by OpenCV", "pip install --force-reinstall opencv-python"
        )
    return data.tobytes()

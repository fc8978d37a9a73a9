"""A video's frames as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

from lensd.application.video_in import VideoReader
from lensd.errors import MediaError
from trainer.dataset.work import Done
from trainer.dataset.write import write_png

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def write_frames(
    video: Path, out: Path, *, every: int, most: int | None, tell: Callable[[str, int, int], None]
) -> Done:
    """Write every `every`-th frame of `video` as `STEM-NUMBER.png`; those that are there are left out.

    Args:
        video: anything that FFmpeg reads, upright in the end.
        out: folder to write, made where missing.
        every: 1 for all frames.
        most: files at most, those that are there counted.
        tell: called with "frames", how many were seen, and about how many there are.

    Raises:
        MediaError: it cannot be read, is damaged or cut off, or a file cannot be written. What was written is whole.
    """
    written = skipped = number = 0
    with VideoReader(video) as reader:
        about = max(1, round(reader.duration_s * reader.rate))
        for frame in reader.read():
            if not isinstance(frame, av.VideoFrame):
                continue
            number += 1
            tell("frames", min(number, about), about)
            if (number - 1) % every:
                continue
            target = out / f"{video.stem}-{number - 1:06d}.png"
            if target.exists():
                skipped += 1
            else:
                _write(target, reader, frame)
                written += 1
            if most is not None and written + skipped >= most:
                break
    if not number:
        raise MediaError(str(video), "has no pictures")
    return Done(written, skipped)


def _write(target: Path, reader: VideoReader, frame: av.VideoFrame) -> None:
    picture = reader.picture(frame)
    planes = picture.data.reshape(picture.height * 3 // 2, picture.width)
    rgb = np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420), np.uint8)
    height, width = (frame.width, frame.height) if reader.turned else (frame.height, frame.width)
    write_png(target, rgb[:height, :width])

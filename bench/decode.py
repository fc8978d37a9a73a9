"""What it costs to decode one frame, by pixel format and size, on one core.

python bench/decode.py
"""

import io
import json
import statistics
import time

import cv2
import numpy as np
from PIL import Image

from lensd.camera.decode import Decoder
from lensd.frames import Picture, PixelFormat, RawFrame, VideoFormat

FRAMES = 40


def frame_bytes(pixel_format: PixelFormat, subsampling: str, width: int, height: int) -> bytes:
    """Return a frame with as much detail as a webcam's: a smooth picture with some grain."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 40, width // 40, 3), np.uint8)
    rgb = cv2.add(
        cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC),
        rng.integers(0, 12, (height, width, 3), np.uint8),
    )
    if pixel_format is not PixelFormat.MJPG:
        return rng.integers(0, 256, width * height * 3, np.uint8).tobytes()
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=85, subsampling=subsampling)
    return file.getvalue()


def median_ms(raw: RawFrame, picture: Picture) -> float:
    """Return the median time of decoding `raw` into `picture`."""
    decoder = Decoder(VideoFormat(picture.width, picture.height, 30))
    times = []
    for _ in range(FRAMES):
        start = time.perf_counter()
        decoder.decode(raw, picture)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def main() -> None:
    """Print one line a format, and all as JSON."""
    cv2.setNumThreads(1)
    sizes = {"480p": (640, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
    cases = {**{name: (size, size) for name, size in sizes.items()}, "1080p to 720p": (sizes["1080p"], sizes["720p"])}
    print(f"{'ms a frame':12}" + "".join(f"{name:>15}" for name in cases))
    kinds = [(PixelFormat.MJPG, s) for s in ("4:2:0", "4:2:2", "4:4:4")]
    kinds += [(each, "") for each in PixelFormat if each is not PixelFormat.MJPG]
    told = {}
    for pixel_format, subsampling in kinds:
        name = f"{pixel_format.name} {subsampling}".strip()
        told[name] = {}
        for case, ((width, height), out_size) in cases.items():
            data = frame_bytes(pixel_format, subsampling, width, height)
            raw = RawFrame(data, pixel_format, width, height, pixel_format is PixelFormat.MJPG, 0, 0)
            told[name][case] = round(median_ms(raw, Picture(*out_size)), 3)
        print(f"{name:12}" + "".join(f"{ms:15.2f}" for ms in told[name].values()))
    print(json.dumps({"decode_ms": told}))


if __name__ == "__main__":
    main()

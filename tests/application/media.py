"""Small pictures and videos with a face in them: NASA's public-domain portrait."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import skimage.data


def portrait(width: int = 320, height: int = 240) -> np.ndarray:
    """The portrait's face in a picture of this size: (height, width, 3) uint8 RGB."""
    whole = skimage.data.astronaut()
    return np.ascontiguousarray(whole[20 : 20 + height, 60 : 60 + width])


def write_video(
    path: Path,
    *,
    frames: int = 20,
    size: tuple[int, int] = (320, 240),
    times: list[int] | None = None,
    sound: str | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    face: bool = True,
) -> Path:
    """Write a video of the portrait moving right by two pixels a frame, 25 a second, with a tone where asked for."""
    with av.open(str(path), "w", options=options or {}) as container:
        quick = {"deadline": "realtime", "cpu-used": "8"} if "vpx" in codec else {"preset": "ultrafast"}
        stream = container.add_stream(codec, rate=25, options=quick)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = Fraction(1, 1000 if times else 25)
        tone = container.add_stream(sound, rate=48_000, layout="mono") if sound else None
        whole = skimage.data.astronaut()
        for number in range(frames):
            left = 60 - 2 * (number % 20)
            pixels = np.ascontiguousarray(whole[20 : 20 + size[1], left : left + size[0]])
            if not face:
                pixels[:] = 90
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = times[number] if times else number
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone is not None:
            _write_tone(container, tone, frames / 25)
    return path


def _write_tone(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    count = int(seconds * 48_000)
    wave = (np.sin(np.arange(count) * 2 * np.pi * 440 / 48_000) * 8000).astype(np.int16)[None]
    resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=48_000)
    size = stream.codec_context.frame_size or 1024
    fifo = av.AudioFifo()
    for start in range(0, count, 1024):
        frame = av.AudioFrame.from_ndarray(wave[:, start : start + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, start
        for part in resampler.resample(frame):
            fifo.write(part)
    while (part := fifo.read(size, partial=True)) is not None:
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def packets(path: Path, kind: str) -> list[tuple[float, bytes]]:
    """All packets of the first stream of one kind: time in seconds, and bytes."""
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        found = [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(stream) if p.dts is not None]
    return sorted(found, key=lambda packet: packet[0])


def frames(path: Path) -> list[tuple[float, np.ndarray]]:
    """All pictures: time in seconds, and (H, W, 3) uint8 RGB as stored."""
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]

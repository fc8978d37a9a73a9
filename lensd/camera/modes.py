"""What a webcam offers, and which of it to take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lensd.frames import PixelFormat, VideoFormat
from lensd.v4l2 import device
from lensd.v4l2.uapi import BufferType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# V4L2's codes that we can decode, the cheapest first: YUYV takes 0.15 ms at 1280x720, MJPG 3 ms. JPEG is MJPG's twin.
READABLE = {
    "YUYV": PixelFormat.YUYV,
    "NV12": PixelFormat.NV12,
    "YU12": PixelFormat.I420,
    "RGB3": PixelFormat.RGB,
    "MJPG": PixelFormat.MJPG,
    "JPEG": PixelFormat.MJPG,
}
_CHEAPEST_FIRST = list(READABLE)
# Of a pixel on its way over the bus; a webcam's JPEGs take 2 to 4.
_BITS = {"YUYV": 16, "NV12": 12, "YU12": 12, "RGB3": 24, "MJPG": 4, "JPEG": 4}
_TYPICAL = (1280, 720)


@dataclass(frozen=True, slots=True)
class Offer:
    """A pixel format and a size (or a range of sizes) that a camera has.

    Attributes:
        code: V4L2's FourCC.
        width, height: the size, or the smallest. most_width, most_height: the same, or the largest.
        rates: in 1/s, ascending; empty where the driver does not say.
    """

    code: str
    width: int
    height: int
    most_width: int
    most_height: int
    rates: tuple[float, ...]

    def __str__(self) -> str:
        """Return it as people read it: 1280x720 at 10, 30."""
        size = f"{self.width}x{self.height}"
        if (self.width, self.height) != (self.most_width, self.most_height):
            size += f" to {self.most_width}x{self.most_height}"
        rates = ", ".join(f"{rate:g}" for rate in sorted({round(rate, 2) for rate in self.rates}))
        return f"{size} at {rates}" if rates else size

    def nearest(self, width: int, height: int) -> tuple[int, int]:
        """Return the size in the range that is nearest to `width` x `height`."""
        return min(max(width, self.width), self.most_width), min(max(height, self.height), self.most_height)


@dataclass(frozen=True, slots=True)
class Mode:
    """What to ask a camera for, and what of the bus that takes, about: bits a second."""

    code: str
    width: int
    height: int
    load: float = field(default=0.0, compare=False)

    def __str__(self) -> str:
        """Return it as people read it: MJPG 1280x720."""
        return f"{self.code} {self.width}x{self.height}"


def offers(descriptor: int, wanted: tuple[int, int] = _TYPICAL) -> Iterator[Offer]:
    """Yield what the open capture device has that we can decode.

    Where a range of sizes is offered, its rates are those at the size nearest to `wanted`.
    """
    for code in device.pixel_formats(descriptor, BufferType.CAPTURE):
        if code not in READABLE:
            continue
        sizes = list(device.frame_sizes(descriptor, code)) or [device.FrameSize(*wanted, *wanted)]
        for size in sizes:
            offer = Offer(code, size.width, size.height, size.most_width, size.most_height, ())
            rates = device.frame_rates(descriptor, code, *offer.nearest(*wanted))
            yield Offer(code, size.width, size.height, size.most_width, size.most_height, tuple(sorted(rates)))


def choose(available: Iterable[Offer], wanted: VideoFormat, below: float = float("inf")) -> Mode | None:
    """Return what to ask for, None where nothing is available; of that only what the bus has to carry less for.

    Smooth comes before sharp (half the rate looks worse than half the size), then the size that loses least, then the
    rate, then what is cheapest to decode. So MJPG is taken where YUYV does not reach the rate, else YUYV.

    Args:
        available: what the camera has.
        wanted: what its frames are for.
        below: bits a second that the bus was too narrow for.
    """

    def cost(offer: Offer) -> tuple[bool, float, float, int]:
        width, height = offer.nearest(wanted.width, wanted.height)
        fastest = max(offer.rates, default=wanted.fps)
        missing = max(0.0, wanted.fps - fastest)
        order = _CHEAPEST_FIRST.index(offer.code)
        return missing > wanted.fps / 3, _loss(width, height, wanted), round(missing, 1), order

    def mode(offer: Offer) -> Mode:
        width, height = offer.nearest(wanted.width, wanted.height)
        rate = min(wanted.fps, max(offer.rates, default=wanted.fps))
        return Mode(offer.code, width, height, width * height * rate * _BITS[offer.code])

    best = min((each for each in available if mode(each).load < below), key=cost, default=None)
    return None if best is None else mode(best)


def _loss(width: int, height: int, wanted: VideoFormat) -> float:
    """Return what is lost by showing `width` x `height` at the wanted size; 0 is nothing.

    Bars and blur are seen; pixels too many only cost time, so they weigh less.
    """
    scale = min(wanted.width / width, wanted.height / height)
    covered = (width * scale) * (height * scale) / (wanted.width * wanted.height)
    blur = max(0.0, 1 - 1 / scale)
    surplus = max(0.0, 1 / scale**2 - 1)
    return 2 * (1 - covered) + 2 * blur + surplus / 4

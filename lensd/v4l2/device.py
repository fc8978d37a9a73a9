"""What can be asked of an open video device: thin typed functions over its descriptor.

All raise OSError with the kernel's errno: ENODEV after an unplug, EBUSY while another program holds the device, EINVAL
and ENOTTY for what the driver does not know. None blocks for long, except `dequeue` on a blocking descriptor.
"""

from __future__ import annotations

import ctypes
import fcntl
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from lensd.v4l2 import uapi
from lensd.v4l2.uapi import BufferType, Cap, Colorspace, Encoding, Quantization

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Capability:
    """What a device says about itself.

    Attributes:
        driver: such as "uvcvideo" or "v4l2 loopback".
        card: the name that people see.
        bus: such as "usb-0000:00:14.0-5".
        caps: of this node (not of the whole device), as it is at this moment.
    """

    driver: str
    card: str
    bus: str
    caps: Cap


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """What a picture in a device's buffer looks like.

    Attributes:
        pixel_format: FourCC, such as "YUYV".
        bytes_per_line: of the first plane; 0 for compressed formats.
        image_bytes: room for one picture, at most.
    """

    width: int
    height: int
    pixel_format: str
    bytes_per_line: int = 0
    image_bytes: int = 0
    colorspace: int = Colorspace.DEFAULT
    encoding: int = Encoding.DEFAULT
    quantization: int = Quantization.DEFAULT


@dataclass(frozen=True, slots=True)
class FrameSize:
    """Widths and heights a device offers: one size where least and most are the same."""

    width: int
    height: int
    most_width: int
    most_height: int

    @property
    def discrete(self) -> bool:
        """Whether this is a single size."""
        return (self.width, self.height) == (self.most_width, self.most_height)

    def __contains__(self, size: tuple[int, int]) -> bool:
        """Tell whether (width, height) lies within."""
        return self.width <= size[0] <= self.most_width and self.height <= size[1] <= self.most_height


@dataclass(frozen=True, slots=True)
class Filled:
    """A buffer that the driver gave back.

    Attributes:
        index: which of the buffers. bytes_used: of it. sequence: the driver's counter.
        captured_ns: the driver's time, CLOCK_MONOTONIC; None where it has another clock, or none.
        broken: the driver says that the content is damaged.
    """

    index: int
    bytes_used: int
    sequence: int
    captured_ns: int | None
    broken: bool


@dataclass(frozen=True, slots=True)
class Event:
    """An event that was subscribed to: its type, payload (64 bytes) and the driver's time in ns, CLOCK_MONOTONIC."""

    type: int
    payload: bytes
    at_ns: int


def ioctl(descriptor: int, request: int, argument: ctypes.Structure | ctypes.c_int) -> None:
    """Do one request, in place; again where a signal came between.

    Raises:
        OSError: with the kernel's errno.
    """
    while True:
        try:
            fcntl.ioctl(descriptor, request, argument)
        except InterruptedError:
            continue
        return


def query_capability(descriptor: int) -> Capability:
    """Ask who the device is and what this node can do."""
    answer = uapi.Capability()
    ioctl(descriptor, uapi.QUERYCAP, answer)
    whole = int(answer.capabilities)
    caps = int(answer.device_caps) if whole & Cap.DEVICE_CAPS else whole
    driver, card, bus = (text.decode("utf-8", "replace") for text in (answer.driver, answer.card, answer.bus_info))
    return Capability(driver, card, bus, Cap(caps))


def pixel_formats(descriptor: int, side: BufferType) -> Iterator[str]:
    """Yield the FourCCs that the device offers, in its own order."""
    answer = uapi.FmtDesc(type=side)
    for answer.index in range(256):
        try:
            ioctl(descriptor, uapi.ENUM_FMT, answer)
        except OSError:
            return  # EINVAL is the end of the list, ENOTTY no list at all
        yield uapi.fourcc_text(answer.pixelformat)


def frame_sizes(descriptor: int, pixel_format: str) -> Iterator[FrameSize]:
    """Yield the sizes of a pixel format; none where the driver does not list them."""
    answer = uapi.FrmSizeEnum(pixel_format=uapi.fourcc(pixel_format))
    for answer.index in range(256):
        try:
            ioctl(descriptor, uapi.ENUM_FRAMESIZES, answer)
        except OSError:
            return
        if answer.type == 1:
            width, height = answer.size.discrete
            yield FrameSize(width, height, width, height)
        else:
            width, most_width, _, height, most_height, _ = answer.size.stepwise
            yield FrameSize(width, height, most_width, most_height)
            return  # the one range is all


def frame_rates(descriptor: int, pixel_format: str, width: int, height: int) -> Iterator[float]:
    """Yield the rates in 1/s of a format and size; of a range the slowest and the fastest; none where not listed."""
    answer = uapi.FrmIvalEnum(pixel_format=uapi.fourcc(pixel_format), width=width, height=height)
    for answer.index in range(256):
        try:
            ioctl(descriptor, uapi.ENUM_FRAMEINTERVALS, answer)
        except OSError:
            return
        intervals = answer.interval[:1] if answer.type == 1 else reversed(answer.interval[:2])
        yield from (each.denominator / each.numerator for each in intervals if each.numerator)
        if answer.type != 1:
            return


def get_format(descriptor: int, side: BufferType) -> PixelLayout:
    """Return what the device is set to."""
    answer = uapi.Format(type=side)
    ioctl(descriptor, uapi.G_FMT, answer)
    return _layout(answer.fmt.pix)


def set_format(descriptor: int, side: BufferType, wanted: PixelLayout, *, only_try: bool = False) -> PixelLayout:
    """Ask for a size and format, and return what the driver makes of it, which may be something else.

    `only_try` asks what it would make of it and changes nothing. Raises EBUSY while buffers are allocated.
    """
    answer = uapi.Format(type=side)
    pix = answer.fmt.pix
    pix.width, pix.height, pix.pixelformat = wanted.width, wanted.height, uapi.fourcc(wanted.pixel_format)
    pix.field, pix.bytesperline, pix.sizeimage = uapi.FIELD_NONE, wanted.bytes_per_line, wanted.image_bytes
    pix.colorspace, pix.priv = wanted.colorspace, uapi.PRIV_MAGIC
    pix.ycbcr_enc, pix.quantization = wanted.encoding, wanted.quantization
    ioctl(descriptor, uapi.TRY_FMT if only_try else uapi.S_FMT, answer)
    return _layout(pix)


def _layout(pix: uapi.PixFormat) -> PixelLayout:
    text = uapi.fourcc_text(pix.pixelformat)
    filled = pix.priv == uapi.PRIV_MAGIC
    encoding, quantization = (pix.ycbcr_enc, pix.quantization) if filled else (0, 0)
    return PixelLayout(
        pix.width, pix.height, text, pix.bytesperline, pix.sizeimage, pix.colorspace, encoding, quantization
    )


def get_rate(descriptor: int, side: BufferType) -> float:
    """Return the rate in 1/s that the device is set to; 0 where it does not say."""
    answer = uapi.StreamParm(type=side)
    ioctl(descriptor, uapi.G_PARM, answer)
    return _rate(answer)


def set_rate(descriptor: int, side: BufferType, fps: float) -> float:
    """Ask for a rate in 1/s and return the driver's answer; 0 where it does not say."""
    answer = uapi.StreamParm(type=side)
    period = 1 / Fraction(fps).limit_denominator(1001)  # 29.97 is 30000/1001
    answer.parm.parm.timeperframe = uapi.Fract(period.numerator, period.denominator)
    ioctl(descriptor, uapi.S_PARM, answer)
    return _rate(answer)


def _rate(answer: uapi.StreamParm) -> float:
    period = answer.parm.parm.timeperframe
    return float(period.denominator / period.numerator) if period.numerator else 0.0


def request_buffers(descriptor: int, side: BufferType, count: int) -> int:
    """Have the driver allocate `count` buffers (0 frees them) and return how many there are."""
    answer = uapi.RequestBuffers(count=count, type=side, memory=uapi.MEMORY_MMAP)
    ioctl(descriptor, uapi.REQBUFS, answer)
    return int(answer.count)


def query_buffer(descriptor: int, side: BufferType, index: int) -> tuple[int, int]:
    """Return a buffer's offset, to be given to mmap, and its length in bytes."""
    answer = uapi.Buffer(index=index, type=side, memory=uapi.MEMORY_MMAP)
    ioctl(descriptor, uapi.QUERYBUF, answer)
    return int(answer.m.offset), int(answer.length)


def buffer_time_ns(descriptor: int, side: BufferType, index: int) -> int:
    """Return the driver's time of what a buffer holds, in its clock; 0 where it was never filled."""
    answer = uapi.Buffer(index=index, type=side, memory=uapi.MEMORY_MMAP)
    ioctl(descriptor, uapi.QUERYBUF, answer)
    return int(answer.timestamp.seconds) * 1_000_000_000 + int(answer.timestamp.microseconds) * 1000


def queue(descriptor: int, side: BufferType, index: int, bytes_used: int = 0) -> None:
    """Hand a buffer to the driver: to be filled, or with `bytes_used` bytes to be shown."""
    buffer = uapi.Buffer(index=index, type=side, memory=uapi.MEMORY_MMAP, bytesused=bytes_used, field=uapi.FIELD_NONE)
    ioctl(descriptor, uapi.QBUF, buffer)


def dequeue(descriptor: int, side: BufferType) -> Filled:
    """Take a buffer that the driver is done with.

    Raises:
        BlockingIOError: none is ready, on a descriptor opened with O_NONBLOCK.
        OSError: the stream has failed.
    """
    buffer = uapi.Buffer(type=side, memory=uapi.MEMORY_MMAP)
    ioctl(descriptor, uapi.DQBUF, buffer)
    monotonic = buffer.flags & uapi.TIMESTAMP_MASK == uapi.TIMESTAMP_MONOTONIC
    stamp = buffer.timestamp.seconds * 1_000_000_000 + buffer.timestamp.microseconds * 1000
    return Filled(
        buffer.index,
        buffer.bytesused,
        buffer.sequence,
        stamp if monotonic and stamp else None,
        bool(buffer.flags & uapi.BUFFER_ERROR),
    )


def stream_on(descriptor: int, side: BufferType) -> None:
    """Start the stream."""
    ioctl(descriptor, uapi.STREAMON, ctypes.c_int(side))


def stream_off(descriptor: int, side: BufferType) -> None:
    """Stop the stream; all buffers are the program's again."""
    ioctl(descriptor, uapi.STREAMOFF, ctypes.c_int(side))


def subscribe_event(descriptor: int, event: int, *, send_initial: bool = False) -> None:
    """Ask for events of a type; where `send_initial`, at once for the state as it is."""
    flags = uapi.SEND_INITIAL if send_initial else 0
    ioctl(descriptor, uapi.SUBSCRIBE_EVENT, uapi.EventSubscription(type=event, flags=flags))


def unsubscribe_event(descriptor: int, event: int) -> None:
    """Ask for no more events of a type; those that wait are dropped."""
    ioctl(descriptor, uapi.UNSUBSCRIBE_EVENT, uapi.EventSubscription(type=event))


def dequeue_event(descriptor: int) -> Event:
    """Take the oldest event; select shows it as an exceptional condition (POLLPRI).

    Raises:
        OSError: ENOENT where there is none (EAGAIN never comes here).
    """
    answer = uapi.Event()
    ioctl(descriptor, uapi.DQEVENT, answer)
    at_ns = answer.timestamp.seconds * 1_000_000_000 + answer.timestamp.nanoseconds
    return Event(answer.type, bytes(answer.u.data), at_ns)

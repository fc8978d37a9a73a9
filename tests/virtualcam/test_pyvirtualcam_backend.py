"""Our backend as pyvirtualcam sees it."""

from __future__ import annotations

import pytest
import pyvirtualcam
from pyvirtualcam.util import encode_fourcc

from lensd.errors import SinkMissing, SinkRefused
from lensd.virtualcam.backend import BACKEND, LoopbackBackend


def test_the_backend_is_registered_and_says_why_it_cannot_open():
    with pytest.raises(RuntimeError, match="/dev/video9999: there is no such device"):
        pyvirtualcam.Camera(640, 480, 30, fmt=pyvirtualcam.PixelFormat.I420, device="/dev/video9999", backend=BACKEND)


def test_the_backend_takes_nothing_but_i420():
    with pytest.raises(SinkRefused, match="takes I420, not raw"):
        LoopbackBackend(width=640, height=480, fps=30, fourcc=encode_fourcc("raw "), device=None)


def test_the_backend_raises_our_own_errors_when_it_is_opened_directly():
    with pytest.raises(SinkMissing):
        LoopbackBackend(width=640, height=480, fps=30, fourcc=encode_fourcc("I420"), device="/dev/video9999")

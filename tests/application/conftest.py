"""A lens that everybody can recognise, and the tracker that ships."""

from __future__ import annotations

import numpy as np
import pytest

from lensd.engine.onnxruntime import OnnxRuntimeEngine
from lensd.face.patient import open_patient_tracker
from lensd.lens.overlay import OverlayLens, Sticker


@pytest.fixture
def lens():
    """Pure red over the eyes."""
    image = np.zeros((32, 64, 4), np.uint8)
    image[4:-4, 4:-4] = (255, 0, 0, 255)
    return OverlayLens("red", [Sticker(image, "eyes", (0.0, -0.19), 0.8)])


@pytest.fixture
def tracker():
    """The tracker for files, with the shipped network."""
    tracker = open_patient_tracker(OnnxRuntimeEngine)
    yield tracker
    tracker.close()


def red(pixels: np.ndarray) -> np.ndarray:
    """Which pixels the lens has painted: (H, W) bool."""
    values = pixels.astype(int)
    return (values[..., 0] > 190) & (values[..., 1] < 60) & (values[..., 2] < 60)

"""SnapLens Camera: a lensed webcam as a virtual camera."""

__version__ = "0.1.0"

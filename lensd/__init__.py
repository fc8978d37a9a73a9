"""SnapLens Camera: a lensed webcam as a virtual camera."""

import os

__version__ = "0.1.0"

# ONNX Runtime from 1.29 on tells its makers of every network that is loaded, over the internet, and keeps a number for
# this computer in ~/.cache. It looks here once, when it is loaded; nothing of ours is loaded before this line.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

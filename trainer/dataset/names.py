"""What people may choose among; imported by the command line, which `lensd --help` loads, so nothing heavy is here."""

from __future__ import annotations

from typing import Literal

Operation = Literal["resize", "grayscale", "blank", "edges"]
"""What is done to one picture."""

Finder = Literal["tracker", "mediapipe"]
"""Who finds faces."""

Landmarks = Literal["auto", "mesh", "tracker", "mediapipe"]
"""Where faces come from: given in mesh478.npz, or found; "auto" takes what is given, and finds the rest."""

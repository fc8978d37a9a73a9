"""A folder of faces as `lensd evaluate` takes it: NASA's public-domain portrait, its mesh laid on by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from lensd.lens.align import template_points

CENTRE, HEIGHT = (223.0, 115.0), 118.0  # of the face in the 512x512 portrait, hair line to chin


def portrait_mesh(*, roll_deg: float = 0.0) -> np.ndarray:
    """The template on the portrait's face: (478, 3) float32."""
    angle = np.deg2rad(roll_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return (template_points() @ turn.T * HEIGHT + [*CENTRE, 0]).astype(np.float32)


def write_faces(folder: Path, count: int = 3, *, index: bool = True) -> Path:
    """Write `count` portraits, moved against each other; the second is odd-sized, the third's mesh is rolled."""
    (folder / "images").mkdir(parents=True)
    whole = skimage.data.astronaut()
    files, points, rows = [], [], []
    for number in range(count):
        left, roll = 4 * number, 25.0 * (number == 2)
        picture = whole[: 400 - number % 2, left : left + 400 - number % 2]
        files.append(f"face_{number}.png")
        points.append(portrait_mesh(roll_deg=roll) - np.array([left, 0, 0], np.float32))
        rows.append((files[-1], 30.0 if number == 1 else 0.0, roll))
        Image.fromarray(picture).save(folder / "images" / files[-1])
    np.savez(folder / "mesh478.npz", files=np.array(files), points=np.array(points, np.float32))
    if index:
        with (folder / "index.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "yaw_deg", "roll_deg"])
            writer.writerows(rows)
    return folder

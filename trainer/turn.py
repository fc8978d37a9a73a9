"""Turning a photographed head by its mesh's depth: few photographs are turned, many webcam pictures are."""

from __future__ import annotations

from functools import cache

import numpy as np

from lensd.frames import F32
from lensd.lens.align import template_points

_NODES = 26
_STEP = 4  # every fourth mesh point carries the warp


def turn(points: F32, width: int, yaw_deg: float, pitch_deg: float) -> tuple[F32, F32]:
    """Turn the head in a square picture.

    Args:
        points: (478, 3) mesh, pixels.
        width: pixels a side of the picture.
        yaw_deg, pitch_deg: by how much.

    Returns:
        The turned mesh, (478, 3) float32, and (n, n, 2) float32, for a coarse grid over the picture how far away, in
        pixels, the colour of the turned picture's pixel lies in the given one.

    The mesh is turned as a rigid body about a vertical and a horizontal axis behind the eyes. Between its points the
    move is the mean of theirs weighted by 1 / (distance^2 + e^2)^2, which reaches on into hair and neck and fades
    to nothing at two face lengths.
    """
    length = float(np.linalg.norm(points[152, :2] - points[10, :2])) or 1.0
    yaw, pitch = np.radians(yaw_deg), np.radians(pitch_deg)
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    axis = points[[234, 454, 127, 356]].mean(0)
    turned = ((points - axis) @ (about_x @ about_y).T + axis).astype(np.float32)
    carriers = _carriers()
    places, moves = turned[carriers, :2], (points - turned)[carriers, :2]
    node = (np.arange(_NODES, dtype=np.float32) + 0.5) * (width / _NODES) - 0.5
    grid = np.stack(np.meshgrid(node, node), -1).reshape(-1, 2)
    squared = (grid[:, :1] - places[:, 0]) ** 2 + (grid[:, 1:] - places[:, 1]) ** 2
    weights = 1 / (squared / (length * length) + 0.004) ** 2
    move = weights @ moves / weights.sum(1, keepdims=True)
    away = np.sqrt(squared.min(1, keepdims=True)) / length
    return turned, (move / (1 + (away / 0.7) ** 4)).reshape(_NODES, _NODES, 2).astype(np.float32)


@cache
def _carriers() -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.arange(0, len(template_points()) - 10, _STEP)

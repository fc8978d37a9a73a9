"""Clips put together from photographs and clips at hand, for bench/faces.py: no face, one or several, in known places.

A head is cut out of a photograph with an ellipse about its mesh; a room is a photograph or a frame with its face
papered over with its own texture. Nothing is written.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import skimage.data

from lensd.frames import Picture
from lensd.lens.align import face_to_picture

WIDTH, HEIGHT, FPS = 1280, 720, 30
GRAIN = 3.0  # standard deviation of luma, of 255: a webcam in a room that is not bright
SCENES = (
    "coffee",
    "chelsea",
    "rocket",
    "brick",
    "grass",
    "gravel",
    "immunohistochemistry",
    "text",
    "page",
    "hubble_deep_field",
)


@dataclass
class Head:
    """A head cut out: colours times matte and matte, (H, W, 4) float32; its mesh in its pixels; the person."""

    rgba: np.ndarray
    mesh: np.ndarray
    person: str

    @property
    def size(self):
        """Hair line to chin, pixels."""
        return float(np.hypot(*face_to_picture(self.mesh)[:, 0]))

    def at(self, x, y, face_px, roll_deg=0.0):
        """Return the affine that puts the face's middle on (x, y), `face_px` high."""
        scale, angle = face_px / self.size, np.radians(roll_deg)
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        linear = np.array([[cos, -sin], [sin, cos]])
        return np.column_stack([linear, [x, y] - linear @ face_to_picture(self.mesh)[:, 2]])


def cut_out(rgb, mesh, person):
    """Return the head of a photograph: face, hair and throat, soft at the edge."""
    pose = face_to_picture(mesh)
    size, roll = np.hypot(*pose[:, 0]), np.degrees(np.arctan2(pose[1, 0], pose[0, 0]))
    matte = np.zeros(rgb.shape[:2], np.float32)
    middle = pose @ [0, -0.08, 1]
    axes = (round(0.5 * size), round(0.72 * size))
    cv2.ellipse(matte, tuple(int(v) for v in middle), axes, float(roll), 0, 360, 1.0, -1)
    matte = cv2.GaussianBlur(matte, (0, 0), 0.03 * size)[..., None]
    return Head(np.dstack([rgb * matte, matte]).astype(np.float32), mesh, person)


def papered(rgb, boxes):
    """Return a photograph without its faces: boxes (x0, y0, x1, y1) filled with a strip of itself, soft at the edge."""
    out = rgb.astype(np.float32)
    for x0, y0, x1, y1 in boxes:
        grow_x, grow_y = 0.35 * (x1 - x0), 0.35 * (y1 - y0)
        left, top = int(max(x0 - grow_x, 0)), int(max(y0 - 1.4 * grow_y, 0))
        right, bottom = int(min(x1 + grow_x, rgb.shape[1])), int(min(y1 + grow_y, rgb.shape[0]))
        below = rgb[min(bottom, rgb.shape[0] - 20) :, left:right]
        paper = cv2.resize(below, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        matte = np.zeros(rgb.shape[:2], np.float32)
        matte[top:bottom, left:right] = 1
        matte = cv2.GaussianBlur(matte, (0, 0), 0.02 * (bottom - top) + 1)[..., None]
        filled = out.copy()
        filled[top:bottom, left:right] = paper
        out = filled * matte + out * (1 - matte)
    return out.astype(np.uint8)


def scenes():
    """Return scikit-image's pictures without people: a text, a cat, walls. Not its coins, which have heads on them."""
    pictures = (getattr(skimage.data, name)() for name in SCENES)
    return [cv2.cvtColor(p, cv2.COLOR_GRAY2RGB) if p.ndim == 2 else np.ascontiguousarray(p[..., :3]) for p in pictures]


class Stage:
    """Makes pictures out of a room and heads, with a sensor's grain."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)
        self._sheet = self.rng.normal(0, GRAIN, (HEIGHT + 64, WIDTH + 64)).astype(np.float32)

    def picture(self, room, heads=(), grain=True):
        """Return a picture: `room` (720, 1280, 3) uint8, and on it (head, affine) each, the later over the earlier."""
        rgb = room.astype(np.uint8, copy=True)
        for head, affine in heads:
            height, width = head.rgba.shape[:2]
            corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ affine.T
            x0, y0 = np.clip(np.floor(corners.min(0)).astype(int), 0, [WIDTH, HEIGHT])
            x1, y1 = np.clip(np.ceil(corners.max(0)).astype(int), 0, [WIDTH, HEIGHT])
            if x1 <= x0 or y1 <= y0:
                continue
            scale = np.hypot(*affine[:, 0])
            rgba, inner = head.rgba, affine.copy()
            if scale < 0.6:  # averaged first, as a lens would
                rgba = cv2.resize(rgba, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
                inner[:, :2] /= 2 * scale
            inner[:, 2] -= [x0, y0]
            over = cv2.warpAffine(rgba, inner, (int(x1 - x0), int(y1 - y0)))
            under = rgb[y0:y1, x0:x1]
            under[:] = np.clip(over[..., :3] + under * (1 - over[..., 3:]), 0, 255)
        picture = Picture(WIDTH, HEIGHT, cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).reshape(-1))
        if grain:
            x, y = self.rng.integers(0, 64, 2)
            noise = self._sheet[y : y + HEIGHT, x : x + WIDTH] * (1 if self.rng.random() < 0.5 else -1)
            picture.y[:] = np.clip(picture.y + noise, 16, 235)
        return picture


def room(rgb, zoom=1.0, x=0.5, y=0.5):
    """Return the 1280x720 part of a photograph that a camera would see, `zoom` times nearer; (x, y) of what is left."""
    height, width = rgb.shape[:2]
    scale = max(WIDTH / width, HEIGHT / height) * zoom
    left, top = (width * scale - WIDTH) * x, (height * scale - HEIGHT) * y
    return cv2.warpAffine(
        rgb, np.array([[scale, 0, -left], [0, scale, -top]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE
    )

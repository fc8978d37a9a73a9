"""The tracker's network: a face's crop to its 478 mesh points and whether it is a face; network, samples and training.

It is taught what the mesh of MediaPipe says of the photographs (pseudo labels), which are moved, turned, dressed and
spoiled like a lens's samples, but farther: the tracker's crop follows the last picture's points.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lensd.lens.align import template_points
from trainer import checkpoint
from trainer.augment import Strength, moved_photo
from trainer.average import follow
from trainer.generator import Residual, Unit
from trainer.no_face import nothing
from trainer.pairs import Crop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.frames import F32
    from trainer.pairs import Pairs

log = logging.getLogger(__name__)

SIZE_PX = 128
SIDE = 1.5  # face units of the crop
POINTS = 478
UNIT_PX = 16.0
STRENGTH = Strength(scale=0.30, shift=0.15, roll_deg=40.0, turned=0.6, sunglasses=0.08, glasses=0.1, occluded=0.2)
# The hand-marked test faces of ../shared/data/landmarks are these sources' people.
TESTED_SOURCES = ("london", "canada")
_NOTHING = 0.2  # share of samples without a face


class LandmarkNet(nn.Module):
    """RGB in 0..1 at 128x128 to (n, 479, 3): mesh in crop pixels, then a row (logit of "this is a face", 0, 0).

    0.07 real GMAC. A fully connected last layer, since every point depends on the whole face.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128, 192)) -> None:
        """Build it with `widths` channels at 1/2, 1/4, ... 1/32 of the size."""
        super().__init__()
        self.stem = Unit(3, widths[0], stride=2)
        stages: list[nn.Module] = []
        for i, (a, b) in enumerate(pairwise(widths)):
            stages.append(Unit(a, b, stride=2))
            stages.append(Residual(b) if 0 < i < 3 else Unit(b, b))
        self.body = nn.Sequential(*stages)
        self.squeeze = Unit(widths[-1], 48, kernel=1)
        self.mix = nn.Linear(48 * (SIZE_PX // 32) ** 2, 256)
        self.points = nn.Linear(256, POINTS * 3)
        self.presence = nn.Linear(256, 1)
        nn.init.normal_(self.points.weight, std=0.01)
        # In units of UNIT_PX from the middle, where the template lies in a perfect crop.
        self.points.bias.data = torch.from_numpy(template_points() * (SIZE_PX / SIDE / UNIT_PX)).reshape(-1).clone()

    def forward(self, x: Tensor) -> Tensor:
        """Find the points: (n, 3, 128, 128) in 0..1 to (n, 479, 3)."""
        return self.place(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """Return what the last layers look at: (n, 256)."""
        x = self.squeeze(self.body(self.stem(x - 0.5)))
        return functional.relu(self.mix(x.flatten(1)))

    def place(self, x: Tensor) -> Tensor:
        """Features to (n, 479, 3); in float32, as bfloat16 knows only every half pixel at 128."""
        middle = x.new_tensor([(SIZE_PX - 1) / 2, (SIZE_PX - 1) / 2, 0.0])
        points = self.points(x).reshape(-1, POINTS, 3) * UNIT_PX + middle
        return torch.cat([points, functional.pad(self.presence(x), (0, 2))[:, None]], 1)


def wing(error: Tensor) -> Tensor:
    """Wing loss of errors in pixels: small errors weigh nearly as much as large ones.

    w ln(1 + |e| / q) below w, |e| - c above; w = 6, q = 1.5. Source: Feng et al. 2018, "Wing Loss".
    """
    w, q = 6.0, 1.5
    away = error.abs()
    return torch.where(away < w, w * torch.log1p(away / q), away - (w - w * math.log1p(w / q)))


def landmark_batch(pairs: Pairs, indices: np.ndarray, seed: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Make samples: photos (n, 3, S, S) in 0..1, mesh (n, 478, 3) in pixels, and (n,) whether there is a face."""
    rng = np.random.default_rng(seed)
    photos, meshes, faces = [], [], []
    for index in indices:
        face = rng.random() >= _NOTHING
        if face:
            photo, mesh = moved_photo(pairs, int(index), SIZE_PX, rng, STRENGTH)
        else:
            photo, mesh = nothing(pairs, int(index), SIZE_PX, rng), np.zeros((POINTS, 3), np.float32)
        photos.append(photo)
        meshes.append(mesh)
        faces.append(face)
    pictures = torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2).float().div_(255)
    return pictures, torch.from_numpy(np.stack(meshes)).float(), torch.tensor(faces, dtype=torch.float32)


def landmark_loss(out: Tensor, mesh: Tensor, face: Tensor) -> Tensor:
    """Wing loss of the points where there is a face (depth half as heavy), and BCE of the presence."""
    weight = out.new_tensor([1.0, 1.0, 0.5])
    placed = (wing(out[:, :POINTS] - mesh) * weight).mean((1, 2))
    there = functional.binary_cross_entropy_with_logits(out[:, POINTS, 0], face)
    return (placed * face).sum() / face.sum().clamp(min=1) + there


@torch.no_grad()
def point_error(network: nn.Module, pairs: Pairs, indices: np.ndarray, *, jitter: bool) -> F32:
    """Return each face's mean error of the points in shares of the distance of the eyes' outer corners: (n,)."""
    network.eval()
    errors = []
    calm = replace(STRENGTH, turned=0, sunglasses=0, glasses=0, occluded=0, spoiled=0)
    strength = calm if jitter else replace(calm, scale=0, shift=0, roll_deg=0)
    for index in indices:
        photo, mesh = moved_photo(pairs, int(index), SIZE_PX, np.random.default_rng(int(index)), strength)
        x = torch.from_numpy(photo).permute(2, 0, 1)[None].float().div_(255)
        away = np.linalg.norm(network(x)[0, :468, :2].numpy() - mesh[:468, :2], axis=1).mean()
        errors.append(away / np.linalg.norm(mesh[33, :2] - mesh[263, :2]))
    return np.array(errors, np.float32)


def train_landmarks(
    pairs: Pairs,
    run: Path,
    *,
    steps: int,
    rate: float = 2e-3,
    batch: int = 32,
    seed: int = 1,
    start_from: Path | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Train the tracker's network; `landmarks.safetensors` in `run` holds the running mean of the weights.

    Raises:
        ConfigError: `start_from` is no checkpoint.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(seed)
    pairs = replace(pairs, crop=Crop(SIDE, 0.0, SIZE_PX))
    tested = np.array([source in TESTED_SOURCES for source in pairs.sources])
    taught = np.flatnonzero(~pairs.held_out & ~tested)
    weights = np.where(np.abs(pairs.yaw[taught]) > 15, 2.5, 1.0)
    network = LandmarkNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start_from is not None:
        network.load_state_dict(checkpoint.load(start_from)[0])
    average = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.02)
    run.mkdir(parents=True, exist_ok=True)
    started, losses = time.monotonic(), []
    for step in range(steps):
        if stop():
            checkpoint.save(run / "landmarks.safetensors", average.state_dict(), {"step": step})
            break
        for group in optimizer.param_groups:
            group["lr"] = rate * min((step + 1) / 200, 0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * step / steps)))
        rng = np.random.default_rng((seed, step, 0))
        indices = rng.choice(taught, batch, p=weights / weights.sum())
        photos, mesh, face = landmark_batch(pairs, indices, (seed, step, 1))
        network.train()
        with torch.autocast("cpu", torch.bfloat16):
            out = network.features(photos)
        loss = landmark_loss(network.place(out.float()), mesh, face)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        follow(average, network, min(0.998, (1 + step) / (10 + step)))
        if (step + 1) % 500 == 0 or step + 1 == steps:
            checkpoint.save(run / "landmarks.safetensors", average.state_dict(), {"step": step + 1})
            others = np.flatnonzero(pairs.held_out)
            exact, rough = (point_error(average, pairs, others, jitter=jitter) for jitter in (False, True))
            speed = (step + 1) * batch / (time.monotonic() - started)
            progress(
                f"{step + 1}/{steps} loss {np.mean(losses[-500:]):.3f}, {speed:.0f} samples/s, error over the outer "
                f"eye distance {exact.mean():.4f} centred, {rough.mean():.4f} jittered (median {np.median(rough):.4f})"
            )

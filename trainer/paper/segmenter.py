"""The judge of painted faces: a small network that tells a photograph's classes, taught on real ones only.

As the paper's FCN-score: the better a picture is painted, the more of its label map is found in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer import checkpoint
from trainer.paper.label_map import CLASSES, classes_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.frames import F32, U8
    from trainer.pix2pix.data import Pictures

_RATE, _BATCH = 2e-3, 8
_FAVOUR = 0.3  # of small classes: with 0 eyes are seldom told, with 1 they grow into the face
_KIND = "face segmenter"


class Segmenter(nn.Module):
    """A U-Net of three levels: RGB (n, 3, s, s) in -1..1 to logits (n, classes, s, s); s is a multiple of 16."""

    def __init__(self, width: int = 16) -> None:
        """Build it with `width` channels at half the size."""
        super().__init__()
        widths = [width, 2 * width, 3 * width, 4 * width]
        self.down = nn.ModuleList(
            _unit(before, after, 2) for before, after in zip([3, *widths[:-1]], widths, strict=True)
        )
        self.mix = _unit(widths[-1], widths[-1], 1)
        self.up = nn.ModuleList(
            _unit(before + after, after, 1) for before, after in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        # Sees the picture's own pixels, folded to half the size: an eye's white is two of them wide.
        self.head = nn.Sequential(_unit(width + 12, 2 * width, 1), nn.Conv2d(2 * width, 4 * len(CLASSES), 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Tell the classes."""
        x, seen = pictures, []
        for layer in self.down:
            x = layer(x)
            seen.append(x)
        x = self.mix(x)
        for layer, before in zip(self.up, seen[-2::-1], strict=True):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2.0), before], 1))
        return F.pixel_shuffle(self.head(torch.cat([x, F.pixel_unshuffle(pictures, 2)], 1)), 2)

    def features(self, pictures: Tensor) -> Tensor:
        """Return what the innermost layer sees, the mean over the picture: (n, 4 width)."""
        x = pictures
        for layer in self.down:
            x = layer(x)
        return cast("Tensor", self.mix(x)).mean((2, 3))


def teach(
    pairs: Pictures,
    crop: int,
    steps: int,
    seed: int = 0,
    tell: Callable[[int, float], None] = lambda _step, _loss: None,
) -> Segmenter:
    """Teach one on photographs.

    Args:
        pairs: label map, then photograph.
        crop: side of the crops that are cut at random, px.
        steps: of 8 crops each, half of them mirrored.
        seed: all chance follows from it.
        tell: is given step and loss.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    maps = torch.from_numpy(np.stack([classes_of(pair) for pair in pairs.pixels[..., :3].numpy()])).long()
    photos = pairs.pixels[..., 3:]
    network = Segmenter()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    share = torch.bincount(maps.flatten(), minlength=len(CLASSES)).clamp_min(1) / maps.numel()
    weight = share**-_FAVOUR
    adam = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=1e-3)
    pace = torch.optim.lr_scheduler.OneCycleLR(adam, _RATE, total_steps=steps)
    for step in range(steps):
        x, right = _batch(photos, maps, crop, rng)
        with torch.autocast("cpu", torch.bfloat16):
            told = network(x)
        loss = F.cross_entropy(told.float(), right, weight)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        pace.step()
        tell(step + 1, float(loss.detach()))
    network.eval()
    return network


@torch.no_grad()
def look(network: Segmenter, pictures: U8) -> tuple[U8, F32]:
    """Return the classes of pictures (n, s, s, 3) uint8 RGB: (n, s, s) uint8; and their features (n, d)."""
    classes, features = [], []
    for part in np.split(pictures, range(16, len(pictures), 16)):
        x = _scaled(torch.from_numpy(part))
        classes.append(network(x).argmax(1).to(torch.uint8))
        features.append(network.features(x))
    return torch.cat(classes).numpy(), torch.cat(features).numpy()


def save(network: Segmenter, path: Path) -> None:
    """Write it; see `checkpoint.save`."""
    checkpoint.save(path, dict(network.state_dict()), {"kind": _KIND})


def load(path: Path) -> Segmenter:
    """Read what `save` wrote; see `checkpoint.load`."""
    network = Segmenter()
    network.load_state_dict(checkpoint.load(path)[0])
    return network.eval()


def _unit(before: int, after: int, stride: int) -> nn.Module:
    layers: list[nn.Module] = []
    for number in range(2):
        layers.append(
            nn.Conv2d(before if number == 0 else after, after, 3, stride if number == 0 else 1, 1, bias=False)
        )
        layers += [nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)


def _batch(photos: Tensor, maps: Tensor, crop: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    rooms = photos.shape[1] - crop + 1
    cuts, rights = [], []
    for number in rng.integers(0, len(photos), _BATCH):
        y, x = (int(value) for value in rng.integers(0, rooms, 2))
        cut = photos[number, y : y + crop, x : x + crop]
        right = maps[number, y : y + crop, x : x + crop]
        mirrored = rng.random() < 0.5
        cuts.append(cut.flip(1) if mirrored else cut)
        rights.append(right.flip(1) if mirrored else right)
    return _scaled(torch.stack(cuts)), torch.stack(rights)


def _scaled(pictures: Tensor) -> Tensor:
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1

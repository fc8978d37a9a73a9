"""How much of a texture a student paints: `python bench/texture.py --pairs DIR CHECKPOINT...`.

The pairs have given pictures; looked at are people held out, where the matte is over a half. Prints for each
checkpoint: L1 of the picture, /255; what share of the target's gradient there is, and of its detail's energy (detail
is what a blur of 2 px takes away); own-KID, the distance of patches of 32 px (Binkowski et al. 2018, cubic kernel) in
features of a network with random weights, our own, which compares with itself only: the targets of half of the people
against those of the other half are the least that can be asked for. `--look FILE` writes photograph, target and what
each painted.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from trainer.export import open_generator
from trainer.held_out import centred, paint
from trainer.pairs import open_pairs

_PATCH, _INSIDE, _DETAIL_PX = 32, 0.9, 2.0


def features():
    """Return a network of random weights from a fixed seed: patches (n, 3, 32, 32) to (n, 192)."""
    torch.manual_seed(20)
    layers = []
    for before, after in ((3, 32), (32, 64), (64, 96)):
        layers += [nn.Conv2d(before, after, 3, 1, 1), nn.ReLU(), nn.Conv2d(after, after, 3, 2, 1), nn.ReLU()]
    body = nn.Sequential(*layers).eval()

    def look(patches):
        with torch.no_grad():
            maps = body(torch.from_numpy(patches).permute(0, 3, 1, 2).float() / 127.5 - 1)
        return torch.cat([maps.mean((2, 3)), maps.std((2, 3))], 1).double().numpy()

    return look


def kid(one, other):
    """Return 1000 times the unbiased squared MMD of two sets of features, each scaled by the first's spread."""
    spread = one.std(0) + 1e-9
    a, b = ((x - one.mean(0)) / spread for x in (one, other))
    within = [(x @ x.T / x.shape[1] + 1) ** 3 for x in (a, b)]
    across = (a @ b.T / a.shape[1] + 1) ** 3
    own = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in within]
    return 1000 * (own[0] + own[1] - 2 * across.mean())


def gradient(picture):
    """Return the length of the luma's gradient at each pixel."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.hypot(cv2.Scharr(grey, cv2.CV_32F, 1, 0), cv2.Scharr(grey, cv2.CV_32F, 0, 1))


def detail(picture):
    """Return the luma without what a blur leaves."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return grey - cv2.GaussianBlur(grey, (0, 0), _DETAIL_PX)


def patches(pictures, insides):
    """Return the patches that lie inside."""
    found = []
    for picture, inside in zip(pictures, insides, strict=True):
        at = range(0, len(picture) - _PATCH + 1, _PATCH)
        corners = [(y, x) for y in at for x in at if inside[y : y + _PATCH, x : x + _PATCH].mean() > _INSIDE]
        found += [picture[y : y + _PATCH, x : x + _PATCH] for y, x in corners]
    return np.stack(found)


def over(photo, layer):
    """Return the layer laid over the photograph."""
    matte = layer[..., 3:] / np.float32(255)
    return np.rint(photo * (1 - matte) + layer[..., :3] * matte).astype(np.uint8)


def compare(finished, targets, insides, look):
    """Return the figures of finished pictures, as a line."""
    away = np.mean([np.abs(a.astype(int) - b)[i].mean() for a, b, i in zip(finished, targets, insides, strict=True)])
    sums = np.zeros(4)
    for mine, true, inside in zip(finished, targets, insides, strict=True):
        sums += [gradient(mine)[inside].sum(), gradient(true)[inside].sum(), 0, 0]
        sums += [0, 0, np.square(detail(mine)[inside]).sum(), np.square(detail(true)[inside]).sum()]
    alike = kid(*(look(patches(pictures, insides)) for pictures in (targets, finished)))
    shares = f"gradient {sums[0] / sums[1]:.2f}  detail {sums[2] / sums[3]:.2f}"
    return f"L1 {away:5.2f}  {shares}  own-KID {alike:8.2f}"


def main():
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--look", type=Path, help="a picture to write")
    given = parser.parse_args()
    pairs, look = open_pairs(given.pairs), features()
    held = [int(number) for number in np.flatnonzero(pairs.held_out)]
    seen = [centred(pairs, number, pairs.crop.size_px)[:2] for number in held]
    photos, layers = ([one[part] for one in seen] for part in (0, 1))
    targets = [over(*one) for one in seen]
    insides = [layer[..., 3] > 127 for layer in layers]
    print(f"{len(held)} people; half of them against the other half, own-KID", end=" ")
    print(f"{kid(*(look(patches(targets[k::2], insides[k::2])) for k in (0, 1))):.2f}")
    rows = [photos, targets]
    for path in given.checkpoints:
        network = open_generator(path)[0]
        finished = [over(photo, paint(network, photo[None])[0]) for photo in photos]
        print(f"{compare(finished, targets, insides, look)}  {path.parent.name}")
        rows.append(finished)
    if given.look:
        shown = range(0, len(held), max(1, len(held) // 6))
        sheet = np.vstack([np.hstack([row[number] for row in rows]) for number in shown])
        cv2.imwrite(str(given.look), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()

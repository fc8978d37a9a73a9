"""How well classes are told, how sharp pictures are, and how far apart two sets of pictures: no foreign weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lensd.frames import F32, U8

_BINS = 32


@dataclass(frozen=True, slots=True)
class ClassScores:
    """The three figures of Long et al. 2015, "Fully convolutional networks", which the paper gives; 0..1.

    Attributes:
        per_pixel: share of pixels that are right.
        per_class: the same within each class that there is, then the mean.
        iou: overlap of each class, then the mean.
    """

    per_pixel: float
    per_class: float
    iou: float


def confusion(found: U8, right: U8, classes: int) -> np.ndarray:
    """Return how many pixels of each class (row) were taken for which (column): (classes, classes) int64.

    Args:
        found, right: class indices of one shape.
        classes: how many there are.
    """
    both = right.astype(np.int64).ravel() * classes + found.ravel()
    return np.asarray(np.bincount(both, minlength=classes**2).reshape(classes, classes))


def class_scores(counts: np.ndarray) -> ClassScores:
    """Return the scores of a `confusion`; a class that is neither there nor found counts for nothing."""
    hit, there, found = np.diag(counts), counts.sum(1), counts.sum(0)
    union = there + found - hit
    recalls = hit[there > 0] / there[there > 0]
    overlaps = hit[union > 0] / union[union > 0]
    return ClassScores(float(hit.sum() / counts.sum()), float(recalls.mean()), float(overlaps.mean()))


def spread(each: np.ndarray, resamples: int = 200) -> ClassScores:
    """Return how far the scores would vary with other pictures of the same kind: standard deviations, by bootstrap.

    Args:
        each: (pictures, classes, classes), the `confusion` of each picture.
        resamples: how many sets of as many pictures are drawn, with repeats.
    """
    rng = np.random.default_rng(0)
    drawn = [class_scores(each[rng.integers(0, len(each), len(each))].sum(0)) for _ in range(resamples)]
    return ClassScores(*np.std([(one.per_pixel, one.per_class, one.iou) for one in drawn], axis=0).tolist())


def gradient_energy(picture: U8) -> float:
    """Return the mean square of the luma's gradient, of an (h, w, 3) uint8 RGB picture: how much edge there is."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.square(np.diff(luma, axis=0)).mean() + np.square(np.diff(luma, axis=1)).mean())


def fine_energy(picture: U8) -> float:
    """Return the mean square of what a blur of 1 px takes from the luma: hair, skin and noise, hardly edges."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.square(luma - cv2.GaussianBlur(luma, (0, 0), 1.0)).mean())


def colour_overlap(painted: Iterable[U8], real: Iterable[U8]) -> tuple[float, float, float]:
    """Return how far the colours of two sets of pictures have the same spread: L, a and b of CIELAB, 0..1, 1 the same.

    The overlap of the histograms (32 bins) over all pixels, as the paper's figure 7 has it.

    Args:
        painted, real: (h, w, 3) uint8 RGB.
    """
    one, other = (_histograms(pictures) for pictures in (painted, real))
    lightness, a, b = np.minimum(one, other).sum(1)
    return float(lightness), float(a), float(b)


def kernel_distance(features: F32, others: F32) -> float:
    """Return the kernel distance of two sets of features: 0 for sets of one kind (unbiased, so it may be below).

    The maximum mean discrepancy with the kernel (x.y / d + 1)^3, as KID's (Binkowski et al. 2018), with features of our
    own: comparable among themselves only.

    Args:
        features, others: (n, d) and (m, d), n and m over 1.
    """
    x, y = features.astype(np.float64), others.astype(np.float64)
    within = [_kernel(z, z) for z in (x, y)]
    means = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in within]
    return float(sum(means) - 2 * _kernel(x, y).mean())


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def _histograms(pictures: Iterable[U8]) -> np.ndarray:
    counts = np.zeros((3, _BINS))
    for picture in pictures:
        lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
        for channel in range(3):
            counts[channel] += np.histogram(lab[..., channel], _BINS, (0, 256))[0]
    return np.asarray(counts / counts.sum(1, keepdims=True))

"""Folders of small drawn pairs: discs on the left, the same discs as squares of another colour on the right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the trainer's extra is not installed")

from trainer.pix2pix.options import Options  # noqa: E402

TINY = replace(
    Options(),
    generator="resnet_6blocks",
    patch=16,
    ngf=4,
    ndf=4,
    scale_size=36,
    crop_size=32,
    seed=3,
    precision="fp32",
    progress_freq=0,
    summary_freq=0,
    save_freq=0,
)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def drawn_pair(number: int, side: int = 40) -> np.ndarray:
    rng = np.random.default_rng(number)
    a, b = np.full((side, side, 3), 230, np.uint8), np.full((side, side, 3), 20, np.uint8)
    x, y = (int(value) for value in rng.integers(10, side - 10, 2))
    cv2.circle(a, (x, y), 6, (200, 30, 30), -1)
    cv2.rectangle(b, (x - 6, y - 6), (x + 6, y + 6), (40, 220, 90), -1)
    return np.hstack([a, b])


def write_rgb(path: Path, rgb: np.ndarray) -> None:
    assert cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


@pytest.fixture(scope="session")
def pair_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    for number in range(5):
        write_rgb(folder / f"pair {number}.png", drawn_pair(number))
    return folder

"""A folder of pairs made of the one portrait that may be shown, moved about as if it were twelve people."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the trainer's extra is not installed")

from trainer.art.shipped import thug_life_sticker  # noqa: E402
from trainer.pairs import Crop, Pairs, make_pairs, open_pairs  # noqa: E402
from trainer.portrait import portrait  # noqa: E402

CROP = Crop(1.4, 0.05, 64)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def faces_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    (folder / "images").mkdir()
    photo, points = portrait()
    rows, meshes = [], []
    for number in range(12):
        turned = cv2.getRotationMatrix2D((225, 120), 3.0 * number - 18, 1.0)
        picture = cv2.warpAffine(photo, turned, (450, 300), borderMode=cv2.BORDER_REPLICATE)
        name = f"{number:02d}.png"
        cv2.imwrite(str(folder / "images" / name), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        moved = points.copy()
        moved[:, :2] = points[:, :2] @ turned[:, :2].T + turned[:, 2]
        rows.append({"file": name, "person": f"p{number // 2}", "source": "nasa", "yaw_deg": "1.5"})
        meshes.append(moved)
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    names = np.array([row["file"] for row in rows])
    np.savez(folder / "mesh478.npz", files=names, points=np.array(meshes, np.float32))
    return folder


@pytest.fixture(scope="session")
def pairs_folder(faces_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pairs")
    assert make_pairs(faces_folder, out, [thug_life_sticker()], CROP) == 12
    return out


@pytest.fixture(scope="session")
def pairs(pairs_folder: Path) -> Pairs:
    return open_pairs(pairs_folder)

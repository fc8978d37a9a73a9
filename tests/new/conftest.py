"""The one portrait that may be shown, moved about as if it were several people; and what a maker brings along."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the trainer's extra is not installed")

from trainer.portrait import portrait  # noqa: E402

PEOPLE = 6


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def photographs() -> list[np.ndarray]:
    """Six pictures, (300, 360, 3) uint8 RGB: the portrait turned, scaled, mirrored, darker."""
    photo, _ = portrait()
    made = []
    for number in range(PEOPLE):
        turned = cv2.getRotationMatrix2D((225, 120), 5.0 * number - 12, 0.9 + 0.05 * number)
        turned[:, 2] += (-45, 20)
        picture = cv2.warpAffine(photo, turned, (360, 300), borderMode=cv2.BORDER_REPLICATE)
        picture = picture[:, ::-1] if number % 2 else picture
        made.append(np.ascontiguousarray((picture * (1 - 0.06 * number)).astype(np.uint8)))
    return made


def write_rgb(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    code = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    assert cv2.imwrite(str(path), cv2.cvtColor(picture, code))


@pytest.fixture(scope="session")
def faces_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    for number, picture in enumerate(photographs()):
        write_rgb(folder / f"person-{number}.png", picture)
    return folder


def dressed(picture: np.ndarray) -> np.ndarray:
    """An effect that no sticker can draw, on a part of the picture: its middle in two colours, softly."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    flat = np.where(cv2.GaussianBlur(grey, (0, 0), 3)[..., None] > 110, (250, 200, 60), (40, 20, 120))
    matte = np.zeros(picture.shape[:2], np.float32)
    cv2.ellipse(matte, (180, 150), (60, 70), 0, 0, 360, 1.0, -1)
    matte = cv2.GaussianBlur(matte, (0, 0), 4)[..., None]
    return np.rint(picture * (1 - matte) + flat * matte).astype(np.uint8)


@pytest.fixture(scope="session")
def pairs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before-after")
    for number, picture in enumerate(photographs()):
        write_rgb(folder / f"{number}.png", np.hstack([picture, dressed(picture)]))
    return folder


@pytest.fixture(scope="session")
def sticker_png(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red spectacles on a canvas with much nothing around them."""
    canvas = np.zeros((200, 300, 4), np.uint8)
    canvas[..., :3] = 255  # what is transparent is white, and must not shine through
    for x in (90, 210):
        cv2.circle(canvas, (x, 100), 45, (220, 20, 20, 255), -1, cv2.LINE_AA)
    cv2.line(canvas, (90, 95), (210, 95), (220, 20, 20, 255), 10)
    path = tmp_path_factory.mktemp("sticker") / "glasses.png"
    write_rgb(path, canvas)
    return path

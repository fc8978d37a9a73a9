"""Makes lensd/camera/portrait.npz: the matte of the person in `skimage.data.astronaut` (NASA, public domain).

    python scripts/make_portrait_matte.py [--look FOLDER]

GrabCut between hand-drawn bounds, then a guided filter for hair and edges. Run once; the result is kept.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import skimage

SIDE = 512
MAYBE_PERSON = """150,90 155,45 190,18 240,10 285,30 305,75 300,115 280,140 290,170 308,230 345,260 362,330 380,345
    440,345 490,390 511,450 511,511 15,511 15,400 40,260 70,240 110,205 130,160 185,145 170,125"""
ROOM = (
    """0,0 140,0 145,130 110,150 100,200 70,225 45,240 30,290 15,380 10,511 0,511""",
    """320,0 511,0 511,340 440,335 380,335 368,320 350,245 325,215 308,170 318,100""",
)
PERSON = (
    """165,90 175,50 210,28 250,25 285,50 293,90 280,110 262,140 250,170 290,220 290,260 330,270 350,340 300,400
    290,500 50,505 45,400 60,280 100,240 125,210 140,170 190,165 185,130""",
    """385,365 420,360 460,380 480,420 490,470 490,505 300,505 295,460 320,410""",
)
RADIUS, SMOOTHNESS = 5, 2e-4
SMALLEST_HOLE = 1500


def polygon(text: str) -> np.ndarray:
    """Return the corners written as "x,y x,y ..."."""
    return np.array([[int(number) for number in corner.split(",")] for corner in text.split()], np.int32)


def cut_out(bgr: np.ndarray) -> np.ndarray:
    """Return the person's silhouette: (S, S) uint8, 0 or 1, one piece without holes."""
    mask = np.full((SIDE, SIDE), cv2.GC_PR_BGD, np.uint8)
    for value, polygons in ((cv2.GC_PR_FGD, (MAYBE_PERSON,)), (cv2.GC_BGD, ROOM), (cv2.GC_FGD, PERSON)):
        for each in polygons:
            cv2.fillPoly(mask, [polygon(each)], value)
    cv2.grabCut(bgr, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 8, cv2.GC_INIT_WITH_MASK)
    person = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    _, labels, areas, _ = cv2.connectedComponentsWithStats(person)
    person = (labels == 1 + np.argmax(areas[1:, cv2.CC_STAT_AREA])).astype(np.uint8)
    count, labels, areas, _ = cv2.connectedComponentsWithStats(1 - person)
    for label in range(1, count):
        if areas[label, cv2.CC_STAT_AREA] < SMALLEST_HOLE:
            person[labels == label] = 1
    return person


def refine(person: np.ndarray, bgr: np.ndarray) -> np.ndarray:
    """Return a soft matte, (S, S) uint8, by the guided filter (He, Sun, Tang 2013) with the colours as its guide."""

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (2 * RADIUS + 1, 2 * RADIUS + 1))

    guide, rough = bgr.astype(np.float32) / 255, cv2.GaussianBlur(person.astype(np.float32), (0, 0), 1.0)
    guide_mean, rough_mean = mean(guide), mean(rough)
    with_rough = mean(guide * rough[..., None]) - guide_mean * rough_mean[..., None]
    covariance = np.empty((SIDE, SIDE, 3, 3), np.float32)
    for row in range(3):
        for column in range(3):
            product = guide[..., row] * guide[..., column]
            covariance[..., row, column] = mean(product) - guide_mean[..., row] * guide_mean[..., column]
    gain = np.linalg.solve(covariance + SMOOTHNESS * np.eye(3, dtype=np.float32), with_rough[..., None])[..., 0]
    offset = rough_mean - (gain * guide_mean).sum(-1)
    soft = np.clip(((mean(gain) * guide).sum(-1) + mean(offset) - 0.08) / 0.84, 0, 1)
    soft[cv2.distanceTransform(person, cv2.DIST_L2, 5) > 6] = 1
    soft[cv2.distanceTransform(1 - person, cv2.DIST_L2, 5) > 7] = 0
    return (soft * 255).round().astype(np.uint8)


def main() -> None:
    """Make the matte; with --look, also a picture of the person on green."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--look", type=Path, help="write a picture of the result there")
    look = parser.parse_args().look
    bgr = cv2.imread(str(Path(skimage.__file__).parent / "data" / "astronaut.png"))
    matte = refine(cut_out(bgr), bgr)
    target = Path(__file__).parents[1] / "lensd" / "camera" / "portrait.npz"
    np.savez_compressed(target, matte=matte)
    print(f"{target.name}: {target.stat().st_size} bytes")
    if look:
        alpha = matte[..., None] / 255
        cv2.imwrite(str(look / "matte.png"), bgr * alpha + np.array([60, 200, 60]) * (1 - alpha))


if __name__ == "__main__":
    main()

"""How steadily a tracker follows the face in video files: `python bench/tracking.py CLIP... [--sheet PNG]`.

Prints, for each clip scaled to 1280 wide: the share of frames with a face, what a frame costs, how much the points
tremble while the face is calm and how far they lag while it moves, both raw and smoothed, in thousandths of the face's
height; then one line of JSON. Trembling is the second difference from frame to frame; lag is the distance from the
raw points averaged over five frames around.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np

from lensd.composite.points import draw_points
from lensd.engine.select import open_engine
from lensd.face.landmarks import LandmarkNetwork, read_landmarks_network
from lensd.face.patient import SearchAtOnce
from lensd.face.smoothing import FaceSmoother
from lensd.face.tracker import MeshTracker
from lensd.frames import Picture
from lensd.lens.align import face_to_picture, steady_index

WIDTH = 1280


class Raw(FaceSmoother):
    """Lets the points through, and keeps them."""

    def __call__(self, landmarks_px, captured_ns):
        """Return the points as they are."""
        return landmarks_px


def pictures(path):
    """Yield the clip's frames as pictures 1280 wide, with their times."""
    clip = cv2.VideoCapture(str(path))
    fps = clip.get(cv2.CAP_PROP_FPS) or 30
    number = 0
    while True:
        good, frame = clip.read()
        if not good:
            return
        height = round(frame.shape[0] * WIDTH / frame.shape[1] / 2) * 2
        i420 = cv2.cvtColor(cv2.resize(frame, (WIDTH, height)), cv2.COLOR_BGR2YUV_I420)
        yield Picture(WIDTH, height, i420.reshape(-1)), round(number * 1e9 / fps)
        number += 1


def follow(path, smoother, thumbnails):
    """Return the points of each frame (None without a face) and the cost of each, ms; `smoother` is a class."""
    engine = open_engine(read_landmarks_network(), runtime="onnxruntime")
    tracker = MeshTracker(LandmarkNetwork(engine), SearchAtOnce(), 1, smoother)
    points, costs = [], []
    for number, (picture, at_ns) in enumerate(pictures(path)):
        started = time.perf_counter()
        faces = tracker.update(picture, at_ns)
        costs.append((time.perf_counter() - started) * 1e3)
        points.append(faces[0].landmarks_px if faces else None)
        if thumbnails is not None and number % 60 == 0:
            for face in faces:
                draw_points(picture, face.landmarks_px)
            rgb = cv2.cvtColor(picture.data.reshape(-1, WIDTH), cv2.COLOR_YUV2BGR_I420)
            thumbnails.append(cv2.resize(rgb, (480, 270), interpolation=cv2.INTER_AREA))
    tracker.close()
    return points, costs


def trembling_and_lag(smooth, raw):
    """Return both in thousandths of the face's height; NaN where there are too few frames in a row."""
    steady = steady_index()
    found = [a is not None and b is not None for a, b in zip(smooth, raw, strict=True)]
    runs = [at for at in range(2, len(raw) - 2) if all(found[at - 2 : at + 3])]
    if len(runs) < 10:
        return float("nan"), float("nan")
    size = np.array([np.hypot(*face_to_picture(raw[at])[:, 0]) for at in runs])
    middle = np.array([np.mean([p[steady, :2] for p in raw[at - 2 : at + 3]], 0) for at in runs])
    speed = (
        np.array([np.linalg.norm(raw[at + 2][steady, :2] - raw[at - 2][steady, :2], axis=1).mean() for at in runs])
        / size
    )
    second = np.array(
        [smooth[at - 1][steady, :2] - 2 * smooth[at][steady, :2] + smooth[at + 1][steady, :2] for at in runs]
    )
    tremble = np.linalg.norm(second, axis=2).mean(1) / size
    away = np.linalg.norm(np.array([smooth[at][steady, :2] for at in runs]) - middle, axis=2).mean(1) / size
    calm, fast = speed <= np.quantile(speed, 0.5), speed >= np.quantile(speed, 0.9)
    return float(tremble[calm].mean() * 1e3), float(away[fast].mean() * 1e3)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--sheet", type=Path, help="write a sheet of frames with their points")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    told, thumbnails = {}, [] if arguments.sheet else None
    for path in arguments.clips:
        smooth, costs = follow(path, FaceSmoother, thumbnails)
        raw, _ = follow(path, Raw, None)
        share = sum(p is not None for p in smooth) / len(smooth)
        (tremble, lag), (raw_tremble, raw_lag) = trembling_and_lag(smooth, raw), trembling_and_lag(raw, raw)
        p50, p95 = np.percentile(costs, (50, 95))
        told[path.name] = {
            "face": share,
            "tremble": tremble,
            "raw_tremble": raw_tremble,
            "lag": lag,
            "raw_lag": raw_lag,
        }
        print(
            f"{path.name[:44]:<44} {len(smooth)} frames, face {share:.1%}, {p50:.1f} ms (p95 {p95:.1f}); "
            f"trembling {raw_tremble:.1f} -> {tremble:.1f}, lag {raw_lag:.1f} -> {lag:.1f}"
        )
    if arguments.sheet and thumbnails:
        thumbnails += [np.zeros_like(thumbnails[0])] * (-len(thumbnails) % 6)
        cv2.imwrite(
            str(arguments.sheet), np.vstack([np.hstack(thumbnails[at : at + 6]) for at in range(0, len(thumbnails), 6)])
        )
    print(json.dumps(told))


if __name__ == "__main__":
    main()

"""How good the tracker is: `python bench/faces.py [--data FOLDER]`, the folder with `faces`, `landmarks` and `video`.

Prints accuracy against hand-marked points and against the mesh of people held out, what a face and a frame cost, how
soon faces are found, how often what is no face is taken for one, who keeps a number when two cross, who is followed in
hard times, how still and how quick the points are; then one line of JSON. The finder's thread is timed by the frames'
clock here: a search is over after as long as it took of a core, so that the figures are the same on a busy machine.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
from clips_of_faces import FPS, Stage, papered, room, scenes
from paced_tracker import Live, open_network
from photographs import EYES, Photographs, placed, places_of, read_marks, sixty_eight

from lensd.camera.still import picture_of
from lensd.face.patient import PatientTracker, track_still
from lensd.lens.align import steady_index


def hand_marked(folder, photographs):
    """Return mean errors over 68 points in shares of the outer eye distance: the tracker's and its teacher's.

    The marks follow a convention of their own (brows, lips and jaw lie elsewhere than on iBUG's mesh points), which is
    told from the labels of one half of the people and measured on the other half. "nearest": each mark is the mesh
    point that is nearest to it. "placed": it lies beside a mesh point, always by the same part of the eyes' distance
    along and across their line; of all points that one is taken beside which it strays least.
    """
    tracker = PatientTracker(open_network())
    marks, seen, labels = [], [], []
    for path in sorted((folder / "landmarks" / "images").glob("*.pts")):
        picture = picture_of(np.ascontiguousarray(cv2.imread(str(path.with_suffix(".jpg")))[..., ::-1]))
        faces = track_still(tracker, picture)
        if faces and path.stem + ".jpg" in photographs.mesh:
            marks.append(read_marks(path))
            seen.append(faces[0].landmarks_px)
            labels.append(photographs.mesh[path.stem + ".jpg"])
    tracker.close()
    marks, seen, labels = np.array(marks), np.array(seen), np.array(labels)
    eyes = np.linalg.norm(marks[:, 36] - marks[:, 45], axis=1)[:, None]

    def error(points):
        return np.linalg.norm(points - marks, axis=2) / eyes

    told = {"faces": len(marks)}
    halves = [np.arange(len(marks)) % 2 == half for half in (0, 1)]
    places = [(places_of(labels[~mine], marks[~mine]), mine) for mine in halves]
    for name, points in (("tracker", seen), ("labels", labels)):
        told[name] = float(error(np.array([sixty_eight(p) for p in points])).mean())
        folds = []
        for mine in halves:
            away = labels[~mine][:, None, :468, :2] - marks[~mine][:, :, None]
            nearest = (np.linalg.norm(away, axis=3) / eyes[~mine][..., None]).mean(0).argmin(1)
            folds.append(error(points[:, nearest, :2])[mine])
        told[f"{name}, nearest"] = float(np.concatenate(folds).mean())
        told[f"{name}, placed"] = float(np.mean([error(placed(points, *one))[mine] for one, mine in places]))
    return told


def against_mesh(photographs):
    """Return mean errors over 468 points in shares of the outer eye distance on people held out, as it is followed."""
    network, rng = open_network(), np.random.default_rng(5)
    errors = {"upright": [], "roll to 45": [], "yaw 20 to 45": []}
    for row in photographs.everyday:
        rgb, mesh = photographs.rgb(row["file"]), photographs.mesh[row["file"]]
        middle, yaw = mesh[:, :2].mean(0), abs(float(row["yaw_deg"]))
        for kind, each in errors.items():
            if kind == "yaw 20 to 45" and not 20 <= yaw <= 45:
                continue
            angle = rng.uniform(-45, 45) if kind == "roll to 45" else 0.0
            turn = cv2.getRotationMatrix2D(tuple(map(float, middle)), angle, 1.0)
            height, width = rgb.shape[:2]
            picture = picture_of(cv2.warpAffine(rgb, turn, (width, height), borderMode=cv2.BORDER_REPLICATE))
            truth = mesh.copy()
            truth[:, :2] = mesh[:, :2] @ turn[:, :2].T + turn[:, 2]
            points = truth + np.array([*rng.normal(0, 0.05, 2), 0], np.float32) * np.ptp(mesh[:, 1])
            for _ in range(3):
                if (located := network.locate(picture, points.astype(np.float32))) is not None:
                    points = located[0]
            away = np.linalg.norm(points[:468, :2] - truth[:468, :2], axis=1).mean()
            each.append(away / np.linalg.norm(truth[EYES[0], :2] - truth[EYES[1], :2]))
    network.close()
    return {kind: {"faces": len(each), "error": float(np.mean(each))} for kind, each in errors.items()}


def costs(photographs, frames=150):
    """Return milliseconds a frame, at 720p, with one and with four faces, and of a run of the network."""
    told, network = {}, open_network()
    heads, stage = [photographs.head(row) for row in photographs.everyday[:4]], Stage(1)
    wall = room(scenes()[0])
    for count in (1, 4):
        live = Live()
        for frame in range(frames):
            where = [(320 * at + 160 + 30 * np.sin(frame / 15), 380, 200) for at in range(count)]
            picture = stage.picture(wall, [(head, head.at(*place)) for head, place in zip(heads, where, strict=False)])
            faces = live.see(picture, frame)
        p50, p95 = np.percentile(live.costs_ms[10:], (50, 95))
        told[f"{count} faces"] = {"followed": len(faces), "p50_ms": float(p50), "p95_ms": float(p95)}
        told[f"{count} faces"]["looks_pct_of_a_core"] = sum(live.finder.costs_ms) / (frames / FPS) / 10
    each = []
    for _ in range(200):
        started = time.thread_time()
        network.locate(picture, faces[0].landmarks_px)
        each.append((time.thread_time() - started) * 1e3)
    network.close()
    return {**told, "landmarks_ms": float(np.median(each))}


def found_within(photographs, rooms):
    """Return how long after it is there a face is shown, ms, by its height in pixels; half of them beside another."""
    told, stage, rng = {}, Stage(2), np.random.default_rng(2)
    for face_px in (60, 90, 150, 260):
        times, missed = [], 0
        for number, row in enumerate(photographs.everyday[:16]):
            live, head, wall = Live(), photographs.head(row), rooms[number % len(rooms)]
            other = photographs.head(photographs.everyday[-1 - number])
            known = [(other, other.at(300, 400, 220))] if number % 2 else []
            x, y = rng.uniform(600, 1280 - face_px), rng.uniform(face_px, 720 - face_px)
            comes, at = int(rng.integers(6, 16)), None
            for frame in range(comes + 30):
                heads = [*known, (head, head.at(x, y, face_px))] if frame >= comes else known
                faces = live.see(stage.picture(wall, heads), frame)
                near = [face for face in faces if np.hypot(*(face.landmarks_px[:, :2].mean(0) - [x, y])) < face_px / 2]
                if near:
                    at = frame
                    break
            missed += at is None
            if at is not None:
                times.append((at - comes) * 1e3 / FPS)
        told[face_px] = {"median_ms": float(np.median(times)), "worst_ms": float(max(times)), "missed": missed}
        told[face_px]["within 300 ms"] = sum(t <= 300 for t in times) / (len(times) + missed)
    return told


def false_alarms(rooms, each=28):
    """Return how many of at least 1,000 frames without a face show one; the camera pans and zooms a little."""
    stage, alarms, frames, which = Stage(3), 0, 0, []
    for number, rgb in enumerate(rooms):
        live = Live()
        for frame in range(each):
            phase = frame / each
            faces = live.see(stage.picture(room(rgb, 1.05 + 0.25 * phase, 0.2 + 0.6 * phase, 0.8 - 0.6 * phase)), frame)
            alarms += bool(faces)
            frames += 1
            if faces:
                which.append((number, frame, round(faces[0].score, 2)))
    return {"frames": frames, "with a face": alarms, "which": which[:20]}


def crossings(photographs, rooms, pairs=14):
    """Return in how many of the clips in which two heads cross both keep their numbers."""
    stage, kept, lost, rng = Stage(4), 0, 0, np.random.default_rng(4)
    rows = photographs.everyday
    for number in range(pairs):
        one, two = photographs.head(rows[number]), photographs.head(rows[-1 - number])
        live, sizes, speed = Live(), rng.uniform(150, 240, 2), rng.uniform(14, 26)
        y, first = rng.uniform(300, 420, 2), None
        frames = int(700 / speed) + 6
        for frame in range(frames):
            x = 290 + speed * frame, 990 - speed * frame
            heads = [(one, one.at(x[0], y[0], sizes[0])), (two, two.at(x[1], y[1], sizes[1]))]
            heads = heads if sizes[0] < sizes[1] else heads[::-1]  # the larger one is the nearer one
            faces = live.see(stage.picture(rooms[number % len(rooms)], heads), frame)
            near = [
                next((f.track_id for f in faces if np.hypot(*(f.landmarks_px[:, :2].mean(0) - place)) < 60), None)
                for place in zip(x, y, strict=True)
            ]
            first = near if frame == 2 else first
        kept += near == first and None not in near
        lost += None in near
    return {"clips": pairs, "kept": kept, "not both seen at the end": lost}


def hard_times(photographs, faces=8):
    """Return the share of frames with a face: in the dark, blurred by a quick move, with a hand before the mouth."""
    told, stage, wall = {}, Stage(7), room(scenes()[1])
    for kind in ("dim", "blurred", "hand"):
        seen = frames = 0
        for row in photographs.everyday[:faces]:
            head, live = photographs.head(row), Live()
            for frame in range(30):
                x = 640 + (14 * abs(frame % 20 - 10) if kind == "blurred" else 0)
                picture = stage.picture(wall, [(head, head.at(x, 360, 200))], grain=False)
                if kind == "dim":  # a quarter of the luma, and a grain as strong as a sixth of what is left
                    noise = stage.rng.normal(0, 10, picture.y.shape)
                    picture.y[:] = np.clip(16 + (picture.y - 16.0) * 0.25 + noise, 16, 235)
                elif kind == "blurred":
                    picture.y[:] = cv2.blur(picture.y, (21, 1))
                elif 8 <= frame < 24:
                    cv2.ellipse(picture.y, (650, 420), (70, 38), -20, 0, 360, 130, -1)
                faces_seen = live.see(picture, frame)
                seen += any(np.hypot(*(f.landmarks_px[:, :2].mean(0) - [x, 360])) < 60 for f in faces_seen)
                frames += 1
        told[kind] = seen / frames
    return told


def still_and_fast(photographs, faces=8):
    """Return how far points stray from their mean on a still, noisy clip, % of the face, and the lag of a fast one."""
    steady, stage, stray, worst, lags = steady_index(), Stage(6), [], [], []
    wall = room(scenes()[2])
    for row in photographs.everyday[:faces]:
        head, live, points = photographs.head(row), Live(), []
        for frame in range(60):
            found = live.see(stage.picture(wall, [(head, head.at(640, 360, 240))]), frame)
            points.append(found[0].landmarks_px[:, :2])
        points = np.array(points[15:])
        away = np.linalg.norm(points - points.mean(0), axis=2)
        stray.append(np.sqrt((away**2).mean()) / 240 * 100)
        worst.append(np.percentile(away, 99) / 240 * 100)
        live, places, speeds, path = Live(), [], [], []
        for frame in range(90):
            phase = 2 * np.pi * 0.8 * frame / FPS
            x = 640 + 120 * np.sin(phase)  # up to 2.5 faces a second
            found = live.see(stage.picture(wall, [(head, head.at(x, 360, 240))]), frame)
            places.append(found[0].landmarks_px[steady, 0].mean() if found else np.nan)
            path.append(x)
            speeds.append(120 * 2 * np.pi * 0.8 / FPS * np.cos(phase))  # pixels a frame
        off = (np.array(places) - path)[15:]
        good, speed = np.isfinite(off), np.array(speeds)[15:]
        off, speed = off[good] - off[good].mean(), speed[good] - speed[good].mean()
        lags.append(-(off * speed).sum() / (speed**2).sum())
    return {
        "stray_pct": float(np.mean(stray)),
        "stray_p99_pct": float(np.mean(worst)),
        "lag_frames": float(np.mean(lags)),
    }


def rooms_of(folder, photographs):
    """Return pictures without a face: scikit-image's, people's with their faces papered over, the clips' likewise."""
    pictures = scenes() + [photographs.empty(row) for row in photographs.everyday[16:34]]
    tracker = PatientTracker(open_network(), still=True)
    for path in sorted((folder / "video").glob("*.m*")):
        clip = cv2.VideoCapture(str(path))
        for at in (2, 12, 21):
            clip.set(cv2.CAP_PROP_POS_FRAMES, at)
            good, frame = clip.read()
            if good:
                rgb = np.ascontiguousarray(cv2.resize(frame, None, fx=2, fy=2)[..., ::-1])[
                    : frame.shape[0] * 2 // 2 * 2
                ]
                faces = track_still(tracker, picture_of(rgb))
                boxes = [(*f.landmarks_px[:, :2].min(0), *f.landmarks_px[:, :2].max(0)) for f in faces]
                pictures += [papered(rgb, boxes)] if boxes else []
    tracker.close()
    return pictures


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--only", help="one of the measurements")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    photographs = Photographs(arguments.data)
    pictures = rooms_of(arguments.data, photographs) if arguments.only in (None, "alarms") else scenes()
    walls = [room(rgb) for rgb in pictures[:10]]
    measurements = {
        "hand-marked": lambda: hand_marked(arguments.data, photographs),
        "mesh": lambda: against_mesh(photographs),
        "cost": lambda: costs(photographs),
        "found": lambda: found_within(photographs, walls),
        "alarms": lambda: false_alarms(pictures),
        "crossing": lambda: crossings(photographs, walls),
        "hard times": lambda: hard_times(photographs),
        "steadiness": lambda: still_and_fast(photographs),
    }
    told = {}
    for name, measure in measurements.items():
        if arguments.only in (None, name):
            started = time.thread_time()
            told[name] = measure()
            print(f"{name} ({time.thread_time() - started:.0f} s)")
            for key, value in told[name].items():
                print(f"    {key}: {value:.4f}" if isinstance(value, float) else f"    {key}: {value}")
    print(json.dumps(told))


if __name__ == "__main__":
    main()

"""What `bench/paper.py` measures of a run, and the pictures that it may show."""

from dataclasses import asdict

import cv2
import numpy as np
import torch

from lensd.whole_file import write_whole
from trainer.dataset.faces import find_faces
from trainer.paper import scores, segmenter
from trainer.paper.faces import CROP_PX, cut_pair, invented
from trainer.paper.label_map import CLASSES, classes_of, coloured
from trainer.pix2pix.data import as_rgb, read_pictures
from trainer.pix2pix.paint import load_generator, own_statistics, paint
from trainer.portrait import portrait

CPU = torch.device("cpu")
PAINTERS = ("paint-l1", "paint-cgan", "paint-l1+cgan", "paint-patch-1", "paint-patch-16", "paint-patch-142")
TELLERS = ("tell-l1", "tell-cgan", "tell-l1+cgan")
TOLD = ("per_pixel", "per_class", "iou", "iou_deviation", "l1")
PAINTED = (*TOLD, "gradient", "fine", "colour", "kernel_distance")
INVENTED = (3, 5, 6, 8, 11)


def painted_by(folder, inputs, *, averaged):
    """Return what a run's newest generator paints for (n, s, s, 3) uint8: the same shape."""
    network, options, _ = load_generator(folder, CPU, averaged=averaged)
    network = network.to(memory_format=torch.channels_last)
    pictures = []
    for one in torch.from_numpy(inputs).split(1):
        a = one.permute(0, 3, 1, 2).float() / 127.5 - 1
        pictures.append(as_rgb(paint(network, a, own=own_statistics(options))[0]))
    return np.stack(pictures)


def measure(folder, test, judge):
    """Return a run's figures on the people held out, with its last weights and with their running mean."""
    _, options, step = load_generator(folder, CPU)
    pixels = read_pictures(test, CROP_PX, options.which_direction).pixels.numpy()
    inputs, targets = pixels[..., :3], pixels[..., 3:]
    figures = {"step": step}
    for weights, averaged in (("last", False), ("mean", True)):
        painted = painted_by(folder, inputs, averaged=averaged)
        if options.which_direction == "AtoB":
            figures[weights] = of_photographs(judge, painted, targets, inputs)
        else:
            figures[weights] = of_label_maps(painted, targets)
    return figures


def measure_real(test, judge):
    """Return the figures of the photographs themselves: how far the judge can see."""
    pixels = read_pictures(test, CROP_PX, "AtoB").pixels.numpy()
    return {"last": of_photographs(judge, pixels[..., 3:], pixels[..., 3:], pixels[..., :3])}


def of_label_maps(painted, targets):
    """Return how well painted label maps are right, the nearest colour taken for each pixel."""
    found, right = (np.stack([classes_of(one) for one in maps]) for maps in (painted, targets))
    return {**told(found, right), "l1": difference(painted, targets)}


def of_photographs(judge, painted, real, maps):
    """Return how much of the label map the judge finds in painted photographs, how sharp and how real they are."""
    found, features = segmenter.look(judge, painted)
    right = np.stack([classes_of(one) for one in maps])
    _, real_features = segmenter.look(judge, real)
    return {
        **told(found, right),
        "l1": difference(painted, real),
        "gradient": share(scores.gradient_energy, painted, real),
        "fine": share(scores.fine_energy, painted, real),
        "colour": float(np.mean(scores.colour_overlap(painted, real))),
        "kernel_distance": scores.kernel_distance(features, real_features),
    }


def told(found, right):
    """Return the class scores, and how far they would vary with other people."""
    each = np.stack([scores.confusion(*both, len(CLASSES)) for both in zip(found, right, strict=True)])
    varies = {f"{name}_deviation": value for name, value in asdict(scores.spread(each)).items()}
    return {**asdict(scores.class_scores(each.sum(0))), **varies}


def difference(painted, real):
    """Return the mean difference, 0..1."""
    return float(np.abs(painted.astype(np.float32) - real).mean() / 255)


def share(energy, painted, real):
    """Return the share that painted pictures have of the real ones' energy."""
    return float(np.mean([energy(one) for one in painted]) / np.mean([energy(one) for one in real]))


def picture_grid(work, path):
    """Write a row a face: its label map and what each run paints; the astronaut first, then invented faces.

    The last row is the other direction: the astronaut's photograph, the maps that are told from it, the right one.
    """
    photo, _ = portrait()
    square, classes = cut_pair(photo, find_faces(photo, ("tracker",))[0], CROP_PX)
    maps = np.stack([coloured(one) for one in (classes, *(invented(seed) for seed in INVENTED))])
    columns = [maps, *(painted_by(work / name, maps, averaged=False) for name in PAINTERS)]
    maps_told = [painted_by(work / name, square[None], averaged=False)[0] for name in TELLERS]
    rows = [heading(["label map", *PAINTERS]), *(np.hstack(row) for row in zip(*columns, strict=True))]
    rows += [heading(["photograph", *TELLERS, "label map"]), np.hstack([square, *maps_told, maps[0]])]
    width = max(row.shape[1] for row in rows)
    blank = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    picture = cv2.cvtColor(np.vstack(blank), cv2.COLOR_RGB2BGR)
    quality = [cv2.IMWRITE_WEBP_QUALITY, 88] if path.suffix == ".webp" else []
    done, data = cv2.imencode(path.suffix, picture, quality)
    if not done:
        raise SystemExit(f"{path} could not be encoded")
    write_whole(path, data.tobytes())


def table(lines):
    """Print the figures, a Markdown table for each direction; `lines` as in figures.jsonl."""
    for direction, columns in (("paint", PAINTED), ("tell", TOLD)):
        print(f"\n| run | steps | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 2)}")
        for line in (one for one in lines if one["run"].startswith((direction, "real"))):
            cells = [f"{line['last'][name]:.3f}" if name in line["last"] else "" for name in columns]
            print(f"| {line['run']} | {line['steps']} | {' | '.join(cells)} |")


def heading(titles):
    """Return a strip of titles, one over each column."""
    strip = np.full((18, CROP_PX * len(titles), 3), 255, np.uint8)
    for number, title in enumerate(titles):
        text = title.removeprefix("paint-").removeprefix("tell-")
        where = (number * CROP_PX + 4, 13)
        cv2.putText(strip, text, where, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return strip

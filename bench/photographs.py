"""The photographs of ../shared/data that bench/faces.py measures on, and the 68 usual points of a mesh."""

import csv

import cv2
import numpy as np
from clips_of_faces import cut_out, papered

from trainer.pairs import is_held_out

# From ear to ear along the jaw, as mesh points.
OVAL = [
    int(point)
    for point in [
        "127",
        "234",
        "93",
        "132",
        "58",
        "172",
        "136",
        "150",
        "149",
        "176",
        "148",
        "152",
        "377",
        "400",
        "378",
        "379",
        "365",
        "397",
        "288",
        "361",
        "323",
        "454",
        "356",
    ]
]
# iBUG's 68 without the jaw, as mesh points: brows, nose, eyes, lips.
INNER = [
    int(point)
    for point in [
        "71",
        "63",
        "105",
        "66",
        "107",
        "336",
        "296",
        "334",
        "293",
        "301",
        "168",
        "197",
        "5",
        "4",
        "75",
        "97",
        "2",
        "326",
        "305",
        "33",
        "160",
        "158",
        "133",
        "153",
        "144",
        "362",
        "385",
        "387",
        "263",
        "373",
        "380",
        "61",
        "39",
        "37",
        "0",
        "267",
        "269",
        "291",
        "405",
        "314",
        "17",
        "84",
        "181",
        "78",
        "82",
        "13",
        "312",
        "308",
        "317",
        "14",
        "87",
    ]
]


EYES = (33, 263)  # their outer corners


class Photographs:
    """../shared's faces of people that the network has not learned."""

    def __init__(self, folder):
        self._folder = folder / "faces" / "images"
        archive = np.load(folder / "faces" / "mesh478.npz")
        meshes = dict(zip(archive["files"].tolist(), archive["points"], strict=True))
        with (folder / "faces" / "index.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if np.isfinite(meshes[row["file"]]).all()]
        self.mesh = {row["file"]: meshes[row["file"]].astype(np.float32) for row in rows}
        self.rows = [row for row in rows if row["source"] in ("london", "canada") or is_held_out(row["person"])]
        self.everyday = [row for row in self.rows if row["source"] not in ("london", "canada")]

    def rgb(self, name):
        """Return a photograph: (H, W, 3) uint8."""
        return np.ascontiguousarray(cv2.imread(str(self._folder / name))[..., ::-1])

    def head(self, row):
        """Return a head cut out."""
        return cut_out(self.rgb(row["file"]), self.mesh[row["file"]], row["person"])

    def empty(self, row):
        """Return a photograph whose face is papered over."""
        mesh = self.mesh[row["file"]]
        return papered(self.rgb(row["file"]), [(*mesh[:, :2].min(0), *mesh[:, :2].max(0))])


def sixty_eight(points):
    """Return iBUG's 68 points of a mesh: (68, 2); the jaw at equal steps from ear to ear, as the marks have it."""
    jaw = points[OVAL, :2]
    way = np.r_[0, np.cumsum(np.linalg.norm(np.diff(jaw, axis=0), axis=1))]
    even = np.linspace(0, way[-1], 17)
    return np.vstack([np.column_stack([np.interp(even, way, side) for side in jaw.T]), points[INNER, :2]])


def beside(points):
    """Return the line between the outer corners of the eyes as a complex number, (n, 1): its length and direction."""
    line = points[:, EYES[1], :2] - points[:, EYES[0], :2]
    return line[:, :1] + 1j * line[:, 1:]


def places_of(labels, marks):
    """Return the mesh point of each of 68 marks, (68,), and how far beside it the mark lies, (68,) complex."""
    away = (marks[:, :, None] - labels[:, None, :468, :2]) @ np.array([1, 1j]) / beside(labels)[..., None]
    point = np.abs(away - away.mean(0)).mean(0).argmin(1)
    return point, away.mean(0)[np.arange(len(point)), point]


def placed(points, point, away):
    """Return the 68 marks that meshes (n, 478, 2 or 3) would have: (n, 68, 2)."""
    step = beside(points) * away
    return points[:, point, :2] + np.stack([step.real, step.imag], 2)


def read_marks(path):
    """Return the 68 points of a .pts file."""
    inside = path.read_text().split("{")[1].split("}")[0].split()
    return np.array(inside, float).reshape(68, 2)

"""What a network's tensors reach on faces: the ranges that INT8 needs, and what an altered network loses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime

from lensd.evaluation.faces import read_faces
from lensd.lens.align import crop_to_picture
from lensd.lens.crop import crop_rgb
from trainer.pairs import is_held_out
from trainer.widen import widen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lensd.frames import F32, U8
    from lensd.lens.manifest import Crop

# Of all values of a tensor in one picture; the rest saturates. Against the very largest value it gains 1.3 dB with
# thug-life (49.3 instead of 48.0), against 70 % of that 3.2 dB.
_SHARE_PERCENT = 99.99
_FATAL_ONLY = 4


def face_crops(folder: Path, crop: Crop, *, taught: bool, count: int) -> U8:
    """Return (n, S, S, 3) uint8 RGB, n <= `count`: faces as the lens sees them, spread evenly over the folder.

    Args:
        folder: images/ and mesh478.npz; index.csv says who is who.
        crop: what the lens sees.
        taught: those whom a network is trained on; False: those held out. Without a person's name the file's counts.
        count: at most so many.

    Raises:
        MediaError: a folder or a picture that cannot be read.
    """
    faces = read_faces(folder)
    chosen = [face for face in faces.faces if is_held_out(face.person or face.file) is not taught]
    chosen = chosen[:: max(1, -(-len(chosen) // count))]
    crops = np.zeros((len(chosen), crop.size_px, crop.size_px, 3), np.uint8)
    for face, out in zip(chosen, crops, strict=True):
        crop_rgb(faces.picture(face), crop_to_picture(face.landmarks_px, crop.size_px, crop.side, crop.up), out)
    return crops


def ranges(
    content: bytes,
    names: Sequence[str],
    crops: U8,
    tell: Callable[[], None] = lambda: None,
    share_percent: float = _SHARE_PERCENT,
) -> dict[str, float]:
    """Return for each tensor the largest of its percentiles of absolute values, over all crops.

    Args:
        content: an ONNX file.
        names: its tensors.
        crops: (n, S, S, 3) uint8, n > 0.
        tell: called after each.
        share_percent: of a tensor's values in one picture that are to be in the range.
    """
    model = widen(content)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = _session(model.SerializeToString())
    most = np.zeros(len(names))
    for crop in crops:
        values = session.run(list(names), {session.get_inputs()[0].name: crop[None]})
        most = np.maximum(most, [np.percentile(np.abs(value), share_percent) for value in values])
        tell()
    return dict(zip(names, most.tolist(), strict=True))


def losses_db(original: bytes, altered: bytes, crops: U8) -> F32:
    """Return how near the altered network comes on each crop: PSNR in dB of colour times matte, and matte; up to 99."""
    first, second = _session(original), _session(altered)
    return np.array([_psnr(_painted(first, crop), _painted(second, crop)) for crop in crops], np.float32)


def _session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, _FATAL_ONLY
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _painted(session: onnxruntime.InferenceSession, crop: U8) -> F32:
    layer: F32 = session.run(None, {session.get_inputs()[0].name: crop[None]})[0][0].astype(np.float32)
    layer[..., :3] *= layer[..., 3:] / 255
    return layer


def _psnr(a: F32, b: F32) -> float:
    return min(99.0, float(10 * np.log10(255**2 / max(float(np.square(a - b).mean()), 1e-9))))

"""The tracker's network with its convolutions in INT8, from the file that `teach_tracker` writes.

`python -m trainer.narrow_tracker FILE --faces FOLDER --out lensd/face/landmarks.onnx`. ONNX Runtime alone runs it, so
it need not be what TensorRT takes (`trainer.quantise`): tensors behind a ReLU use all of their byte, and weights six
bits and a sign, by which sums of two products fit 16 bits as well. Where a tensor's step is too coarse, the error
changes from frame to frame, and points tremble; a weight's only shifts them, always alike.

Measured on 1,337 frames of a webcam (bench/tracking.py) and 128 faces held out: float32 trembles by 0.70 thousandths of
the face's height, this by 0.73 and one of 127 by 127 steps by 0.80; its points lie 0.44 thousandths from float32's,
where both are some 20 off. It takes 0.26 ms for 0.63, and on the frame's path 0.38 to 0.46 for 0.91 to 0.99: the lens's
network has emptied the caches before it, and its convolutions' weights are bytes (one core of a Zen 5 with VNNI).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lensd.face.landmarks import SIDE, SIZE_PX
from lensd.lens.manifest import Crop
from lensd.whole_file import write_whole
from trainer.calibrate import face_crops, ranges
from trainer.quantise import Levels, float_tensors, quantise
from trainer.widen import widen

if TYPE_CHECKING:
    from lensd.frames import U8

LEVELS = Levels(unsigned=255, weights=63)
_CALIBRATED_ON = 128
_SHARE_PERCENT = 99.97  # of a tensor's values: the rest saturates, always alike


def narrow(content: bytes, crops: U8) -> bytes:
    """Return the tracker's network with its convolutions in INT8, but the first and the last.

    Args:
        content: an ONNX file, as `trainer.onnx_graph.landmarks_onnx` writes it.
        crops: (n, 128, 128, 3) uint8 RGB, faces as the tracker sees them, n > 0.

    Raises:
        ValueError: it is no ONNX model.
    """
    plain = widen(content).SerializeToString()
    largest = ranges(plain, float_tensors(plain, tail=0), crops, share_percent=_SHARE_PERCENT)
    return quantise(plain, largest, tail=0, levels=LEVELS)


@click.command()
@click.argument("network", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--faces",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder with images/, index.csv and mesh478.npz.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="ONNX file to write.")
def main(network: Path, faces: Path, out: Path) -> None:
    """Write NETWORK, the tracker's, with its convolutions in INT8."""
    crops = face_crops(faces, Crop(side=SIDE, up=0.0, size_px=SIZE_PX), taught=True, count=_CALIBRATED_ON)
    content = narrow(network.read_bytes(), crops)
    write_whole(out, content)
    click.echo(f"wrote {out}, {len(content) / 1e6:.2f} MB, calibrated on {len(crops)} faces")


if __name__ == "__main__":
    main()

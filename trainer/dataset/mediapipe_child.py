"""MediaPipe's face mesh as a process: pictures in, meshes out. Run as a file by the Python that has MediaPipe.

That is seldom ours: mediapipe 0.10.21 wants NumPy 1 and protobuf 4, and lensd NumPy 2 and onnx's protobuf 6. So nothing
of lensd is imported here, and the weights are those that lie in MediaPipe's own wheel.

In: height and width as two little-endian uint32, then height * width * 3 bytes of RGB. Out: how many faces as a uint32,
then for each 478 * 3 float32, pixels and z in the same unit; or `FAILED`, a length and a sentence.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from typing import BinaryIO

FAILED = 0xFFFF_FFFF
FACES_MAX = 8


def answer(pictures: BinaryIO, meshes: BinaryIO) -> None:
    """Answer until `pictures` ends."""
    try:
        import numpy as np
        from mediapipe.python.solutions.face_mesh import FaceMesh

        network = FaceMesh(
            static_image_mode=True, max_num_faces=FACES_MAX, refine_landmarks=True, min_detection_confidence=0.5
        )
    except Exception as error:  # noqa: BLE001 whatever it is, the other side has to hear of it
        sentence = f"{type(error).__name__}: {error}".splitlines()[0].encode()
        meshes.write(struct.pack("<II", FAILED, len(sentence)) + sentence)
        meshes.flush()
        return
    while len(head := pictures.read(8)) == 8:
        height, width = struct.unpack("<II", head)
        rgb = np.frombuffer(pictures.read(height * width * 3), np.uint8).reshape(height, width, 3)
        found = network.process(rgb).multi_face_landmarks or ()
        points = np.array([[(p.x, p.y, p.z) for p in face.landmark] for face in found], "<f4").reshape(-1, 478, 3)
        meshes.write(struct.pack("<I", len(points)) + (points * np.array([width, height, width], "<f4")).tobytes())
        meshes.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # our parent hears Ctrl-C, and closes our input
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print goes to the log, not among the answers
    answer(sys.stdin.buffer, answers)

"""Several faces: one run of a batch, or one run each? Interleaved runs, one thread, processor time.

`python bench/batch.py [PACKAGE ...]` prints a line for each lens and precision. The networks' own batch is one; here
its first side is widened, and what a lens's package has for several faces is not touched.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median

import numpy as np
import onnx
import onnxruntime as ort

from lensd.config import shipped_lenses_dir
from lensd.lens.package import open_package
from lensd.tuning.machine import precisions

FACES = (2, 4)
RUNS = 25


def with_batch(network: bytes, faces: int) -> bytes:
    """Return `network` for `faces` pictures at once."""
    model = onnx.load_from_string(network)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = faces
    del model.graph.value_info[:]
    return bytes(model.SerializeToString())


def session(network: bytes) -> ort.InferenceSession:
    """Open as the daemon does: one thread that does not spin."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    return ort.InferenceSession(network, options, providers=["CPUExecutionProvider"])


def measure(network: bytes, faces: int, size: int) -> tuple[list[float], list[float]]:
    """Return the processor milliseconds of `faces` single runs, and of one batch, taking turns."""
    one, many = session(network), session(with_batch(network, faces))
    x = np.random.default_rng(0).integers(0, 256, (faces, size, size, 3), dtype=np.uint8)
    singles, batches = [], []
    for _ in range(RUNS):
        begin = time.process_time()
        each = [one.run(None, {one.get_inputs()[0].name: x[face : face + 1]})[0] for face in range(faces)]
        singles.append(1e3 * (time.process_time() - begin))
        begin = time.process_time()
        (all_,) = many.run(None, {many.get_inputs()[0].name: x})
        batches.append(1e3 * (time.process_time() - begin))
    assert np.abs(np.concatenate(each).astype(int) - all_).max() <= 2
    return singles, batches


def main() -> None:
    """Measure the packages named, or the learned lenses that are shipped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", type=Path)
    for path in parser.parse_args().packages or sorted(shipped_lenses_dir().glob("*.lens")):
        package = open_package(path)
        if package.manifest.crop is None:
            continue
        for precision in precisions(package):
            for faces in FACES:
                singles, batches = measure(package.network_in(precision), faces, package.manifest.crop.size_px)
                print(
                    f"{package.name} {precision}, {faces} faces: {faces} runs {median(singles):.1f} ms "
                    f"(least {min(singles):.1f}), one batch {median(batches):.1f} ms (least {min(batches):.1f}), "
                    f"{min(batches) / min(singles):.2f} times"
                )


if __name__ == "__main__":
    main()

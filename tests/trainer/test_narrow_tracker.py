"""The tracker's network in INT8: what goes in, what comes out, how near it stays."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto

from lensd.face.landmarks import read_landmarks_network
from trainer.calibrate import ranges
from trainer.landmarks import LandmarkNet
from trainer.narrow_tracker import LEVELS, narrow
from trainer.onnx_graph import landmarks_onnx
from trainer.quantise import float_tensors
from trainer.widen import widen

CROPS = np.random.default_rng(5).integers(0, 256, (6, 128, 128, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def packed() -> bytes:
    torch.manual_seed(1)
    network = LandmarkNet()
    network(torch.rand(4, 3, 128, 128))
    return landmarks_onnx(network.eval())


def points_of(content: bytes, crop: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(["points"], {"crop": crop[None]})[0][0]


def test_weights_taken_out_of_their_bytes_are_the_same_network(packed):
    plain = widen(packed).SerializeToString()
    assert np.abs(points_of(plain, CROPS[0]) - points_of(packed, CROPS[0])).max() < 1e-3


def test_in_int8_its_points_stay_within_a_tenth_of_a_pixel(packed):
    found = narrow(packed, CROPS[:4])
    away = np.abs(points_of(found, CROPS[5]) - points_of(packed, CROPS[5]))
    assert 0 < away.max() < 0.1


def test_two_products_of_the_shipped_networks_integers_fit_16_bits():
    assert 2 * LEVELS.unsigned * LEVELS.weights < 2**15
    held = [t for t in onnx.load_model_from_string(read_landmarks_network()).graph.initializer if len(t.dims) == 4]
    steps = [np.abs(onnx.numpy_helper.to_array(t).astype(int)).max() for t in held if t.data_type == TensorProto.INT8]
    assert len(steps) == 10
    assert max(steps) <= LEVELS.weights


def test_only_convolutions_between_the_first_and_the_last_are_narrow(packed, tmp_path):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(narrow(packed, CROPS[:4]), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("QLinearConv") == 10
    assert sum(kind.endswith("Gemm") for kind in kinds) == 3


def test_what_is_wholly_in_range_is_not_cut(packed):
    plain = widen(packed).SerializeToString()
    names = float_tensors(plain, tail=0)
    all_of_it, most_of_it = (ranges(plain, names, CROPS[:2], share_percent=share) for share in (100, 90))
    assert all(all_of_it[name] > most_of_it[name] for name in names)

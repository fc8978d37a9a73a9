"""Every lens that we ship, in float16 and INT8, for each kind of GPU: built by the real TensorRT for RTX."""

import importlib.util
from functools import cache
from pathlib import Path

import pytest

import lensd
from lensd.engine.batch_dimension import with_any_batch
from lensd.engine.plan_build import BATCH, build_plan
from tests.engine import tiny_networks as tiny
from trainer.half import halve
from trainer.quantise import float_tensors, quantise

LENSES = sorted(Path(lensd.__file__).parent.glob("lenses/*/generator.onnx"))


@cache
def in_precision(path: Path, precision: str) -> bytes:
    """The package's own file where it has one, else made from its float32 network; ranges do not matter to a build."""
    if (own := path.with_name(f"generator.{precision}.onnx")).is_file():
        return own.read_bytes()
    network = path.read_bytes()
    return halve(network) if precision == "float16" else quantise(network, dict.fromkeys(float_tensors(network), 6.0))


@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt_rtx is not installed (pip install 'snaplens[tensorrt-rtx]')",
)
@pytest.mark.parametrize("compute_capability", ["7.5", "8.6", "8.9", "12.0"])
@pytest.mark.parametrize("precision", ["float16", "int8"])
@pytest.mark.parametrize("path", LENSES, ids=[path.parent.name for path in LENSES])
def test_a_plan_for_one_to_four_faces_is_built_for_each_gpu_without_having_it(path, precision, compute_capability):
    said = []
    plan = build_plan(
        in_precision(path, precision),
        "tensorrt-rtx",
        compute_capability=compute_capability,
        name=path.parent.name,
        hear=said.append,
    )
    assert len(plan) > 200_000
    assert f"{BATCH}1 to 4 pictures" in said
    assert not [line for line in said if line.startswith(("ERROR", "INTERNAL_ERROR")) or "self-consistent" in line]


def test_there_is_a_learned_lens_to_build():
    assert "thug-life.lens" in {path.parent.name for path in LENSES}


NETWORKS = {path.parent.name: path.read_bytes() for path in LENSES}
NETWORKS |= {"inverted": tiny.inverted_with_matte(), "mean": tiny.mean_colour()}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_network_for_one_picture_becomes_one_for_any_number_that_gives_each_the_same(network):
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    one, many = (onnxruntime.InferenceSession(content, options) for content in (network, with_any_batch(network)))
    (end,) = one.get_inputs()
    assert many.get_inputs()[0].shape == ["faces", *end.shape[1:]]
    x = np.random.default_rng(0).integers(0, 256, (3, *end.shape[1:]), dtype=np.uint8)
    (together,) = many.run(None, {end.name: x})
    for face in range(3):
        (alone,) = one.run(None, {end.name: x[face : face + 1]})
        np.testing.assert_allclose(together[face], alone[0], atol=1)


@pytest.mark.parametrize("network", [b"", b"garbage", tiny.identity()[:40], tiny.any_size(), tiny.heavy()[:-7]])
def test_what_cannot_be_made_free_is_refused(network):
    if network == tiny.any_size():  # its first side is 1, the others are free already
        assert with_any_batch(network) != network
        return
    with pytest.raises(ValueError, match=r"network"):
        with_any_batch(network)

"""The shipped lens in float16 and INT8, built by the real TensorRT for RTX, which needs no GPU for it."""

import importlib.util
from pathlib import Path

import pytest

import lensd
from lensd.engine.plan_build import build_plan
from trainer.half import halve
from trainer.quantise import float_tensors, quantise

NETWORK = (Path(lensd.__file__).parent / "lenses/thug-life.lens/generator.onnx").read_bytes()


def in_int8() -> bytes:
    return quantise(NETWORK, dict.fromkeys(float_tensors(NETWORK), 6.0))


@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt_rtx is not installed (pip install 'snaplens[tensorrt-rtx]')",
)
@pytest.mark.parametrize("make", [lambda: halve(NETWORK), in_int8], ids=["float16", "int8"])
def test_a_plan_for_compute_capability_89_is_built_without_a_gpu(make):
    assert len(build_plan(make(), "tensorrt-rtx", compute_capability="8.9")) > 1_000_000

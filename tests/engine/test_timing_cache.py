"""The timing cache, by the calls of the real API: TensorRT for RTX has them too, though they do nothing there."""

import logging

import pytest

from lensd.engine.cuda import Gpu
from lensd.engine.timing_cache import TimingCache, timings_file
from tests.engine.test_plan_build import real_tensorrt

GPU = Gpu("NVIDIA GeForce RTX 4070", (8, 9), 13010)


@pytest.fixture
def config():
    import tensorrt_rtx as trt

    class Quiet(trt.ILogger):
        def __init__(self):
            trt.ILogger.__init__(self)

        def log(self, severity, message):
            pass

    logger = Quiet()
    builder = trt.Builder(logger)
    yield builder.create_builder_config()
    del builder


@real_tensorrt
@pytest.mark.filterwarnings("ignore:Use Deprecated in TensorRT-RTX:DeprecationWarning")
def test_timings_are_kept_for_the_user_alone_and_given_to_the_next_build(config, tmp_path):
    path = tmp_path / "deep" / "x.timings"
    written = TimingCache(config, path).keep()
    assert written == path.stat().st_size > 0
    assert path.stat().st_mode & 0o077 == 0
    assert TimingCache(config, path)._read() == path.read_bytes()
    assert TimingCache(config, path).keep() > 0


@real_tensorrt
@pytest.mark.filterwarnings("ignore:Use Deprecated in TensorRT-RTX:DeprecationWarning")
def test_a_folder_that_cannot_be_written_costs_the_timings_and_not_the_plan(config, tmp_path, caplog):
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING):
        assert TimingCache(config, tmp_path / "file" / "x.timings").keep() == 0
    assert "could not be kept" in caplog.text


def test_another_version_gpu_or_driver_has_timings_of_its_own(tmp_path):
    others = [Gpu("NVIDIA GeForce RTX 4080", (8, 9), 13010), Gpu("NVIDIA GeForce RTX 4070", (8, 9), 13020)]
    files = [timings_file(tmp_path, "11.4.0", gpu) for gpu in (GPU, *others)] + [timings_file(tmp_path, "11.5.0", GPU)]
    assert len(set(files)) == 4

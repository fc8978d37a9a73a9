"""How fast a GPU is, printed: the engine alone, with its copies, and the whole path at 1920x1080 and 60 a second."""

import time
from contextlib import closing
from statistics import median

import numpy as np

from lensd.camera.demo import Demo
from lensd.config import cache_dir
from lensd.engine.select import needs_plan, open_engine
from lensd.evaluation.frame_path import FramePath
from lensd.frames import VideoFormat
from lensd.lens.golden import golden_pair
from lensd.lens.package import open_package
from tests.gpu.test_on_gpu import LENSES

FRAMES = 300


def milliseconds(run, count=200):
    for _ in range(20):
        run()
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - begin))
    return median(times)


def test_the_engine_alone_and_with_its_copies(runtime):
    package = open_package(LENSES[0])
    x, out = golden_pair(package)
    out = np.zeros_like(out)
    with closing(open_engine(package.network, runtime=runtime)) as engine:
        whole = milliseconds(lambda: engine.infer(x, out))
        line = f"{runtime}: H2D + engine + D2H {whole:.3f} ms"
        if needs_plan(runtime):
            runner = engine._runner
            context, stream = runner._runs[0].context, runner._stream

            def alone():
                assert context.execute_async_v3(int(stream))
                runner._cuda.wait(runner._done, stream)

            own = milliseconds(alone)
            line += f", engine alone {own:.3f} ms, {whole / own:.2f} times (aim: 1.15)"
        print(f"\n{line}; kept in {cache_dir()}")
        assert out[..., 3].any()


def test_the_whole_path_at_1080p60(runtime):
    video = VideoFormat(1920, 1080, 60)
    with closing(Demo(video)) as source, FramePath(LENSES[0].stem, video, runtime) as path:
        lensed, times = 0, []
        for number in range(FRAMES):
            frame = source.read(2.0)
            begin = time.process_time()
            lensed += path.show(frame)
            if number > 60:
                times.append(1e3 * (time.process_time() - begin))
        print(f"\n{runtime}: {median(times):.2f} ms of processor a frame at {video} (aim: 4), period 16.67 ms")
        assert lensed > FRAMES / 2

"""Faults for a daemon under test, which has this folder on its PYTHONPATH: see `tests/guest/inside/injected.py`.

Python imports a module of this name at each start. What is to go wrong stands in a file that all processes map, so that
to look costs nothing while nothing is wrong.
"""

import importlib.abc
import importlib.util
import json
import mmap
import os
import signal
import sys
import time
from pathlib import Path

with Path(os.environ["SNAPLENS_FAULTS"]).open("rb") as file:
    page = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def wanted(name):
    """Return what is to go wrong with `name`, None where nothing is."""
    if page[0] == 0:
        return None
    text = page[:].rstrip(b"\0")
    return json.loads(text).get(name) if text.endswith(b"}") else None


def spoil_ioctl(device):
    """Let requests to V4L2 fail, in the process and for as many times as it is said."""
    ioctl, done, process = device.ioctl, {}, next((word for word in sys.orig_argv if word.startswith("lensd.")), "")

    def spoilt(descriptor, request, argument):
        fault = wanted("ioctl")
        if fault and fault["process"] == process and request == getattr(device.uapi, fault["request"]):
            done[fault["number"]] = done.get(fault["number"], 0) + 1
            if done[fault["number"]] <= fault["times"]:
                raise OSError(fault["errno"], os.strerror(fault["errno"]))
        ioctl(descriptor, request, argument)

    device.ioctl = spoilt


def spoil_engine(module):
    """Let the lens's network hang, crash, fail, crawl, or paint nonsense; the face tracker's goes on."""
    engine = module.OnnxRuntimeEngine
    infer = engine.infer

    def spoilt(self, x, out):
        fault = wanted("engine") if self._what.startswith("lens ") else None
        if not fault or fault.get("runtime", self.runtime) != self.runtime:
            infer(self, x, out)
            return
        if fault["how"] == "fails":
            raise module.EngineError(self._what, fault["why"])
        if fault["how"] == "hangs":
            time.sleep(3600)
        if fault["how"] == "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        infer(self, x, out)
        if fault["how"] == "crawls":
            time.sleep(fault["s"])
        if fault["how"] == "paints":
            out[:] = fault["value"]

    engine.infer = spoilt


def fake_gpu(module):
    """A GPU that is there as long as nobody looks closer: its runtime is the processor's, under another name."""
    module.gpu = lambda: module.Gpu("Fake GPU", (8, 9), 13010)


def fake_cuda(module):
    module._PROVIDERS["onnxruntime-cuda"] = "CPUExecutionProvider"
    module.ort.preload_dlls = lambda **_: None
    spoil_engine(module)


def fake_installed(module):
    installed = module._installed
    module._installed = lambda need: "providers_cuda" in need or installed(need)


fsync = os.fsync


def slow_fsync(descriptor):
    """A disk that takes its time."""
    if fault := wanted("disk"):
        time.sleep(fault["s"])
    fsync(descriptor)


os.fsync = slow_fsync
HOOKS = {"lensd.v4l2.device": spoil_ioctl, "lensd.engine.onnxruntime": spoil_engine}
if os.environ.get("SNAPLENS_FAKE_GPU"):
    HOOKS |= {
        "lensd.engine.cuda": fake_gpu,
        "lensd.engine.onnxruntime": fake_cuda,
        "lensd.engine.select": fake_installed,
    }


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if (hook := HOOKS.pop(name, None)) is None:
            return None
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            hook(module)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Finder())

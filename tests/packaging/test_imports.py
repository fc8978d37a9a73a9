"""What a process drags in by importing us: looked at in fresh interpreters."""

import subprocess
import sys

import pytest

HEAVY = {
    "PIL",
    "aiohttp",
    "av",
    "click",
    "cv2",
    "onnxruntime",
    "skimage",
    "tensorrt",
    "tensorrt_rtx",
    "torch",
    "trainer",
}

IMPORT_ALL = """
import pkgutil, sys
OPTIONAL = {"openvino", "tensorrt", "tensorrt_rtx", "cuda"}
for absent in ("torch", "torchvision", "safetensors", "onnx", "trainer"):
    sys.modules[absent] = None  # importing it raises ImportError, as where it is not installed
import lensd
names = [m.name for m in pkgutil.walk_packages(lensd.__path__, "lensd.") if not m.name.endswith("__main__")]
for name in names:
    try:
        __import__(name)
    except ModuleNotFoundError as error:  # a runtime's module is imported by those who have the runtime
        assert name.startswith("lensd.engine.") and error.name.partition(".")[0] in OPTIONAL, error
print(len(names))
"""


def in_a_fresh_interpreter(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_of_the_daemon_imports_without_torch_or_the_trainer():
    assert int(in_a_fresh_interpreter(IMPORT_ALL)) > 40


def test_the_keeper_imports_nothing_that_may_crash_hang_or_weigh():
    loaded = set(in_a_fresh_interpreter("import sys, lensd.keeper, lensd.keeper.app; print(*sys.modules)").split())
    assert "numpy" in loaded
    assert loaded & HEAVY == set()


def test_the_command_line_imports_nothing_heavy_before_a_verb_is_chosen():
    loaded = set(in_a_fresh_interpreter("import sys, lensd.cli; print(*sys.modules)").split())
    assert loaded & (HEAVY - {"click"}) == set()


@pytest.mark.parametrize("verb", ["distil", "train"])
def test_without_torch_the_trainers_verbs_say_what_is_missing(verb):
    code = "import sys; sys.modules['torch'] = None; from lensd.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, verb], capture_output=True, text=True, timeout=60)
    assert done.returncode == 78
    assert "needs the trainer" in done.stderr
    assert "pip install 'snaplens[trainer]'" in done.stderr

"""These run where an NVIDIA GPU is: `make gpu`. Elsewhere they say why they do not, unless SNAPLENS_GPU=required."""

import os

import pytest

from lensd.engine.cuda import gpu
from lensd.engine.select import candidates
from lensd.errors import RuntimeMissing

ON_GPU = ("tensorrt", "tensorrt-rtx", "onnxruntime-cuda")


def absent(why):
    if os.environ.get("SNAPLENS_GPU") == "required":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def device():
    """The GPU."""
    try:
        found = gpu()
    except RuntimeMissing as error:
        absent(f"no GPU: {error.why}")
    print(f"\n{found.name}, compute capability {found.compute_capability}, driver {found.driver}")
    return found


@pytest.fixture(params=ON_GPU)
def runtime(request, device):
    """Each runtime of the GPU that is installed here."""
    (row,) = [row for row in candidates() if row.runtime == request.param]
    if not row.available:
        pytest.skip(f"{row.runtime}: {row.why} ({row.hint})")
    return row.runtime


@pytest.fixture
def plans(tmp_path, monkeypatch):
    """An empty cache, so that plans are built."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "lensd" / "plans"

"""Where pictures go out: "SnapLens Camera", a video file, memory, or nowhere.

Imports numpy and pyvirtualcam, and nothing that may crash, hang or weigh: the keeper lives on it.
"""

from lensd.virtualcam.memory import MemorySink
from lensd.virtualcam.node import DRIVER, LABEL, LOAD_MODULE, find_node, further_labels
from lensd.virtualcam.none import NullSink
from lensd.virtualcam.select import is_there, open_sink, writes_a_file

__all__ = [
    "DRIVER",
    "LABEL",
    "LOAD_MODULE",
    "MemorySink",
    "NullSink",
    "find_node",
    "further_labels",
    "is_there",
    "open_sink",
    "writes_a_file",
]

import pytest

from lensd.page.words import figures_from_status


def shown(status):
    return {term: (value, detail) for term, value, detail in figures_from_status(status)["figures"]}


def test_a_running_camera_is_told_in_plain_words():
    status = {
        "lens": "thug-life",
        "fps": 29.96,
        "latency_ms": {"p50": 23.4, "p95": 31.2, "p99": 40.0},
        "camera": "Integrated Camera",
        "output": "SnapLens Camera (/dev/video10)",
        "output_problem": None,
        "readers": 2,
        "runtime": "onnxruntime",
        "worker": {"state": "running", "why": ""},
    }
    assert shown(status) == {
        "Frame rate": ("30", "pictures a second"),
        "Latency": ("23 ms", "19 of 20 pictures within 31 ms"),
        "Camera": ("Integrated Camera", ""),
        "Output": ("SnapLens Camera", "/dev/video10"),
        "Watching": ("2 programs", ""),
        "Runs on": ("onnxruntime", ""),
    }
    words = figures_from_status(status)
    assert (words["lens"], words["mark"], words["state"], words["why"]) == ("thug-life", "live", "Live", "")


def test_a_missing_camera_is_said_with_its_reason():
    words = figures_from_status({"worker": {"state": "no-camera", "why": "/dev/video0 is not there"}})
    assert (words["mark"], words["state"], words["why"]) == ("bad", "No camera", "/dev/video0 is not there")


def test_an_output_that_is_not_there_yet_is_said_with_what_mends_it():
    problem = {"code": "x", "what": "SnapLens Camera", "why": "no such device", "hint": "sudo modprobe v4l2loopback"}
    output = shown({"output": "none", "output_problem": problem})["Output"]
    assert output == ("None yet", "no such device – sudo modprobe v4l2loopback")
    assert shown({"output": "none", "output_problem": None})["Output"][0] == "None"


@pytest.mark.parametrize(("readers", "words"), [(None, "–"), (0, "Nobody"), (1, "1 program"), (7, "7 programs")])
def test_readers_are_counted_in_words(readers, words):
    assert shown({"readers": readers})["Watching"][0] == words


@pytest.mark.parametrize("odd", [None, [], {}, "x", True, -1, {"p50": None}, {"p50": "x"}])
def test_a_status_of_another_shape_is_shown_as_unknown_rather_than_failing(odd):
    names = ("lens", "fps", "latency_ms", "camera", "output", "output_problem", "readers", "runtime", "worker")
    words = figures_from_status(dict.fromkeys(names, odd))
    assert words["mark"] in {"live", "wait", "bad"}
    assert all(isinstance(text, str) for figure in words["figures"] for text in figure)
    assert len(words["figures"]) == 6


def test_the_demo_is_called_what_it_is():
    assert shown({"camera": "demo"})["Camera"][0] == "Demo"
    assert shown({"camera": None})["Camera"] == ("None", "")


def test_long_texts_are_cut():
    assert len(shown({"camera": "x" * 10_000})["Camera"][0]) == 200

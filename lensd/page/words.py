"""The keeper's status in plain words, as the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lensd.control.messages import Message

# By the worker's state: how the page marks it, and what it says.
_STATES = {
    "running": ("live", "Live"),
    "starting": ("wait", "Starting…"),
    "loading": ("wait", "Loading the lens…"),
    "no-camera": ("bad", "No camera"),
    "camera-busy": ("bad", "The camera is used by another program"),
    "camera-failed": ("bad", "The camera does not answer"),
    "lens-failed": ("bad", "The lens failed"),
    "idle": ("wait", "Nobody looks: the webcam is closed"),
    "paused": ("wait", "Paused: the webcam is closed"),
    "stopped": ("bad", "Stopped"),
}


def figures_from_status(status: Message) -> dict[str, Any]:
    """Return what the page shows of the keeper's status.

    Returns:
        `lens`: the chosen one's name. `paused`: whether the webcam is closed on request. `mark`: live, wait or bad.
        `state`: a few words; `why`: more of it, or empty.
        `figures`: a list of [term, value, detail], each a text, the detail often empty.
    """
    worker = status.get("worker")
    worker = worker if isinstance(worker, dict) else {}
    mark, state = _STATES.get(_text(worker.get("state")), ("wait", "One moment…"))
    return {
        "lens": _text(status.get("lens")),
        "paused": bool(status.get("paused")),
        "mark": mark,
        "state": state,
        "why": "" if mark == "live" else _text(worker.get("why")),
        "figures": [
            ["Frame rate", *_rate(status.get("fps"))],
            ["Latency", *_latency(status.get("latency_ms"))],
            ["Camera", *_camera(_text(status.get("camera")))],
            ["Output", *_output(status)],
            ["Watching", *_readers(status.get("readers"))],
            ["Runs on", _text(status.get("runtime")) or "No network", ""],
        ],
    }


def _rate(fps: object) -> tuple[str, str]:
    if not _is_number(fps) or not fps:
        return "–", "no new pictures now"
    return f"{fps:.0f}", "pictures a second"


def _latency(latency_ms: object) -> tuple[str, str]:
    # p50 and p95 of the last pictures, or one number.
    parts = latency_ms if isinstance(latency_ms, dict) else {"p50": latency_ms}
    middle, most = parts.get("p50"), parts.get("p95")
    if not _is_number(middle):
        return "–", "from camera to output"
    detail = f"19 of 20 pictures within {most:.0f} ms" if _is_number(most) else "from camera to output"
    return f"{middle:.0f} ms", detail


def _camera(name: str) -> tuple[str, str]:
    if name == "demo":
        return "Demo", "a portrait by NASA that moves"
    return name or "None", ""


def _output(status: Message) -> tuple[str, str]:
    output, problem = _text(status.get("output")), status.get("output_problem")
    if output not in {"", "none"}:
        name, _, node = output.partition(" (/")  # as sinks are named: SnapLens Camera (/dev/video10)
        return name, f"/{node.removesuffix(')')}" if node else ""
    if isinstance(problem, dict):
        parts = (_text(problem.get(part)) for part in ("why", "hint"))
        return "None yet", " – ".join(part for part in parts if part)
    return "None", "only this page shows the picture"


def _readers(readers: object) -> tuple[str, str]:
    if not _is_number(readers):
        return "–", "nobody can without a virtual camera"
    if not readers:
        return "Nobody", "pick SnapLens Camera in your call"
    return f"{readers:.0f} program{'' if readers == 1 else 's'}", ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""

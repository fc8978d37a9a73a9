"""`lensd status`."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from lensd.control.client import call
from lensd.control.messages import PROTOCOL

_PERIOD_S = 1.0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option("--watch", is_flag=True, help="Again every second, until Ctrl-C.")
def status(as_json: bool, watch: bool) -> None:
    """Show what the camera does now."""
    try:
        while True:
            told = {"protocol": PROTOCOL, **call("status")}
            if watch and not as_json:
                click.clear()
            print(json.dumps(told) if as_json else _readable(told), flush=True)
            if not watch:
                return
            time.sleep(_PERIOD_S)
    except KeyboardInterrupt:
        return


_LOOKED_AT = {
    "on": "yes",
    "lingering": "no; the webcam is closed in a moment",
    "open": "no, but a program has it open; the webcam is closed",
    "off": "no; the webcam is closed",
}


_OVERLOADED = {"overload": "the lens runs on every second frame, and moves with the face between"}


def _looked_at(demand: dict[str, Any]) -> str:
    who = list(demand["readers"])
    if demand["viewers"]:
        who.append("the preview page")
    if demand.get("pipewire"):
        who.append("a program by way of PipeWire")
    if demand["always_on"]:
        who.append("always on, as asked for")
    return _LOOKED_AT.get(str(demand["state"]), "") + (f": {', '.join(who)}" if who else "")


def _in_pipewire(told: dict[str, Any]) -> str:
    words = {"listed": "a camera", "streaming": "a camera, and a program looks"}
    state = str(told.get("state", "off"))
    return words.get(state, state) + (f" ({told['why']})" if told.get("why") else "")


def _runtime(told: dict[str, Any]) -> str:
    """Return what ran the last frame, how fast, what else would be slower, and what is being measured."""
    runtimes = told["worker"].get("runtimes") or {}
    if not runtimes or not told["runtime"]:
        return told["runtime"] or "-"
    way = f"{told['runtime']} {runtimes['precision']}"
    figures = [f"{row['way']} {row['ms']:g} ms" for row in runtimes["measured"]]
    own = next((f" {row['ms']:g} ms" for row in runtimes["measured"] if row["way"] == way), "")
    others = ", ".join(each for each in figures if not each.startswith(f"{way} "))
    doing = runtimes["measuring"]
    share = f", {doing['progress']:.0%}" if doing and doing["progress"] is not None else ""
    more = [others, f"measuring {doing['way']}{share}" if doing else ""]
    return way + own + "".join(f"; {text}" for text in more if text)


def _refusals(told: dict[str, Any]) -> dict[str, str]:
    refused = (told["worker"].get("runtimes") or {}).get("refused") or []
    return {"refused": "\n          ".join(f"{row['way']}: {row['why']}" for row in refused)} if refused else {}


def _readable(told: dict[str, Any]) -> str:
    worker, latency, problem = told["worker"], told["latency_ms"], told["output_problem"]
    settings, instead = told.get("settings") or {}, worker.get("instead_of")
    odd = (f"instead of {instead}" if instead else "", worker.get("doubt"))
    lost = [each for each in told.get("outputs", [])[1:] if each["problem"]]
    lines = {
        **({"paused": "the webcam is closed; go on with: lensd resume"} if told.get("paused") else {}),
        "on air": told["on_air"] + (f" ({worker['why']})" if worker["why"] and told["on_air"] != "worker" else ""),
        "lens": told["lens"],
        "faces": worker.get("faces", "-"),
        **(_OVERLOADED if worker.get("lens_every") == 2 else {}),
        "camera": (told["camera"] or "none") + "".join(f" ({each})" for each in odd if each),
        "output": told["output"] + (f" ({problem['why']}; {problem['hint']})" if problem else ""),
        **{each["label"].removeprefix("SnapLens "): each["problem"]["why"] for each in lost},
        "picture": f"{told['format']}, {told['fps']} new ones a second",
        "latency": " ".join(f"{name} {value} ms" for name, value in latency.items()) if latency else "-",
        **({"settings": f"as they were: {settings['problem']['why']}"} if settings.get("problem") else {}),
        "runtime": _runtime(told),
        **_refusals(told),
        "pipewire": _in_pipewire(told.get("pipewire") or {}),
        "readers": "-" if told["readers"] is None else told["readers"],
        "looked at": _looked_at(told["demand"]),
        "worker": f"{worker['state']}, pid {worker['pid']}, {worker['restarts']} restarts",
        "daemon": f"{told['version']}, pid {told['pid']}, up {told['uptime_s']:.0f} s",
    }
    return "\n".join(f"{name:<9} {value}" for name, value in lines.items())

"""`lensd devices`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from lensd.camera.find import CameraInfo, best_camera, list_cameras
from lensd.v4l2.nodes import OWN_LABEL, list_names

if TYPE_CHECKING:
    from lensd.camera.modes import Offer

_PERMISSION = "sudo usermod -aG video $USER, then log out and in again"
_DEMO = (
    'demo: a moving portrait instead of a webcam (lensd run --camera demo); "auto" takes it where there is no webcam'
)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def devices(as_json: bool) -> None:
    """Show the cameras: what they are called, what they give, and who uses them.

    Each name works with lensd run --camera: the card's name or its beginning, /dev/videoN, N, or the by-id name, which
    stays the same from boot to boot.
    """
    cameras = list_cameras()
    virtual = [str(path) for path, name in list_names() if name == OWN_LABEL]
    if as_json:
        print(json.dumps({"cameras": [_as_dict(each) for each in cameras], "virtual_cameras": virtual}))
        return
    best = best_camera(cameras)
    for each in cameras:
        print(_readable(each, is_best=each is best))
    if not cameras:
        print("no webcam")
    print(_DEMO)
    for path in virtual:
        print(f"{OWN_LABEL} ({path}): where the pictures go; never taken as the camera")
    if not virtual:
        print(f'no "{OWN_LABEL}": lensd doctor says how to get it')


def _as_dict(camera: CameraInfo) -> dict[str, Any]:
    return {
        "path": str(camera.path),
        "by_id": list(camera.by_id),
        "card": camera.card,
        "driver": camera.driver,
        "problem": camera.problem,
        "used_by": [{"pid": each.pid, "program": each.name} for each in camera.used_by],
        "formats": [
            {
                "pixel_format": each.code,
                "size": [each.width, each.height],
                "most_size": [each.most_width, each.most_height],
                "fps": [round(rate, 3) for rate in each.rates],
            }
            for each in camera.offers
        ],
    }


def _readable(camera: CameraInfo, *, is_best: bool) -> str:
    state = "used by " + ", ".join(map(str, camera.used_by)) if camera.used_by else "free"
    driver = f"driver {camera.driver}, " if camera.driver else ""
    lines = [f"{camera.card} ({camera.path}): {driver}{state}" + (', "auto" takes this one' if is_best else "")]
    lines += [f"    by-id {name}" for name in camera.by_id]
    if camera.problem:
        lines.append(f"    cannot be used: {camera.problem}" + (f"; {_PERMISSION}" if _refused(camera) else ""))
    elif not camera.offers:
        lines.append("    gives nothing that can be decoded")
    formats: dict[str, list[Offer]] = {}
    for offer in camera.offers:
        formats.setdefault(offer.code, []).append(offer)
    for code, offers in formats.items():
        sizes = sorted(offers, key=lambda offer: offer.width * offer.height)
        lines.append(f"    {code}  " + ", ".join(_size_and_rate(offer) for offer in sizes))
    return "\n".join(lines)


def _refused(camera: CameraInfo) -> bool:
    return "ermi" in camera.problem  # "Permission denied", "Operation not permitted"


def _size_and_rate(offer: Offer) -> str:
    size = f"{offer.width}x{offer.height}"
    if (offer.width, offer.height) != (offer.most_width, offer.most_height):
        size += f" to {offer.most_width}x{offer.most_height}"
    return f"{size} @{max(offer.rates):g}" if offer.rates else size

"""What a user can set, and where things are kept."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from lensd.errors import ConfigError

if TYPE_CHECKING:
    from lensd.frames import VideoFormat, View

APP = "lensd"
NO_LENS = "none"
VIEW_NAMES = ("mirror", "rotate", "crop", "fit")
_MOST_CAMERAS = 16
_MOST_CUT = 90
NoFace = Literal["pass", "hold", "card"]
Rotation = Literal[0, 90, 180, 270]
Fit = Literal["letterbox", "crop"]
RuntimeChoice = Literal[
    "auto", "onnxruntime", "onnxruntime-cuda", "openvino", "openvino-gpu", "openvino-npu", "tensorrt", "tensorrt-rtx"
]


@dataclass(frozen=True, slots=True)
class Settings:
    """All that `lensd run` can be told.

    Attributes:
        camera: "auto" (a webcam, else the demo), "/dev/videoN", a by-id or card name, a file's path, or "demo"; or
            several such, of which the first that is there is taken.
        lens: the lens to begin with; None takes the last one.
        mirror, rotate, crop, fit: how a camera's frames are shown, as `frames.View` has it; crop as text, "10 0 10 0".
            What `lensd camera set` has kept for a camera goes before them.
        width, height, fps: of the published picture, for the daemon's life; even sizes, 160..3840 by 120..2160.
        output: "auto" ("SnapLens Camera" where there is one), "/dev/videoN", a video file's path, or "none".
        preview: start the preview page.
        pipewire: be a camera of PipeWire's as well, where PipeWire runs.
        no_face: what a lens shows while there is no face: the camera's picture, the last lensed one, or a card.
        runtime: which runtime runs the networks.
        show_points: draw the tracker's points, for looking.
        always_on: have the webcam open also while nobody looks.
        linger_s: seconds for which it stays open after the last one has looked away, 0..3600.
    """

    camera: str | tuple[str, ...] = "auto"
    mirror: bool = False
    rotate: Rotation = 0
    crop: str = "0 0 0 0"
    fit: Fit = "letterbox"
    lens: str | None = None
    width: int = 1280
    height: int = 720
    fps: float = 30.0
    output: str = "auto"
    preview: bool = True
    pipewire: bool = True
    no_face: NoFace = "pass"
    runtime: RuntimeChoice = "auto"
    show_points: bool = False
    always_on: bool = False
    linger_s: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ConfigError: names the setting, the bounds and what was given.
        """
        if not isinstance(self.camera, str):
            # As JSON and TOML have them; a list of one is that one.
            names = tuple(str(name) for name in self.camera)
            if not 1 <= len(names) <= _MOST_CAMERAS:
                raise ConfigError(f"camera, {len(names)} names", f"must be from 1 to {_MOST_CAMERAS}", "lensd devices")
            object.__setattr__(self, "camera", names[0] if len(names) == 1 else names)
        for name, value, low, high in (("width", self.width, 160, 3840), ("height", self.height, 120, 2160)):
            if not low <= value <= high or value % 2:
                raise ConfigError(f"{name} {value}", f"must be even and from {low} to {high}", "--size 1280x720")
        if not 1 <= self.fps <= 120:
            raise ConfigError(f"fps {self.fps:g}", "must be from 1 to 120", "--fps 30")
        if not 0 <= self.linger_s <= 3600:
            raise ConfigError(f"linger_s {self.linger_s:g}", "must be from 0 to 3600 seconds", "--linger 5")
        checked_view({name: getattr(self, name) for name in VIEW_NAMES})
        for name, choice, choices in (("no_face", self.no_face, NoFace), ("runtime", self.runtime, RuntimeChoice)):
            if choice not in get_args(choices):
                raise ConfigError(f"{name} {choice!r}", f"must be one of {', '.join(get_args(choices))}")

    @property
    def cameras(self) -> tuple[str, ...]:
        """The cameras by name, the preferred one first."""
        return (self.camera,) if isinstance(self.camera, str) else self.camera

    @property
    def format(self) -> VideoFormat:
        """The published size and rate."""
        from lensd.frames import VideoFormat  # with NumPy: 0.1 s that `lensd status` need not wait

        return VideoFormat(self.width, self.height, self.fps)

    @property
    def view(self) -> View:
        """How frames are shown, where nothing else is kept for their camera."""
        from lensd.frames import View

        return View(**checked_view({name: getattr(self, name) for name in VIEW_NAMES}))

    def as_dict(self) -> dict[str, Any]:
        """Return what `from_dict` takes; JSON can carry it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the settings in `values`, defaults for the rest.

        Raises:
            ConfigError: an unknown name, or a value that cannot be used.
        """
        known = {field.name for field in fields(cls)}
        if unknown := values.keys() - known:
            raise ConfigError(f"setting {min(unknown)!r}", f"unknown; there are {', '.join(sorted(known))}")
        return cls(**values)


def checked_view(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings of a view as `frames.View` takes them; `crop` may be text or four numbers.

    Raises:
        ConfigError: an unknown name, or a value that cannot be used.
    """
    checked = dict(values)
    for name, value in values.items():
        if name == "crop":
            checked[name] = _cut(value)
        elif name == "mirror" and not isinstance(value, bool):
            raise ConfigError(f"mirror {value!r}", "must be true or false", "mirror=true")
        elif name == "rotate" and (isinstance(value, bool) or value not in get_args(Rotation)):
            raise ConfigError(f"rotate {value!r}", "must be 0, 90, 180 or 270, degrees clockwise", "rotate=180")
        elif name == "fit" and value not in get_args(Fit):
            raise ConfigError(f"fit {value!r}", f"must be one of {', '.join(get_args(Fit))}", "fit=crop")
        elif name not in VIEW_NAMES:
            raise ConfigError(f"setting {name!r}", f"unknown; there are {', '.join(VIEW_NAMES)}")
    return checked


def _cut(value: object) -> tuple[float, ...]:
    """Return four per cents: left, top, right, bottom."""
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    try:
        left, top, right, bottom = cut = tuple(float(each) for each in words)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        cut = left, top, right, bottom = (-1.0,) * 4
    if not all(0 <= each <= _MOST_CUT for each in (*cut, left + right, top + bottom)):
        why = f"must be four per cents, left, top, right and bottom, that leave {100 - _MOST_CUT} either way"
        raise ConfigError(f"crop {str(value)[:40]!r}", why, 'crop="10 0 10 0"')
    return cut


def _base(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else Path.home() / fallback  # as the XDG specification has it


def runtime_dir() -> Path:
    """Return the folder of the control socket, not created here."""
    value = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(value) / APP if value.startswith("/") else Path("/tmp") / f"{APP}-{os.getuid()}"  # noqa: S108 mode 0700, owner checked


def control_socket() -> Path:
    """Return the control socket's path."""
    return runtime_dir() / "control.sock"


def config_file() -> Path:
    """Return the path of the user's settings; mostly there is no such file, and the defaults hold."""
    return config_home() / APP / "config.toml"


def cache_dir() -> Path:
    """Return the folder of what can be made again: cards, plans, measured runtimes."""
    return _base("XDG_CACHE_HOME", ".cache") / APP


def state_dir() -> Path:
    """Return the folder of what is remembered from run to run: the last lens."""
    return _base("XDG_STATE_HOME", ".local/state") / APP


def data_home() -> Path:
    """Return the folder in which the user's programs keep what is theirs: menus, icons, man pages, our lenses."""
    return _base("XDG_DATA_HOME", ".local/share")


def config_home() -> Path:
    """Return the folder of the user's settings, of all programs."""
    return _base("XDG_CONFIG_HOME", ".config")


def user_lenses_dir() -> Path:
    """Return the folder of the user's own lenses."""
    return data_home() / APP / "lenses"


def shipped_lenses_dir() -> Path:
    """Return the folder of the lenses in the package."""
    return Path(__file__).parent / "lenses"

"""What can go wrong, as one tree.

LensdError
├── ConfigError                 a setting or argument that cannot be used
├── CameraError
│   ├── CameraMissing           no such camera, or unplugged
│   ├── CameraBusy              held by another program
│   └── SourceTimeout           no frame in time (not yet a loss)
├── SinkError                   the virtual camera, or another output
│   ├── SinkMissing             no v4l2loopback device of ours
│   └── SinkRefused             the driver answered other than asked
├── MediaError                  a picture or video file that cannot be read or written
├── LensError                   a lens package
│   ├── ManifestError           lens.toml breaks its schema
│   ├── PackageError            files, sizes, paths or hashes are not what they should be
│   └── GoldenMismatch          the network ran, and gave another picture than the package's own
├── EngineError                 a runtime that cannot run a network
│   └── RuntimeMissing          not installed, or no device for it
├── SetupError                  a step of `lensd setup` that cannot be done
└── ControlError
    ├── DaemonNotRunning        nobody listens on the control socket
    ├── AlreadyRunning          a daemon holds it
    └── ProtocolError           a message that breaks the protocol

Every error says what (the thing), why (the cause, the system's words where there are any) and a hint (the command
that mends it, where one does). The command line prints them as two lines; the socket sends the same fields.
"""

from __future__ import annotations

from typing import ClassVar


class LensdError(Exception):
    """The root: an error that a person can read and act on.

    Attributes:
        what: the object, such as "/dev/video0" or "lens toon".
        why: the cause, one clause.
        hint: a command or an action that mends it; empty where none is known.
        code: stable slug for programs.
        exit_status: of the command line (sysexits.h where one fits).
    """

    code: ClassVar[str] = "error"
    exit_status: int = 1

    def __init__(self, what: str, why: str, hint: str = "") -> None:
        """Keep the three parts apart, so that each client may lay them out."""
        super().__init__(f"{what}: {why}")
        self.what, self.why, self.hint = what, why, hint

    def as_dict(self) -> dict[str, str]:
        """Return the fields as they travel over the control socket."""
        return {"code": self.code, "what": self.what, "why": self.why, "hint": self.hint}


class ConfigError(LensdError):
    """A setting or argument that cannot be used."""

    code, exit_status = "config", 78


class CameraError(LensdError):
    """A camera that cannot be read."""

    code, exit_status = "camera", 74


class CameraMissing(CameraError):
    """No such camera, or unplugged."""

    code, exit_status = "camera-missing", 66


class CameraBusy(CameraError):
    """Held by another program."""

    code, exit_status = "camera-busy", 75


class SourceTimeout(CameraError):
    """No frame within the time given; the source may still recover."""

    code, exit_status = "camera-timeout", 75


class SinkError(LensdError):
    """An output that cannot be written."""

    code, exit_status = "output", 74


class SinkMissing(SinkError):
    """No v4l2loopback device of ours."""

    code, exit_status = "output-missing", 69


class SinkRefused(SinkError):
    """The driver answered other than asked."""

    code, exit_status = "output-refused", 74


class MediaError(LensdError):
    """A picture or video file that cannot be read or written."""

    code, exit_status = "media", 65


class LensError(LensdError):
    """A lens package that cannot be used."""

    code, exit_status = "lens", 65


class ManifestError(LensError):
    """lens.toml breaks its schema."""

    code = "lens-manifest"


class PackageError(LensError):
    """Files, sizes, paths or hashes are not what the manifest says."""

    code = "lens-package"


class GoldenMismatch(LensError):
    """The network ran and gave another picture than the package's golden one."""

    code = "lens-golden"


class EngineError(LensdError):
    """A runtime that cannot run a network."""

    code, exit_status = "engine", 70


class RuntimeMissing(EngineError):
    """A runtime that is not installed or has no device."""

    code, exit_status = "runtime-missing", 69


class SetupError(LensdError):
    """A step of `lensd setup` that cannot be done."""

    code, exit_status = "setup", 69


class ControlError(LensdError):
    """The control socket."""

    code, exit_status = "control", 70


class DaemonNotRunning(ControlError):
    """Nobody listens on the control socket."""

    code, exit_status = "not-running", 69


class AlreadyRunning(ControlError):
    """Another daemon of this user holds the control socket."""

    code, exit_status = "already-running", 75


class ProtocolError(ControlError):
    """A message that breaks the protocol."""

    code, exit_status = "protocol", 76

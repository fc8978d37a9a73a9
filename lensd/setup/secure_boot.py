"""Secure Boot: whether it is on, whether it knows the key that signs our module, and the way through its screens."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final, Literal

KeyState = Literal["enrolled", "waiting", "missing", "unknown"]

# Four bytes of attributes, then the value; by the UEFI specification's global GUID.
_VARIABLE = Path("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c")
_ANSWERS: Final[dict[str, KeyState]] = {
    "is already enrolled": "enrolled",
    "already in the enrollment request": "waiting",
    "is not enrolled": "missing",
}
WHY: Final = (
    "Secure Boot is on: the kernel takes only modules that are signed with a key it knows. v4l2loopback is built here "
    "and signed with a key of this computer's own, so that key has to be made known, once. Secure Boot stays on."
)
WALK_THROUGH: Final = (
    'restart the computer. Before the system starts, a blue screen "Perform MOK management" waits for ten seconds; '
    "there choose, with the arrow keys: Enroll MOK, Continue, Yes; type the password that you have just chosen (the "
    "keyboard is an American one there); then Reboot. The camera is there from then on"
)


def is_on(root: Path = Path("/")) -> bool:
    """Tell whether the firmware started this system with Secure Boot."""
    try:
        return (root / _VARIABLE).read_bytes()[4:5] == b"\x01"
    except OSError:  # no UEFI
        return False


def key_state(key: Path) -> KeyState:
    """Ask mokutil whether the machine's owner has made `key` known; "unknown" where it or the key is not there."""
    try:
        done = subprocess.run(
            ["mokutil", "--test-key", str(key)], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    said = done.stdout + done.stderr
    return next((state for words, state in _ANSWERS.items() if words in said), "unknown")

"""How checks are run: each alone, for a bounded time, whatever becomes of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lensd.errors import LensdError

_log = logging.getLogger(__name__)

Status = Literal["ok", "warn", "fail"]
_WORST_FIRST: tuple[Status, ...] = ("fail", "warn", "ok")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        name: what was looked at, such as "v4l2loopback".
        status: "ok"; "warn": works, but not all or not as well; "fail": something that does not work.
        detail: one clause.
        hint: the command that mends it; empty where nothing is to be done.
        fix: the same as a command that `lensd doctor --fix` may run: it changes nothing but this user's session; empty
            where a person has to decide.
    """

    name: str
    status: Status
    detail: str
    hint: str = ""
    fix: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON carries them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    Attributes:
        name: as in its findings.
        look: yields findings; may raise anything, which is a failure with its message.
        limit_s: how long it may take.
    """

    name: str
    look: Callable[[], Iterable[Finding]]
    limit_s: float = 5.0


def run_check(check: Check) -> list[Finding]:
    """Run one check. It never raises, and returns within the check's limit, with what was found until then."""
    found: list[Finding] = []
    thread = threading.Thread(target=_look, args=(check, found), name=f"doctor {check.name}", daemon=True)
    thread.start()
    thread.join(check.limit_s)
    if thread.is_alive():
        late = Finding(check.name, "fail", f"the check did not end within {check.limit_s:g} s", "lensd -vv doctor")
        return [*found, late]
    return found


def _look(check: Check, found: list[Finding]) -> None:
    try:
        found.extend(check.look())  # one by one: what was found before a failure, or the end of the time, counts
    except LensdError as error:
        found.append(Finding(check.name, "fail", f"{error.what}: {error.why}", error.hint))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        found.append(Finding(check.name, "fail", f"{where}{error.strerror or error}"))
    except Exception as error:  # noqa: BLE001  one check's fault must not hide what the others find
        _log.debug("check %s", check.name, exc_info=True)
        found.append(Finding(check.name, "fail", f"the check itself failed: {type(error).__name__}: {error}"))


def worst(findings: Iterable[Finding]) -> Status:
    """Return the gravest status among the findings; "ok" where there are none."""
    seen = {finding.status for finding in findings}
    return next((status for status in _WORST_FIRST if status in seen), "ok")

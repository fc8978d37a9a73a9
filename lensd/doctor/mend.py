"""Running what `lensd doctor --fix` may run."""

from __future__ import annotations

import logging
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lensd.doctor.report import Finding

_log = logging.getLogger(__name__)
_LIMIT_S: Final = 60


def mend(findings: Iterable[Finding]) -> list[str]:
    """Run the fix of each finding that is not well; the check is then to be run again, which tells whether it helped.

    Returns:
        The commands that ended well.
    """
    done = []
    for finding in findings:
        if finding.status == "ok" or not finding.fix:
            continue
        try:
            ended = subprocess.run(finding.fix, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            _log.warning("%s: %s", " ".join(finding.fix), error)
            continue
        if ended.returncode:
            _log.warning("%s: %s", " ".join(finding.fix), ended.stderr.strip() or f"status {ended.returncode}")
        else:
            done.append(" ".join(finding.fix))
    return done

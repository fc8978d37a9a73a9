"""A package from an https address into a file: by the command line only, never by the daemon.

Nothing of what is fetched is believed: its size is bounded while it comes, and its SHA-256 is compared where the
address has one. The certificate is checked as the system does it; a redirection may lead to https only.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import re
import shutil
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple
from urllib.parse import urldefrag, urlsplit

from lensd import __version__
from lensd.errors import LensError
from lensd.lens.container import TOTAL_BYTES_MAX
from lensd.lens.strict_table import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SILENCE_S = 30.0  # without a byte
WHOLE_S = 900.0  # 64 MiB at 75 KB/s; a server that sends a byte now and then does not hold us for ever
_PIECE = 64 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Address(NamedTuple):
    """Where a package is, and what it has to be.

    Attributes:
        url: https, without a fragment.
        sha256: of the file, 64 lower-case hex digits; None where the address does not say.
    """

    url: str
    sha256: str | None


def is_address(text: str) -> bool:
    """Say whether `text` is meant as an address rather than a file."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def parse_address(text: str) -> Address:
    """Return the address in `text`.

    Raises:
        LensError: not https, with a password in it, or with a fragment that is no SHA-256.
    """
    url, fragment = urldefrag(text)
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        raise LensError(printable(text), "is no address", "https://HOST/NAME.lens.zip")
    if parts.scheme.lower() != "https":
        raise LensError(
            printable(text), "is not https: anybody on the way could change it", f"https://{parts.netloc}{parts.path}"
        )
    if "@" in parts.netloc:
        raise LensError(f"https://{host}", "has a user or a password in it, which lensd does not send")
    if not fragment:
        return Address(url, None)
    name, _, digest = fragment.partition("=")
    digest = digest.lower()
    if name != "sha256" or not _SHA256.fullmatch(digest):
        raise LensError(printable(text), "ends in something that is no SHA-256", f"{url}#sha256=64 hex digits")
    return Address(url, digest)


@contextlib.contextmanager
def fetched(
    address: Address, tell: Callable[[int, int | None], None] = lambda _done, _of: None, *, silence_s: float = SILENCE_S
) -> Iterator[Path]:
    """Yield the file that lies at `address`; it is gone at the end.

    Args:
        address: from `parse_address`.
        tell: told how many bytes came, of how many, where that is known.
        silence_s: after so long without a byte it is given up.

    Raises:
        LensError: it cannot be had, is too large, or is another file than the address says.
    """
    folder = Path(tempfile.mkdtemp(prefix="lensd-fetch-"))
    try:
        # Errors name the file: the last part of the address.
        last = re.sub(r"[^A-Za-z0-9._-]", "_", urlsplit(address.url).path.rpartition("/")[2])[-80:].lstrip(".")
        path = folder / (last or "package")
        with path.open("wb") as file:
            _fetch(address, file, tell, silence_s)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fetch(address: Address, file: IO[bytes], tell: Callable[[int, int | None], None], silence_s: float) -> None:
    shown, digest = printable(address.url), hashlib.sha256()
    request = urllib.request.Request(address.url, headers={"User-Agent": f"lensd/{__version__}"})  # noqa: S310  https only
    until_s = time.monotonic() + WHOLE_S
    try:
        with urllib.request.build_opener(_HttpsOnly).open(request, timeout=silence_s) as answer:
            said = answer.headers.get("Content-Length", "")
            of = int(said) if said.isascii() and said.isdecimal() and len(said) < 16 else None
            _bounded(shown, of or 0)
            done = 0
            while piece := answer.read1(_PIECE):
                _bounded(shown, done := done + len(piece))
                if time.monotonic() > until_s:
                    raise LensError(shown, f"did not come within {WHOLE_S / 60:.0f} minutes")
                digest.update(piece)
                file.write(piece)
                tell(done, of)
            if of is not None and done != of:
                raise LensError(shown, f"ended after {done} of {of} bytes", "try again")
    except urllib.error.HTTPError as error:
        with error:
            raise LensError(shown, f"the server says {error.code} {printable(str(error.reason))}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LensError(
            shown, f"cannot be fetched: {_cause(error)}", "is the address right, and are you online?"
        ) from error
    if address.sha256 is not None and digest.hexdigest() != address.sha256:
        why = f"is not the file that the address names: its SHA-256 is {digest.hexdigest()}"
        raise LensError(shown, why, "do not use it; ask its maker")


def _bounded(shown: str, size: int) -> None:
    if size > TOTAL_BYTES_MAX:
        raise LensError(shown, f"is larger than the {TOTAL_BYTES_MAX} bytes that a lens may have")


def _cause(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted ({reason.verify_message})"
    if isinstance(reason, TimeoutError):
        return "the server does not answer"
    told = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    return printable(" ".join(told.split())) or type(reason).__name__


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows a redirection to https, and to nothing else."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the next request."""
        if not newurl.lower().startswith("https://"):
            raise LensError(printable(req.full_url), f"leads to {printable(newurl)}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)

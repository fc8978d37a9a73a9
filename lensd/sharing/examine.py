"""`python -m lensd.sharing.examine PATH look|run`: one package, examined behind limits; of no use by hand.

The package is a stranger's, and our readers, OpenCV's decoders and ONNX Runtime are code like any other: what they do
with a file that was made to hurt happens here, in a process that may write no file, has memory and time for the largest
lens that the format allows, and of which nothing is kept but a few lines of JSON.
"""

from __future__ import annotations

import json
import math
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from lensd.errors import LensdError, LensError
from lensd.sharing.limits import Limits, confine
from lensd.sharing.report import NetworkReport, Report

if TYPE_CHECKING:
    from lensd.lens.package import LensPackage

# thug-life takes 0.4 GB of address space, 0.11 GB of memory and 0.3 s of a Zen 3. The format allows 64 MiB of package
# and networks of 2 GiB of tensors and 50 G multiplications, of which there may be three: 10 s each at 5 G a second.
LIMITS = Limits(address_bytes=4 << 30, cpu_s=60, file_bytes=0, files=64)
CARD_MOST = 20_000
_PSNR_MOST_DB = 99.0


def main() -> int:
    """Examine the package that the command line names; answer in one line on standard output."""
    confine(LIMITS)
    # What libraries print must not look like an answer.
    answer = os.dup(1)
    os.dup2(2, 1)
    path, how = sys.argv[1:]
    try:
        told = {"report": examined(Path(path), run=how == "run").as_dict()}
    except LensdError as error:
        told = {"error": error.as_dict()}
    except MemoryError:
        told = {"error": _too_large(Path(path)).as_dict()}
    with os.fdopen(answer, "wb") as stream:
        stream.write(json.dumps(told).encode())
    return 0


def examined(path: Path, *, run: bool) -> Report:
    """Return what there is to say of the package at `path`; with `run` its pictures and networks are tried as well.

    Raises:
        LensError: it fails a check; says which.
        EngineError: its network cannot be run here.
    """
    from lensd.lens.package import open_package

    package = open_package(path)
    manifest = package.manifest
    if run and manifest.generator is None:
        from lensd.lens.open import stickers_of

        stickers_of(package)
    return Report(
        name=manifest.name,
        title=manifest.title,
        version=manifest.version,
        author=manifest.author,
        licence=manifest.licence,
        kind=manifest.kind,
        tags=manifest.tags,
        teacher=manifest.teacher,
        size_px=manifest.crop.size_px if manifest.crop else None,
        files={name: len(content) for name, content in package.contents.items()},
        networks=_networks(package, run=run),
        fingerprint=package.fingerprint,
        card=_printable_lines(package.contents.get("CARD.md", b"").decode()),
        run=run,
    )


def _networks(package: LensPackage, *, run: bool) -> tuple[NetworkReport, ...]:
    from lensd.lens.manifest import Precision
    from lensd.lens.network import check_network

    manifest, found = package.manifest, []
    if manifest.generator is None or manifest.crop is None:
        return ()
    for precision in get_args(Precision):
        if (variant := manifest.generator.variant(precision)) is None:
            continue
        content = package.network_in(precision)
        facts = check_network(content, manifest.crop.size_px, f"{package.name}.lens/{variant.network}")
        psnr = None
        if run:
            from lensd.engine.select import open_engine
            from lensd.lens.golden import check_golden

            with closing(open_engine(content, runtime="onnxruntime", name=f"lens {package.name}")) as engine:
                psnr = check_golden(package, engine, precision).psnr_db
        if psnr is not None:
            psnr = _PSNR_MOST_DB if math.isinf(psnr) else round(min(psnr, _PSNR_MOST_DB), 1)
        found.append(NetworkReport(precision, variant.network, facts.parameters, facts.macs, psnr))
    return tuple(found)


def _printable_lines(text: str) -> str:
    """Return a stranger's text without what would drive a terminal."""
    lines = ("".join(c if c.isprintable() else " " for c in line) for line in text[:CARD_MOST].splitlines())
    return "\n".join(line.rstrip() for line in lines).strip()


def _too_large(path: Path) -> LensError:
    limit = f"{(LIMITS.address_bytes or 0) >> 30} GB of address space"
    return LensError(path.name, f"needs more memory to be examined than a lens may have ({limit})")


if __name__ == "__main__":
    sys.exit(main())

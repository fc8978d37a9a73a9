"""What `lensd lens` says of a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.sharing.report import Report


def told(report: Report, path: Path) -> str:
    """Return all that is known of a package, a line each."""
    rows = [
        ("lens", f"{report.name} {report.version}"),
        ("title", report.title),
        ("author", report.author),
        ("licence", report.licence),
        ("kind", report.kind + (f", sees {report.size_px}x{report.size_px} pixels" if report.size_px else "")),
        ("tags", ", ".join(report.tags)),
        ("taught by", report.teacher or ""),
    ]
    rows += [
        (
            net.precision,
            f"{net.macs / 1e9:.3f} GMAC, {net.parameters:,} parameters, {report.files[net.file] / 1e6:.2f} MB",
        )
        for net in report.networks
    ]
    rows += [
        ("files", f"{len(report.files)}, {sum(report.files.values()) / 1e6:.2f} MB"),
        ("path", str(path)),
        ("fingerprint", f"{report.fingerprint} (proves it whole, not who made it)"),
    ]
    return "\n".join(f"{name:<12}{text}" for name, text in rows if text)


def proved(report: Report) -> str:
    """Return what the check of a package showed, in a line."""
    ran = [f"{net.precision} {net.psnr_db:g} dB" for net in report.networks if net.psnr_db is not None]
    golden = f", golden pair: {', '.join(ran)}" if ran else ""
    return f"{report.name} {report.version}: {len(report.files)} files as they were sealed{golden}"

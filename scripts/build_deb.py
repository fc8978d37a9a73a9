#!/usr/bin/env python3
"""Build the Debian package: build_deb.py [--without-dependencies] FOLDER.

The package has an environment of its own in /usr/lib/snaplens, with all that the base install needs in the versions of
constraints.txt, and lies where Debian's own tools look: module options, loading at boot, udev's rule, the user's unit,
menu, man page and the shells' completion. It starts nothing: that is `lensd setup`, which does what is left.
Built with the Python whose /usr/bin/pythonX.Y the package will run with; pip fetches what is needed.
"""

from __future__ import annotations

import argparse
import compileall
import gzip
import os
import platform
import py_compile
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "python{}.{}".format(*sys.version_info[:2])
HOME = "usr/lib/snaplens"
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in", "lensd", "trainer")
ICON = "icons/hicolor/scalable/apps/snaplens-camera.svg"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
SHELLS = {
    "bash": "usr/share/bash-completion/completions/lensd",
    "zsh": "usr/share/zsh/vendor-completions/_lensd",
    "fish": "usr/share/fish/vendor_completions.d/lensd.fish",
}
LAUNCHER = f"""#!/{HOME}/bin/python3 -P
import sys

from lensd.cli import main

sys.exit(main())
"""
CONTROL = """\
Package: snaplens
Version: {version}
Architecture: {architecture}
Maintainer: The SnapLens Camera engineers <engineers@snaplens.invalid>
Section: video
Priority: optional
Installed-Size: {kilobytes}
Depends: {python}, libgl1, libglib2.0-0 | libglib2.0-0t64, libxcb1
Recommends: v4l2loopback-dkms, mokutil
Suggests: pipewire-bin, v4l2loopback-utils
Description: learned face lens on your webcam, as a virtual camera
 A small network redraws the part of the picture where your face is; the result
 is a camera called "SnapLens Camera" that Zoom, Teams, Meet, Chrome, Firefox and
 OBS can pick. It runs on the processor, on your computer.
 .
 Begin with: lensd setup
"""


def put(tree: Path, name: str, content: bytes, mode: int = 0o644) -> None:
    """Write one file of the package."""
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def make_environment(tree: Path, work: Path, dependencies: bool) -> Path:
    """Make /usr/lib/snaplens, as `python -m venv` would there; return its site-packages."""
    source = work / "source"
    source.mkdir()
    for name in SOURCES:
        there = ROOT / name
        if there.is_dir():
            shutil.copytree(there, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(there, source / name)
    site = tree / HOME / "lib" / PYTHON / "site-packages"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    wanted = ["--constraint", str(ROOT / "constraints.txt")] if dependencies else ["--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), *wanted, str(source)], check=True)
    shutil.rmtree(site / "bin", ignore_errors=True)  # they would start the Python that built them
    put(tree, f"{HOME}/pyvenv.cfg", f"home = /usr/bin\nversion = {platform.python_version()}\n".encode())
    put(tree, f"{HOME}/bin/lensd", LAUNCHER.encode(), 0o755)
    (tree / HOME / "bin/python3").symlink_to(f"/usr/bin/{PYTHON}")
    # Without bytecode each start would take 0.3 s more, as nobody but root could write it.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(site, quiet=2, stripdir=str(tree), prependdir="/", invalidation_mode=mode, workers=1)
    return site


def place_files(tree: Path, site: Path) -> None:
    """Put everything else where the system's tools look for it."""
    files = site / "lensd/setup"
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/lensd").symlink_to("../lib/snaplens/bin/lensd")
    for source, target in {
        "systemd/modprobe.d/snaplens.conf": "usr/lib/modprobe.d/snaplens.conf",
        "systemd/modules-load.d/snaplens.conf": "usr/lib/modules-load.d/snaplens.conf",
        "systemd/udev/60-snaplens-camera.rules": "usr/lib/udev/rules.d/60-snaplens-camera.rules",
        "share/applications/snaplens-camera.desktop": "usr/share/applications/snaplens-camera.desktop",
        f"share/{ICON}": f"usr/share/{ICON}",
    }.items():
        put(tree, target, (files / source).read_bytes())
    unit = (files / "systemd/lensd.service").read_text("utf-8")
    put(tree, "usr/lib/systemd/user/lensd.service", unit.replace("%h/.local/bin/lensd", "/usr/bin/lensd").encode())
    for shell, target in SHELLS.items():
        put(tree, target, lensd(site, "completion", shell))
    put(tree, "usr/share/man/man1/lensd.1.gz", gzip.compress(lensd(site, "manual"), mtime=0))
    put(tree, "usr/share/doc/snaplens/copyright", (ROOT / "LICENSE").read_bytes())
    put(tree, "usr/share/doc/snaplens/changelog.gz", gzip.compress((ROOT / "CHANGELOG.md").read_bytes(), mtime=0))


def lensd(site: Path, *words: str) -> bytes:
    """Return what `lensd WORDS` of the package writes."""
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-P", "-m", "lensd", *words], env=environment, check=True, stdout=subprocess.PIPE
    ).stdout


def main() -> None:
    """Build the package and print where it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the package goes")
    parser.add_argument(
        "--without-dependencies", action="store_true", help="our own files only, which do not run by themselves"
    )
    options = parser.parse_args()
    if shutil.which("dpkg-deb") is None:
        sys.exit("error: there is no dpkg-deb here\nhint:  sudo apt-get install dpkg")
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="snaplens-deb-") as folder:
        work = Path(folder)
        tree = work / "tree"
        site = make_environment(tree, work, not options.without_dependencies)
        place_files(tree, site)
        version = lensd(site, "--version").decode().split()[-1]
        architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
        kilobytes = sum(path.lstat().st_size for path in tree.rglob("*")) // 1024
        control = CONTROL.format(version=version, architecture=architecture, kilobytes=kilobytes, python=PYTHON)
        put(tree, "DEBIAN/control", control.encode())
        options.folder.mkdir(parents=True, exist_ok=True)
        package = options.folder / f"snaplens_{version}_{architecture}.deb"
        build = ["dpkg-deb", "--root-owner-group", "-Zzstd", "--build", str(tree), str(package)]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    print(f"{package}: {package.stat().st_size / 1e6:.1f} MB, {kilobytes / 1e3:.0f} MB installed")


if __name__ == "__main__":
    main()

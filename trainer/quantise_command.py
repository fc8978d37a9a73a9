"""`lensd quantise`: a lens with its network in INT8 and float16 besides."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from lensd.errors import ConfigError, LensError

if TYPE_CHECKING:
    from lensd.lens.manifest import Precision

_CHOICES = ("int8", "float16")


@click.command()
@click.argument("lens")
@click.option(
    "--faces",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder with images/, index.csv and mesh478.npz: who is taught calibrates, who is held out is measured.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="NAME.lens, to write.")
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(_CHOICES),
    multiple=True,
    default=_CHOICES,
    show_default=True,
    help="Which to make; may be given twice.",
)
def quantise(lens: str, faces: Path, out: Path, precisions: tuple[Precision, ...]) -> None:
    """Write LENS (a name or a package's path) with its network in INT8 and float16 besides.

    Both go into the package beside the float32 network, which is still the one that runs unless another is asked for
    (lensd evaluate --precision, lensd export --precision). Each is run on the golden pair before it is written, and
    what it loses against float32 is printed and written into the card.
    """
    from lensd.lens.manifest import Precision as Known
    from lensd.lens.open import find_package
    from lensd.lens.package import open_package
    from trainer.variants import CALIBRATED_ON, make_variants, write_variants

    if out.suffix != ".lens":
        raise ConfigError(str(out), "a lens package is a folder NAME.lens", f"--out {out}.lens")
    path = find_package(lens)
    if path is None:
        raise LensError("lens none", "draws nothing, so it has no network", "lensd lenses")
    package = open_package(path)
    chosen = [precision for precision in get_args(Known) if precision in precisions]
    with click.progressbar(length=CALIBRATED_ON, label="calibrating on faces", file=sys.stderr) as bar:
        made = make_variants(package, faces, chosen, lambda: bar.update(1))
    try:
        write_variants(package, made, out)
    except OSError as error:
        raise ConfigError(str(out), error.strerror or str(error), "--out FOLDER.lens") from error
    for variant in made:
        click.echo(variant)
    click.echo(f"wrote {out}")
    click.echo(f"next: lensd evaluate {out} --faces DIR --precision float32 --precision {chosen[-1]}")

"""The tracker's network, from a folder of pairs to landmarks.onnx: `python -m trainer.teach_tracker --help`."""

from __future__ import annotations

from pathlib import Path

import click

from lensd.cli.until_signal import until_signal
from lensd.whole_file import write_whole
from trainer import checkpoint
from trainer.landmarks import LandmarkNet, train_landmarks
from trainer.onnx_graph import landmarks_onnx
from trainer.pairs import open_pairs


@click.command()
@click.option("--pairs", type=click.Path(path_type=Path, file_okay=False), required=True, help="From `lensd pairs`.")
@click.option("--run", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the weights.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="ONNX file to write.")
@click.option("--steps", default=7000, show_default=True, help="Of 32 samples; 0 only exports.")
@click.option("--rate", default=2e-3, show_default=True, help="Highest learning rate.")
@click.option("--start-from", type=click.Path(path_type=Path, dir_okay=False), help="Weights to start from.")
def main(pairs: Path, run: Path, out: Path, steps: int, rate: float, start_from: Path | None) -> None:
    """Teach the tracker's network its 478 points, and write it as ONNX. Ctrl-C keeps what was learned."""
    if steps:
        with until_signal() as stop:
            train_landmarks(
                open_pairs(pairs), run, steps=steps, rate=rate, start_from=start_from, stop=stop, progress=click.echo
            )
    network = LandmarkNet()
    network.load_state_dict(checkpoint.load(run / "landmarks.safetensors")[0])
    content = landmarks_onnx(network.eval())
    write_whole(out, content)
    click.echo(f"wrote {out}, {len(content) / 1e6:.1f} MB")
    click.echo(f"next: python -m trainer.narrow_tracker {out} --faces DIR --out lensd/face/landmarks.onnx")


if __name__ == "__main__":
    main()

"""The paper's experiment on faces: `python bench/paper.py --faces FACES --work WORK`.

Makes pairs label map | photograph, trains every run of `RUNS` to each number of steps in turn (so that all have had
the same whenever one looks), and measures each on people held out: a line of JSON in WORK/figures.jsonl for each run
and number of steps. Cut it as you like: the same command goes on. FACES holds images/, mesh478.npz and index.csv (file,
person); WORK will hold people's pictures, so keep it outside the repository.

`--grid PICTURE` paints invented faces, and the astronaut's, with what is trained.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from paper_figures import measure, measure_real, picture_grid, table

from lensd.whole_file import write_whole
from trainer.commands import until_signal
from trainer.paper import segmenter
from trainer.paper.faces import CROP_PX, SCALE_PX, make_pairs
from trainer.pix2pix import keep
from trainer.pix2pix.data import read_pictures
from trainer.pix2pix.options import Options
from trainer.pix2pix.train import Run, train

# Name to (direction, loss, patch). Patches of 1, 8, 35 and 143 px would be to 128 what the paper's 1, 16, 70 and 286
# are to 256; the discriminators that there are have 1, 16, 34 and 142.
RUNS = {
    "paint-l1+cgan": ("AtoB", "l1+cgan", 34),
    "paint-l1": ("AtoB", "l1", 34),
    "paint-cgan": ("AtoB", "cgan", 34),
    "tell-l1": ("BtoA", "l1", 34),
    "tell-l1+cgan": ("BtoA", "l1+cgan", 34),
    "tell-cgan": ("BtoA", "cgan", 34),
    "paint-patch-1": ("AtoB", "l1+cgan", 1),
    "paint-patch-142": ("AtoB", "l1+cgan", 142),
    "paint-patch-16": ("AtoB", "l1+cgan", 16),
}
JUDGE_STEPS = 1200


def options_of(name, steps):
    """Return a run's options: the paper's but for the size, the width, and a batch of 4."""
    direction, loss, patch = RUNS[name]
    return Options(
        generator="unet_128",
        ngf=32,
        ndf=32,
        batch_size=4,
        scale_size=SCALE_PX,
        crop_size=CROP_PX,
        which_direction=direction,
        loss=loss,
        patch=patch,
        max_steps=steps,
        seed=1,
        keep=1,
        save_freq=250,
        summary_freq=0,
        progress_freq=50,
        precision="bf16",
    )


def steps_done(folder):
    """Return the step of a run's newest checkpoint, 0 where there is none."""
    found = keep.numbered(folder)
    return int(found[-1].stem.rpartition("-")[2]) if found else 0


def advance(name, work, steps, stop):
    """Train a run until it has done `steps` steps; return whether it has."""
    folder = work / name
    options = options_of(name, steps)
    if steps_done(folder) >= steps:
        return True
    kept = keep.load(folder) if steps_done(folder) else None
    run = Run(options, folder, read_pictures(work / "train", SCALE_PX, options.which_direction))
    if kept is not None:
        run.restore(*kept)
        del kept
    begun, before = time.process_time(), run.model.step

    def tell(line):
        print(f"{name} {line.step}/{steps}  {line.images_per_s:.1f} images/s  {line.losses}", flush=True)

    finished = train(run, stop=stop, tell=tell)
    with (folder / "time.jsonl").open("a") as file:
        cost = {"from": before, "to": run.model.step, "cpu_s": time.process_time() - begun}
        file.write(json.dumps(cost) + "\n")
    return finished


def judge_of(work):
    """Return the segmenter, taught where it is not there yet."""
    path = work / "judge.safetensors"
    if not path.exists():

        def tell(step, loss):
            if step % 100 == 0:
                print(f"judge {step}/{JUDGE_STEPS}  loss {loss:.3f}", flush=True)

        pairs = read_pictures(work / "train", SCALE_PX, "AtoB")
        segmenter.save(segmenter.teach(pairs, CROP_PX, JUDGE_STEPS, tell=tell), path)
    return segmenter.load(path)


def queue(work, rounds, stop):
    """Train and measure, round by round."""
    judge = judge_of(work)
    if not read_figures(work):
        keep_figures(work, {"run": "real photographs", "steps": 0, **measure_real(work / "test", judge)})
    for steps in rounds:
        for name in RUNS:
            if not advance(name, work, steps, stop):
                return
            done = {(line["run"], line["steps"]) for line in read_figures(work)}
            if steps_done(work / name) == steps and (name, steps) not in done:
                keep_figures(work, {"run": name, "steps": steps, **measure(work / name, work / "test", judge)})
    table(read_figures(work))
    print(json.dumps(read_figures(work)))


def read_figures(work):
    """Return what has been measured, a dictionary a run and number of steps."""
    path = work / "figures.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep_figures(work, figures):
    """Print them, and add them to the file."""
    line = json.dumps(figures)
    print(line, flush=True)
    with (work / "figures.jsonl").open("a") as file:
        file.write(line + "\n")


def main():
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, nargs="+", default=[500, 1000, 1500, 2000])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--grid", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    work = chosen.work
    if not (made := work / "pairs.json").exists():
        if chosen.faces is None:
            parser.error("--faces is needed: no pairs have been made yet")
        write_whole(made, json.dumps(make_pairs(chosen.faces, work)).encode())
    print("pairs to train and to test with:", made.read_text(), flush=True)
    if chosen.grid is not None:
        picture_grid(work, chosen.grid)
        return
    with until_signal() as stop:
        queue(work, chosen.steps, stop)


if __name__ == "__main__":
    main()

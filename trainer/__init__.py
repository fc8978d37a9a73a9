"""How a lens is taught. The only code with torch; nothing in lensd imports it.

Each stage is a function in a file of its own, and meets the next one through files (trainer/dataset, which makes and
checks pairs of any other pictures, as well):

    photographs + mesh + overlay  --pairs.py-->   photos.npy points.npy pairs.json   (split by person)
    pairs, maybe a teacher        --distil/-->    checkpoint.safetensors progress.jsonl
    checkpoint                    --export.py-->  NAME.lens (network, golden pair, preview, card)

`lensd new` does all of it in one go. The lenses that ship are made by `python -m trainer.gallery` (LOG.md has what was
tried); `thug-life` took 11 minutes of one core:

    python -m trainer.gallery thug-life --faces ../shared/data/faces --out pairs --train --lenses lensd/lenses
"""

import lensd  # noqa: F401 before ONNX Runtime, which it keeps from telling its makers of each network

r"""How a lens is taught. The only code with torch; nothing in lensd imports it.

Each stage is a function in a file of its own, and meets the next one through files (trainer/dataset, which makes and
checks pairs of any other pictures, as well):

    photographs + mesh + overlay  --pairs.py-->   photos.npy points.npy pairs.json   (split by person)
    pairs, maybe a teacher        --distil/-->    checkpoint.safetensors progress.jsonl
    checkpoint                    --export.py-->  NAME.lens (network, golden pair, preview, card)

`thug-life` was made so, about an hour on one core (LOG.md has what was tried):

    lensd pairs --lens thug-life-overlay --faces ../shared/data/faces --out pairs
    lensd distil --pairs pairs --run small --size 160 --steps 2000 --bf16
    lensd distil --pairs pairs --run full --size 256 --steps 2600 --rate 1.8e-3 --bf16 \
        --start-from small/checkpoint.safetensors
    lensd export full/checkpoint.safetensors --out lensd/lenses/thug-life.lens --teacher thug-life-overlay \
        --card trainer/art/thug_life_card.md
"""

import lensd  # noqa: F401 before ONNX Runtime, which it keeps from telling its makers of each network

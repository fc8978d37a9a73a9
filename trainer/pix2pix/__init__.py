"""pix2pix (Isola et al. 2017, arXiv 1611.07004): from one picture to another, taught by pairs of them.

    folder of A|B --data.py--> pairs in memory --model.py (generators, discriminators, losses)--> train.py (the loop)
    train.py --keep.py--> RUN/checkpoint-*.safetensors, best.safetensors   --page.py--> RUN/images, RUN/index.html
    checkpoint + pictures --paint.py--> inputs, outputs, targets, index.html

`docs/pix2pix.md` maps the options of pix2pix-tensorflow and of the original to ours.
"""

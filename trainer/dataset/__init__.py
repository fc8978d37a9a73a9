"""Folders of pictures to folders of pairs, and what is wrong with them. No torch.

A pair is a picture A (before) and a picture B (after) of the same size. A folder holds pairs either side by side,
`train/NAME.png` with A on the left, as pix2pix-tensorflow (`--input_dir FOLDER/train`) and pytorch-CycleGAN-and-pix2pix
(`--dataroot FOLDER`) read it, or apart, `A/train/NAME.png` and `B/train/NAME.png`. What a drawing covers of B lies in
`matte/train/NAME.png`, grey. Whose picture it is stands in `index.csv` (columns `file` and `person`, and more).

read, write          one picture, checked; one picture, whole or not at all
operations           resize, grayscale, blank, edges: pixels to pixels
work                 many files: all checked first, then done in parallel; what is there already is left out
one_by_one, sides,   the works themselves: a picture, two folders and one, a video, photographs with a drawing on every
frames, draw         face that `faces` finds
split                who is for training and who for testing, as a list
layout               the pairs of a folder, whichever way they lie
measure, check       what is wrong with each, and among them; `sheet` shows it
"""

"""`lensd new`: from a sticker, or from a folder of pictures before and after, to a lens that is installed.

The whole way is a list of stages (`stages.py`). Each writes its files into a folder of its own inside the run's folder
and, when they are whole, a stamp with a digest of what it was made from; so the same command goes on after any cut, and
a stage whose stamp still fits is left out. Nothing is written before everything that was given was looked at.

wish, sticker         what was asked for, checked; the PNG trimmed, and placed on the face
drawn_pairs           stage "pairs" for a sticker: photographs, the overlay lens that teaches, and the canvas
given_pairs, matte    stage "pairs" for a folder of pairs: the face's crop of A and B, and what of B is to be painted
efforts               what each effort means in steps, and as which lens a sticker's network begins
teaching, distilling  the stages that train: a U-Net, where B was given and there is time; the compact network
packing               the stages "export", "evaluate" and "install"; `installing` puts a package in its place
judge, page           how good the lens is on people held out; the page that shows it
display, command      what is seen on the terminal
"""

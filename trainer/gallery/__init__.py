"""The gallery: the lenses that ship, each with its teacher, and the way from photographs to a package.

`python -m trainer.gallery` is the whole of it. lenses: who teaches what; painted: pairs of a teacher that paints; ship:
a package trained, proved, measured and described; sheet: faces side by side, for looking.
"""

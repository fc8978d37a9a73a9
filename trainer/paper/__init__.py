"""The paper's experiment on faces: label map against photograph, with the objectives and patches that it compares.

`bench/paper.py` runs it; docs/paper.md tells what came of it.
"""

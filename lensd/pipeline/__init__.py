"""The frame's path as code: capture, render, and the loading of lenses beside it. Sees the ports only."""

"""Layers onto pictures: `blend.Compositor` lays what a lens drew over the planes, in the matte's region only."""

"""What the face becomes: lens packages, their checks, and the lenses themselves."""

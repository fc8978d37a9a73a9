"""Art drawn by our own code, for the lenses that are shipped."""

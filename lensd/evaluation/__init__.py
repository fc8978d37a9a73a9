"""How good a lens is, measured on photographs of faces whose points are known; no torch."""

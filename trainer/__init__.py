"""How a lens is taught: photographs to pairs, pairs to a network, a network to a package. The only code with torch."""

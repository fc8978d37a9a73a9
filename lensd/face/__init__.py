"""Where the face is: a cascade finds it, a network of ours follows its 478 points, a filter steadies them."""

"""A lens put on a file: a picture, or a whole video with its sound."""

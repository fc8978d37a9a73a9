"""The process that may crash: camera, face, lens and composite, wired together, for one keeper."""

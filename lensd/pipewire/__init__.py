"""The process that offers the pictures as a camera of PipeWire's. Nothing depends on it."""

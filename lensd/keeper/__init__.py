"""The process that owns the virtual camera and never stops writing it."""

"""The preview page: a process of its own that shows what is on air, over HTTP on this computer only."""

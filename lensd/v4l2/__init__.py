"""V4L2, the kernel's interface to cameras, as far as a webcam and a virtual camera need it.

`uapi` has the kernel's structures and numbers, `device` one function for each request, `buffers` the memory that a
driver shares with us, `nodes` the list of devices, `holders` who has them open. Standard library and numpy only.
"""

"""What all tests share."""

import signal

from hypothesis import settings

# A busy machine is no fault: what has to be quick is asserted by name, with slack.
settings.register_profile("lensd", deadline=None)
settings.load_profile("lensd")

# `make test &` in a script ignores Ctrl-C, and so would every program that the tests start and stop by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

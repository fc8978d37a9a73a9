"""What all tests share."""

from hypothesis import settings

# A busy machine is no fault: what has to be quick is asserted by name, with slack.
settings.register_profile("lensd", deadline=None)
settings.load_profile("lensd")

"""Which runtime runs a lens on this machine: measured beside the lens that runs, remembered, and said."""

"""From an installed package to a camera in every program's list: what is to be done, and doing it."""

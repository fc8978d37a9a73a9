"""Lens packages on their way from one person to another: checked behind limits, installed whole, packed, fetched."""

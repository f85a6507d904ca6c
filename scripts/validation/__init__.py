"""Validation of statutory returns: the rules LAs' returns are checked by, as data, counted and never shown."""

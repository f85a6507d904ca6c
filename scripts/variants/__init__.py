"""Variants: the headline estimate with one contested choice changed, for the specification curve."""

"""Conclusions: what all estimates of all outcomes say together."""

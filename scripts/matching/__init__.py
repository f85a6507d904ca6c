"""Matching: comparator LAs, coarsened exact matching of children, composite weights, balance."""

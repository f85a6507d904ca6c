"""The release gate: results tables in; what may leave the secure environment, and proof of it, out."""

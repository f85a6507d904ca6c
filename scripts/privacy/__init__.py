"""The privacy gate: what may enter, what is refused, and how ids are re-keyed; it runs before anything else reads."""

"""The pictures of the page, by what they show; each takes results tables and the study, and leaves Charts."""

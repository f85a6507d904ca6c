"""Whether the extracts hold what they should: yearly counts beside published ones, and breaks in recording."""

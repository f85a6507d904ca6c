"""Missing data: chained equations and the table of what is missing."""

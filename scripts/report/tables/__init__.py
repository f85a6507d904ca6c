"""The tables of the page: each module takes results tables and the study, and leaves Tables, cell by cell in words."""

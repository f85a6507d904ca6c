"""What the study's data look like: tables, code sets by census year, names of the sources' columns."""

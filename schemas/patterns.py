"""Forms that identifiers have in every table."""

LA_PATTERN = r"^\d{3}$"

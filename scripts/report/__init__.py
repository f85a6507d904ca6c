"""The summary page: made from results tables only, never from individual-level data."""

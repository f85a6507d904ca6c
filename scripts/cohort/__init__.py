"""The cohort of an outcome: index events of matched groups of LAs, before and after embedding."""

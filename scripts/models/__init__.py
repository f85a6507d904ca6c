"""Models: design, cross-products per LA and period, estimators, pooling, the table of estimates."""

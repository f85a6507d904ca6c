"""The results tables that conclusions are drawn from."""

READ = (
    "estimates",
    "variants",
    "model_tests",
    "leave_one_out",
    "la_effects",
    "sensitivity",
    "balance",
    "balance_overall",
)

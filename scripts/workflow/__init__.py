"""How the study becomes a graph of jobs: what each job is given, what makes it stale, how it is run and logged."""

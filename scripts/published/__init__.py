"""Statistics that the Department for Education publishes, read from the files of its releases."""

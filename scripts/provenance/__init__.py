"""What was done, in a form that others' tools read."""

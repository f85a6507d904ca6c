"""Data rights, retention and the record of processing: what the study promised the people its records are about."""

"""The study's configuration: read strictly, checked against its schema and against itself."""

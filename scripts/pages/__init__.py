"""What all pages share: the style sheet and how templates are read."""

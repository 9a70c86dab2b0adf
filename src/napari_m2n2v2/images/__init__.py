"""What pixels are, and where they are."""

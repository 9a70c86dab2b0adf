"""The slow part, once per image, and where it is kept."""

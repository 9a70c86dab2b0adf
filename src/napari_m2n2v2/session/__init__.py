"""The fast part, per click, and what is kept of it."""

"""How many clicks does it take: simulated clicks and metrics (section 4)."""

"""Sales: schema only."""

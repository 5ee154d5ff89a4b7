"""What is sold: schema only."""

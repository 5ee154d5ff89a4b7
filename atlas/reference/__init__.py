"""What every installation needs, as rows."""

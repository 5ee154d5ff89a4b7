"""URL in, rows out. The engines follow Piccolo's conventions and know no table."""

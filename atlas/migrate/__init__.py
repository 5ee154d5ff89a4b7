"""What migrations need beyond Piccolo's own."""

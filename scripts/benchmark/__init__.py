"""The benchmark: what one operation costs here and with other libraries, side by side."""

"""Organisation, geography, calendar, channels, sources: schema only."""

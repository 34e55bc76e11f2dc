"""Models that learn from measurements, from persistence up, in one registry."""

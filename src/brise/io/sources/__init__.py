"""One file per provider: what to request and how to decode it."""

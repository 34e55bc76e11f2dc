"""Thin shells: read, call a pure function, write."""

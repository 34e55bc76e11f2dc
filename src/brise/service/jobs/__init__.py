"""Idempotent jobs keyed by (product, time)."""

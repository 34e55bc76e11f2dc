"""Brise: an open, self-hosted atmospheric data platform."""

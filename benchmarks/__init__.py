"""Skill and speed, as ratios against a named peer in the same run."""

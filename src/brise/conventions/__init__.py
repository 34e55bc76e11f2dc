"""What our data looks like: names, units, shapes, checks. Imports nothing of ours."""

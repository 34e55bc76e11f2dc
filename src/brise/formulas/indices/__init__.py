"""Air-quality indices: one file each, exact to their published rule set."""

"""Dimension names and their order in every cube; the letters that docstrings use for shapes.

Letters: B batch, T past steps, L lead times, C variables, S context stations, P query points, K neighbours,
Q quantiles, Y X grid, N nodes, E edges.
"""

CUBE_DIMENSIONS: tuple[str, ...] = (
    "init_time",
    "lead_time",
    "time",
    "quantile",
    "realization",
    "latitude",
    "longitude",
    "y",
    "x",
)
"""The only dimensions a cube may have, in the only order. Latitude runs north to south."""
